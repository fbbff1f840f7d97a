import { expect } from 'chai';
import fc from 'fast-check';
import { KelpieError } from '../../../client/errors.js';
import { Publisher } from '../../../client/events/publisher.js';
import { EventDraft } from '../../../gen/ts/kelpie/v1/event.js';
import { type Publish, Welcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { messageDraft, textOfMessage } from '../../support/wire/messages.js';
import { rejectionOf } from '../../support/thrown.js';

function textsOf(frame: Publish | undefined): (string | undefined)[] {
  return (frame?.events ?? []).map(({ payload }) => textOfMessage(payload));
}

const welcome = (publishSequence: number): Welcome => Welcome.create({ publishSequence });

const refused = (sequence: number) => ({
  publishSequence: sequence,
  error: {
    reason: ErrorReason.TOPIC_RESERVED,
    code: 3,
    message: 'the topic is reserved',
    metadata: { topic: 'nodes.a' },
    retryAfter: undefined,
  },
});

describe('the publisher of a client', () => {
  let publisher: Publisher;
  let wakes: number;
  /** The outcome of each publish, by its text. */
  let outcomes: Record<string, string>;

  beforeEach(() => {
    wakes = 0;
    outcomes = {};
    publisher = new Publisher(() => (wakes += 1));
  });

  const publish = (...texts: string[]): void => {
    for (const text of texts) {
      publisher.publish(messageDraft(text)).then(
        () => (outcomes[text] = 'stored'),
        (error: unknown) =>
          (outcomes[text] = error instanceof KelpieError ? error.reason : String(error)),
      );
    }
  };

  const takeAll = (): Publish[] => {
    const frames: Publish[] = [];
    for (let frame = publisher.take(); frame; frame = publisher.take()) frames.push(frame);
    return frames;
  };

  /** Lets the callbacks of settled promises run. */
  const delivered = () => new Promise((resolve) => setImmediate(resolve));

  it('numbers events from 1 and sends all waiting events in one frame', () => {
    publish('a', 'b');
    expect(wakes).to.equal(2);
    const frame = publisher.take();
    expect(frame?.firstPublishSequence).to.equal(1);
    expect(textsOf(frame)).to.deep.equal(['a', 'b']);
    expect(publisher.take()).to.equal(undefined);
    publish('c');
    const next = publisher.take();
    expect([next?.firstPublishSequence, ...textsOf(next)]).to.deep.equal([3, 'c']);
  });

  it('has nothing to send before the first publish', () => {
    expect(publisher.take()).to.equal(undefined);
  });

  it('sends at most 256 events in a frame', () => {
    publish(...Array.from({ length: 600 }, (_, index) => String(index)));
    const frames = takeAll();
    expect(frames.map(({ events }) => events.length)).to.deep.equal([256, 256, 88]);
    expect(frames.map(({ firstPublishSequence }) => firstPublishSequence)).to.deep.equal([
      1, 257, 513,
    ]);
    expect(frames.flatMap(textsOf)).to.deep.equal(
      Array.from({ length: 600 }, (_, index) => String(index)),
    );
  });

  it('sends at most 256 KiB in a frame, a larger event alone', () => {
    const [small, large] = ['x'.repeat(100 * 1024), 'x'.repeat(300 * 1024)];
    publish(small, small, small, large, small);
    expect(takeAll().map(({ events }) => events.length)).to.deep.equal([2, 1, 1, 1]);
  });

  it('settles everything up to an acknowledgement, and nothing after it', async () => {
    publish('a', 'b', 'c');
    publisher.take();
    await delivered();
    expect(outcomes).to.deep.equal({});
    publisher.acknowledge({ publishSequence: 2, rejections: [] });
    await delivered();
    expect(outcomes).to.deep.equal({ a: 'stored', b: 'stored' });
    expect(publisher.take()).to.equal(undefined);
  });

  it('ignores an old acknowledgement', async () => {
    publish('a', 'b');
    publisher.take();
    publisher.acknowledge({ publishSequence: 1, rejections: [] });
    publisher.acknowledge({ publishSequence: 1, rejections: [] });
    await delivered();
    expect(outcomes).to.deep.equal({ a: 'stored' });
  });

  it('rejects an event that the coordinator refused, with its reason', async () => {
    const publishing = publisher.publish(messageDraft('a'));
    publish('b');
    publisher.take();
    publisher.acknowledge({ publishSequence: 2, rejections: [refused(1)] });
    const error = await rejectionOf(KelpieError, publishing);
    expect(error.reason).to.equal('TOPIC_RESERVED');
    expect(error.message).to.equal('the topic is reserved');
    expect(error.metadata).to.deep.equal({ topic: 'nodes.a' });
    expect(error.permanent).to.equal(true);
    await delivered();
    expect(outcomes).to.deep.equal({ b: 'stored' });
  });

  describe('on a new stream', () => {
    it('settles the events that the coordinator has, and sends the rest again with the same numbers', async () => {
      publish('a', 'b', 'c');
      publisher.take();
      publish('d');
      publisher.restart(welcome(2));
      await delivered();
      expect(outcomes).to.deep.equal({ a: 'stored', b: 'stored' });
      const [frame, ...more] = takeAll();
      expect([frame?.firstPublishSequence, ...textsOf(frame)]).to.deep.equal([3, 'c', 'd']);
      expect(more).to.be.empty;
    });

    it('sends everything again to a coordinator that has none of it', async () => {
      publish('a', 'b');
      publisher.take();
      publisher.acknowledge({ publishSequence: 1, rejections: [] });
      publish('c');
      publisher.restart(welcome(0));
      const frame = publisher.take();
      expect([frame?.firstPublishSequence, ...textsOf(frame)]).to.deep.equal([2, 'b', 'c']);
      publisher.acknowledge({ publishSequence: 3, rejections: [] });
      await delivered();
      expect(outcomes).to.deep.equal({ a: 'stored', b: 'stored', c: 'stored' });
    });
  });

  it('stores each event once and in order, whenever streams break', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constantFrom('take', 'ack', 'break') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const one = new Publisher(() => undefined);
        const settled: number[] = [];
        let published = 0;
        // A coordinator that keeps the rule of the contract: repeats are skipped, holes refused.
        const stored: (string | undefined)[] = [];
        const take = (): boolean => {
          const frame = one.take();
          if (!frame) return false;
          expect(frame.firstPublishSequence).to.be.within(1, stored.length + 1);
          const texts = textsOf(frame);
          stored.push(...texts.slice(stored.length + 1 - frame.firstPublishSequence));
          return true;
        };
        const ack = () => one.acknowledge({ publishSequence: stored.length, rejections: [] });
        for (const todo of steps) {
          if ('count' in todo) {
            for (let count = 0; count < todo.count; count++) {
              const number = ++published;
              void one.publish(messageDraft(String(number))).then(() => settled.push(number));
            }
          } else if (todo.kind === 'take') take();
          else if (todo.kind === 'ack') ack();
          else one.restart(welcome(stored.length));
        }
        while (take()) ack();
        ack();
        await one.idle(1000);
        await delivered();
        const all = Array.from({ length: published }, (_, index) => index + 1);
        expect(stored).to.deep.equal(all.map(String));
        expect(settled).to.deep.equal(all);
      }),
    );
  });

  describe('when the coordinator is away for long', () => {
    it('refuses more than 10,000 events, and takes more once there is room', async () => {
      publish(...Array.from({ length: 10_000 }, (_, index) => String(index)));
      const full = publisher.publish(messageDraft('one too many'));
      expect((await rejectionOf(KelpieError, full)).reason).to.equal('PUBLISH_QUEUE_FULL');
      const frames = takeAll();
      expect(frames.flatMap(({ events }) => events)).to.have.length(10_000);
      publisher.acknowledge({ publishSequence: 1, rejections: [] });
      publish('again');
      const next = publisher.take();
      expect([next?.firstPublishSequence, ...textsOf(next)]).to.deep.equal([10_001, 'again']);
    });

    it('refuses more than 16 MiB, and takes more once there is room', async () => {
      const text = 'x'.repeat(1024 * 1024);
      const bytes = EventDraft.encode(messageDraft(text)).finish().length;
      const fitting = Math.floor((16 * 1024 * 1024) / bytes);
      for (let count = 0; count < fitting; count++) publish(text);
      const full = publisher.publish(messageDraft(text));
      expect((await rejectionOf(KelpieError, full)).reason).to.equal('PUBLISH_QUEUE_FULL');
      publish('small');
      expect(takeAll().flatMap(({ events }) => events)).to.have.length(fitting + 1);
      publisher.acknowledge({ publishSequence: 1, rejections: [] });
      publish(text);
      expect(publisher.take()?.firstPublishSequence).to.equal(fitting + 2);
    });
  });

  it('is idle when no event waits for an acknowledgement', async () => {
    await publisher.idle(1000);
    publish('a', 'b');
    publisher.take();
    let idle = false;
    const waiting = publisher.idle(1000).then(() => (idle = true));
    publisher.acknowledge({ publishSequence: 1, rejections: [] });
    await delivered();
    expect(idle).to.equal(false);
    publisher.acknowledge({ publishSequence: 2, rejections: [] });
    await waiting;
    expect(outcomes).to.deep.equal({ a: 'stored', b: 'stored' });
  });

  it('rejects the pending events when the client is closed', async () => {
    publish('a', 'b');
    publisher.take();
    const idle = publisher.idle(1000);
    publisher.close(new KelpieError('CLOSED', 'the client is closed'));
    await idle;
    await delivered();
    expect(outcomes).to.deep.equal({ a: 'CLOSED', b: 'CLOSED' });
    expect(publisher.take()).to.equal(undefined);
  });

  it('waits for acknowledgements no longer than the given time', async () => {
    publish('a');
    await publisher.idle(1);
    expect(outcomes).to.deep.equal({});
  });
});
