import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
} from '../../../client/index.js';
import {
  type Coordinator,
  type CoordinatorOptions,
  startCoordinator,
} from '../../../server/coordinator.js';
import { Inbox } from '../../support/wire/inbox.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';

const KIB = 1024;

describe('a request above the limits of a coordinator', () => {
  const coordinators: Coordinator[] = [];
  const clients: KelpieClient[] = [];

  const start = async (
    limits: CoordinatorOptions['limits'] = {},
    port = 0,
  ): Promise<Coordinator> => {
    const one = await startCoordinator({
      port,
      journal: 'memory',
      limits,
      times: { drainMs: 100 },
    });
    coordinators.push(one);
    return one;
  };

  const join = (name: string, { port }: Coordinator, more: Partial<ConnectOptions> = {}) => {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: `127.0.0.1:${port}`, ...more });
    clients.push(client);
    return client;
  };

  /** Fails the test if a stream of the client breaks. */
  const breaks = (client: KelpieClient): string[] => {
    const seen: string[] = [];
    void (async () => {
      for await (const { type } of client.status()) if (type === 'disconnected') seen.push(type);
    })();
    return seen;
  };

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(coordinators.splice(0).map((one) => one.stop()));
  });

  it('rejects only its own publish, for each limit, before and after the Welcome', async () => {
    const coordinator = await start();
    const writer = join('writer', coordinator);
    const broken = breaks(writer);
    for (const when of ['before Welcome', 'after it']) {
      const outcomes = await Promise.allSettled([
        writer.publish('size', 'before'),
        // Above the limit of a message, of a publish, of an event.
        ...[1200, 600, 257].map((kib) => writer.publish('size', 'x'.repeat(kib * KIB))),
        writer.publish('size', Buffer.alloc(257 * KIB)),
        writer.publish('size', { text: 'x'.repeat(300 * KIB) }),
        writer.publish('size', ['x'.repeat(300 * KIB)]),
        writer.publish('size', 'after'),
        // The limit counts each byte of the payload: tags and lengths take 8 here.
        writer.publish('size', 'x'.repeat(256 * KIB - 8)),
      ]);
      const reasons = outcomes.map((one) =>
        one.status === 'rejected' ? (one.reason as KelpieError).reason : 'stored',
      );
      const large = Array<string>(6).fill('PAYLOAD_TOO_LARGE');
      expect(reasons, when).to.deep.equal(['stored', ...large, 'stored', 'stored']);
    }
    expect(broken).to.be.empty;
  });

  it('is checked by the limits of each coordinator: those of the next one may be smaller', async () => {
    const first = await start();
    const { port } = first;
    const writer = join('writer', first);
    await writer.ready();
    await first.stop();
    const large = writer.publish('size', 'x'.repeat(100 * KIB));
    const small = Array.from({ length: 20 }, (_, index) => writer.publish('size', String(index)));
    const deep = writer.publish('size', [[[[[1]]]]]);
    const refused = Promise.all([rejectionOf(KelpieError, large), rejectionOf(KelpieError, deep)]);
    const second = await start(
      {
        payloadBytes: 10 * KIB,
        publishEvents: 3,
        publishBytes: 9 * KIB,
        messageBytes: 16 * KIB,
        jsonDepth: 4,
      },
      port,
    );
    expect((await refused).map(({ reason }) => reason)).to.deep.equal([
      'PAYLOAD_TOO_LARGE',
      'CONTENT_TOO_DEEP',
    ]);
    await Promise.all(small);
    const [fits, not] = [9 * KIB - 6, 9 * KIB - 5].map((letters) =>
      writer.publish('size', 'x'.repeat(letters)),
    );
    await fits;
    expect((await rejectionOf(KelpieError, not ?? Promise.resolve())).metadata).to.deep.equal({
      bytes: String(9 * KIB + 1),
      limit: String(9 * KIB),
    });
    const inbox = new Inbox();
    const reader = join('reader', second, { start: 'EARLIEST' });
    reader.subscribe('size', inbox.take);
    const texts = (await inbox.atLeast(21)).map(({ content }) => content);
    expect(texts.slice(0, 20)).to.deep.equal(
      Array.from({ length: 20 }, (_, index) => String(index)),
    );
  });

  it('fails only its own command or reply', async () => {
    const coordinator = await start();
    const shop = join('shop', coordinator);
    shop.handle('echo', (content) => content);
    shop.handle('much', () => 'x'.repeat(2000 * KIB));
    shop.handle('more', () => 'x'.repeat(300 * KIB));
    shop.handle('odd', () => new Date() as never);
    const asker = join('asker', coordinator);
    await Promise.all([shop.ready(), asker.ready()]);
    const broken = [breaks(shop), breaks(asker)];
    const ask = (name: string, content: string) =>
      asker.call({ node: 'shop' }, name, content, { timeoutMs: 5000 });
    for (const [name, content, reason] of [
      ['echo', 'x'.repeat(2000 * KIB), 'PAYLOAD_TOO_LARGE'],
      ['echo', 'x'.repeat(300 * KIB), 'PAYLOAD_TOO_LARGE'],
      ['much', '', 'COMMAND_FAILED'],
      ['more', '', 'COMMAND_FAILED'],
      ['odd', '', 'COMMAND_FAILED'],
    ] as const) {
      expect((await rejectionOf(KelpieError, ask(name, content))).reason, name).to.equal(reason);
    }
    expect(await ask('echo', 'x'.repeat(200 * KIB))).to.have.length(200 * KIB);
    expect(broken.flat()).to.be.empty;
    expect([shop.pending, asker.pending]).to.deep.equal([0, 0]);
  });

  it('is refused by subscribe and handle, since no coordinator would take the Hello', async () => {
    const coordinator = await start();
    const reader = join('reader', coordinator);
    const nothing = (): undefined => undefined;
    for (const [pattern, reason] of [
      ['kelpie.>', 'TOPIC_RESERVED'],
      ['inbox.other', 'TOPIC_RESERVED'],
      ['a.>.b', 'TOPIC_INVALID'],
      ['x'.repeat(256), 'TOPIC_INVALID'],
      ['a.'.repeat(16) + 'a', 'TOPIC_INVALID'],
    ] as const) {
      const error = thrownBy(KelpieError, () => reader.subscribe(pattern, nothing));
      expect(error.reason, pattern).to.equal(reason);
    }
    // The roster has three patterns of its own.
    for (let count = 3; count < 1000; count++) reader.subscribe(`short.${count}`, nothing);
    expect(thrownBy(KelpieError, () => reader.subscribe('one.more', nothing)).reason).to.equal(
      'PATTERN_LIMIT',
    );
    reader.subscribe('short.3', nothing).close();
    reader.subscribe('inbox.Reader', nothing);
    await reader.ready();

    const wild = join('wild', coordinator);
    for (let count = 0; count < 64; count++) wild.subscribe(`a.b.c.${count}.>`, nothing);
    expect(thrownBy(KelpieError, () => wild.subscribe('a.b.c.*.d', nothing)).reason).to.equal(
      'PATTERN_LIMIT',
    );
    await wild.ready();

    const long = join('long', coordinator);
    const subscribed: string[] = [];
    const error = thrownBy(KelpieError, () => {
      for (let count = 100; ; count++) {
        long.subscribe(`${'x'.repeat(250)}${count}`, nothing);
        subscribed.push(String(count));
      }
    });
    expect(error.reason).to.equal('HELLO_TOO_LARGE');
    expect(subscribed.length).to.be.within(250, 260);
    await long.ready();
    expect(
      thrownBy(KelpieError, () => {
        for (let count = 0; ; count++) long.handle(`${'x'.repeat(60)}${count}`, nothing);
      }).reason,
    ).to.equal('HELLO_TOO_LARGE');
    // The next Hello has all accepted patterns and commands.
    await coordinator.stop();
    const gap = (async () => {
      for await (const one of long.status()) if (one.type === 'connected') return one.type;
      return 'ended';
    })();
    await start({}, coordinator.port);
    expect(await gap).to.equal('connected');
  });
});
