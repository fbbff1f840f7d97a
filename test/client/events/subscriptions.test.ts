import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import type { MessageContent } from '../../../client/events/content.js';
import type { ReceivedEvent } from '../../../client/events/received.js';
import { Subscriptions } from '../../../client/events/subscriptions.js';
import { messageEvent } from '../../support/wire/messages.js';
import { thrownBy } from '../../support/thrown.js';

type Content = MessageContent | undefined;

/** A promise, and the functions that settle it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** Lets all work run that does not wait for a timer. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the subscriptions of a client', () => {
  let subscriptions: Subscriptions;
  let changes: string[][];
  let failures: { pattern: string; error: unknown }[];

  beforeEach(() => {
    changes = [];
    failures = [];
    subscriptions = new Subscriptions({
      handlerTimeoutMs: 20,
      node: 'lobby-1',
      onPatterns: () => changes.push(subscriptions.patterns),
      onFailure: (pattern, error) => failures.push({ pattern, error }),
    });
  });

  /** Resolves when all handlers have processed the event, or at once if it has none. */
  const deliver = async (text: string, topic = 'chat.global'): Promise<void> => {
    await subscriptions.deliver(messageEvent(text, topic, 7));
  };

  it('give each handler the events that its pattern matches, in order', async () => {
    const seen: Content[][] = [[], []];
    subscriptions.add('chat.*', ({ content }) => void seen[0]?.push(content));
    subscriptions.add('>', ({ content }) => void seen[1]?.push(content));
    await Promise.all([deliver('1'), deliver('2', 'shop.sold'), deliver('3'), deliver('4')]);
    expect(seen).to.deep.equal([
      ['1', '3', '4'],
      ['1', '2', '3', '4'],
    ]);
  });

  it('give a message in its parts', async () => {
    const seen: ReceivedEvent[] = [];
    subscriptions.add('chat.*', (event) => void seen.push(event));
    const event = messageEvent('hello', 'chat.global', 7);
    await subscriptions.deliver(event);
    expect(seen).to.deep.equal([
      {
        sequence: 7,
        topic: 'chat.global',
        source: 'lobby-1',
        time: event.time,
        type: 'note',
        content: 'hello',
        attributes: {},
        origin: 'NODE',
        body: undefined,
      },
    ]);
  });

  it('do nothing for an event without a handler', () => {
    subscriptions.add('chat.*', () => undefined);
    expect(subscriptions.deliver(messageEvent('x', 'shop.sold'))).to.equal(undefined);
  });

  it('refuse an invalid pattern at once', () => {
    const { reason, permanent } = thrownBy(KelpieError, () =>
      subscriptions.add('chat.>.x', () => undefined),
    );
    expect({ reason, permanent }).to.deep.equal({ reason: 'TOPIC_INVALID', permanent: true });
    expect(subscriptions.patterns).to.be.empty;
  });

  it('run a handler for one event at a time', async () => {
    const gates = new Map<Content, ReturnType<typeof gate>>(
      ['a', 'b', 'c'].map((text) => [text, gate()]),
    );
    const begun: Content[] = [];
    subscriptions.add('chat.*', async ({ content }) => {
      begun.push(content);
      await gates.get(content)?.opened;
    });
    const all = ['a', 'b', 'c'].map((text) => deliver(text));
    for (const [index, one] of [...gates.values()].entries()) {
      await settled();
      expect(begun).to.deep.equal(['a', 'b', 'c'].slice(0, index + 1));
      one.open();
    }
    await Promise.all(all);
    expect(failures).to.be.empty;
  });

  it('wait for any value with a then function', async () => {
    const { opened, open } = gate();
    subscriptions.add('chat.*', () => ({ then: (done) => opened.then(done) }));
    let processed = false;
    const processing = deliver('a').then(() => (processed = true));
    await settled();
    expect(processed).to.equal(false);
    open();
    await processing;
  });

  it('give the messages of the own inbox, in any case, and refuse the inboxes of other nodes', async () => {
    const seen: Content[] = [];
    for (const pattern of ['inbox.Lobby-1', 'inbox.*'])
      subscriptions.add(pattern, ({ content }) => void seen.push(content));
    await deliver('mine', 'inbox.lobby-1');
    expect(seen).to.deep.equal(['mine', 'mine']);
    const { reason } = thrownBy(KelpieError, () =>
      subscriptions.add('inbox.other', () => undefined),
    );
    expect(reason).to.equal('TOPIC_RESERVED');
  });

  it('do not delay a handler because another one is slow', async () => {
    const slow = gate();
    const seen: Content[] = [];
    subscriptions.add('chat.*', () => slow.opened);
    subscriptions.add('chat.*', ({ content }) => void seen.push(content));
    const both = [deliver('a'), deliver('b')];
    await settled();
    expect(seen).to.deep.equal(['a', 'b']);
    slow.open();
    await Promise.all(both);
  });

  it('have processed an event when all its handlers have settled', async () => {
    const slow = gate();
    subscriptions.add('chat.*', () => slow.opened);
    subscriptions.add('chat.*', () => undefined);
    let processed = false;
    const processing = deliver('a').then(() => (processed = true));
    await settled();
    expect(processed).to.equal(false);
    slow.open();
    await processing;
    expect(processed).to.equal(true);
  });

  for (const [how, fail] of [
    [
      'throws',
      () => {
        throw new Error('a bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bug'))],
  ] as const) {
    it(`go on with the next event when a handler ${how}, and report it`, async () => {
      const seen: Content[] = [];
      subscriptions.add('chat.*', ({ content }) => {
        seen.push(content);
        return fail();
      });
      await Promise.all([deliver('a'), deliver('b')]);
      expect(seen).to.deep.equal(['a', 'b']);
      expect(failures.map(({ pattern }) => pattern)).to.deep.equal(['chat.*', 'chat.*']);
      for (const { error } of failures) expect(error).to.have.property('message', 'a bug');
    });
  }

  it('go on with the next event when a handler does not settle in time, and report it', async () => {
    const seen: Content[] = [];
    subscriptions.add('chat.*', ({ content }) => {
      seen.push(content);
      return content === 'stuck' ? new Promise<never>(() => undefined) : undefined;
    });
    await Promise.all([deliver('stuck'), deliver('next')]);
    expect(seen).to.deep.equal(['stuck', 'next']);
    const [failure, ...more] = failures;
    expect(failure?.pattern).to.equal('chat.*');
    expect(failure?.error).to.be.instanceOf(KelpieError).with.property('reason', 'HANDLER_TIMEOUT');
    expect(more).to.be.empty;
  });

  it('give a closed subscription no further event', async () => {
    const seen: Content[] = [];
    const subscription = subscriptions.add('chat.*', ({ content }) => void seen.push(content));
    await deliver('a');
    subscription.close();
    subscription.close();
    expect(subscriptions.deliver(messageEvent('b'))).to.equal(undefined);
    await settled();
    expect(seen).to.deep.equal(['a']);
  });

  it('give a closed subscription no event that waited for its handler', async () => {
    const slow = gate();
    const seen: Content[] = [];
    const subscription = subscriptions.add('chat.*', ({ content }) => {
      seen.push(content);
      return slow.opened;
    });
    const both = [deliver('a'), deliver('b')];
    await settled();
    subscription.close();
    slow.open();
    await Promise.all(both);
    expect(seen).to.deep.equal(['a']);
  });

  it('ask for each pattern once, as long as a subscription has it', () => {
    const first = subscriptions.add('chat.*', () => undefined);
    const second = subscriptions.add('chat.*', () => undefined);
    subscriptions.want('nodes.*');
    const third = subscriptions.add('nodes.*', () => undefined);
    expect(changes).to.deep.equal([['chat.*'], ['chat.*', 'nodes.*']]);
    third.close();
    first.close();
    first.close();
    expect(subscriptions.patterns).to.deep.equal(['chat.*', 'nodes.*']);
    second.close();
    expect(changes.slice(2)).to.deep.equal([['nodes.*']]);
  });
});
