/**
 * What a node or a script does wrong: each mistake gets its reason and a sentence that helps, loses
 * nothing, and is no matter of anybody else on the same coordinator.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import {
  type Cursor,
  type Draft,
  type Hello,
  helloOf,
  say,
  type Start,
  textOf,
  type WireError,
} from '../support/wire/frames.js';
import { CallFailure, type End } from '../support/wire/status.js';
import type { Stream } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

const RESOURCES = { at: 'START_AT_SNAPSHOT' };
const EARLIEST = { at: 'START_AT_EARLIEST' };
const LATEST = { at: 'START_AT_LATEST' };

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const OUT_OF_RANGE = 11;
const UNIMPLEMENTED = 12;

const KIB = 1024;
/** A message of one byte field of this length has exactly the 256 KiB that an event may have. */
const LARGEST_DATA = 256 * KIB - 8;

type Facts = Record<string, string>;

describe('bad input', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let neighbour: Stream;
  let count = 0;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });

  after(async () => {
    wire.close();
    await kelpied.stop();
  });

  beforeEach(async () => {
    count += 1;
    const topics = [`neighbour-${count}`];
    neighbour = (await wire.join(`neighbour-${count}`, { topics })).stream;
  });

  afterEach('and a session beside it has noticed nothing', async () => {
    await tell(`neighbour-${count}`, 'still here?');
    expect(await neighbour.texts('still here?')).to.deep.equal(['still here?']);
    expect(neighbour.kinds).to.deep.equal(['welcome', 'event_batch']);
    await wire.leave();
    expect((await neighbour.ended()).code).to.equal(0);
  });

  const tell = (topic: string, ...texts: string[]) =>
    wire.call('EventService.PublishEvents', { events: texts.map((text) => say(topic, text)) });

  /** Everything that was ever said on a topic. */
  const history = async (topic: string) => {
    const page = await wire.call('EventService.ReadEvents', { topics: [topic], start: EARLIEST });
    return page.events.map(textOf);
  };

  /** The stream lives: what it says next is stored and answered. */
  const expectAlive = async (stream: Stream) => {
    stream.send({ request_id: 4711, heartbeat: {} });
    expect((await stream.answer(4711)).frame).to.equal('heartbeat_ack');
  };

  /** A Hello that is refused: it gets no Welcome, and leaves no node behind. */
  const expectRefused = async (hello: Hello, reason: string, facts: Facts, code: number) => {
    const stream = wire.connect();
    stream.send({ hello });
    const end = await stream.ended();
    expectEnd(end, reason, facts, code);
    expect(stream.frames).to.deep.equal([]);
    const { nodes } = await wire.call('NodeService.ListNodes', {});
    expect(nodes.map(({ name }) => name)).to.deep.equal([`neighbour-${count}`]);
    return end;
  };

  describe('on a stream', () => {
    it('ends it with HELLO_REQUIRED if the first frame is another', async () => {
      for (const frame of [{ heartbeat: {} }, { ack: { sequence: 1 } }, {}]) {
        const stream = wire.connect();
        stream.send(frame);
        expectEnd(await stream.ended(), 'HELLO_REQUIRED', {}, FAILED_PRECONDITION);
        expect(stream.frames).to.deep.equal([]);
      }
    });

    it('ends it with HELLO_DUPLICATE at a second Hello, and the node can come back', async () => {
      const hello = helloOf('twice');
      const { stream } = await wire.join('twice', hello);
      stream.publish(1, say('twice', 'before'));
      stream.send({ hello });
      expectEnd(await stream.ended(), 'HELLO_DUPLICATE', {}, FAILED_PRECONDITION);
      const { welcome } = await wire.join('twice', hello);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      expect(welcome.publish_sequence).to.equal(1);
      expect(await history('twice')).to.deep.equal(['before']);
    });

    it('answers an empty frame with FRAME_UNKNOWN, and handles those around it', async () => {
      const { stream } = await wire.join('empty', { topics: ['empty'] });
      stream.send(
        { publish: { first_publish_sequence: 1, events: [say('empty', 'one')] } },
        { request_id: 5 },
        {},
        { publish: { first_publish_sequence: 2, events: [say('empty', 'two')] } },
      );
      const failed = await stream.answer(5);
      expectError(failed.request_failed?.error, 'FRAME_UNKNOWN', {}, UNIMPLEMENTED);
      expectError(await stream.failure(), 'FRAME_UNKNOWN', {}, UNIMPLEMENTED);
      await expectAlive(stream);
      expect(await history('empty')).to.deep.equal(['one', 'two']);
    });

    it('answers a frame of a kind that is not known yet with FRAME_UNKNOWN', async () => {
      const { stream } = await wire.join('newer');
      // ConnectRequest { frames (1): { request_id (1): 6, 200: "?" } }
      stream.sendBytes(Buffer.from([0x0a, 0x06, 0x08, 6, 0xc2, 0x0c, 0x01, 0x3f]));
      const failed = await stream.answer(6);
      expectError(failed.request_failed?.error, 'FRAME_UNKNOWN', {}, UNIMPLEMENTED);
      await expectAlive(stream);
    });

    it('ends it if the bytes are no message, and the node can come back', async () => {
      const hello = helloOf('garbage');
      const { stream } = await wire.join('garbage', hello);
      stream.sendBytes(Buffer.alloc(64, 0xff));
      expect((await stream.ended()).error?.reason).to.equal('ERROR_REASON_MESSAGE_INVALID');
      const { welcome } = await wire.join('garbage', hello);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
    });

    it('ends it at a message over 1 MiB, of which nothing is stored', async () => {
      const hello = helloOf('large');
      const { stream } = await wire.join('large', hello);
      stream.publish(1, say('large', 'x'.repeat(1024 * KIB)));
      const end = await stream.ended();
      expect(end.code).to.equal(RESOURCE_EXHAUSTED);
      expect(end.message).to.include('1048576');
      const { welcome } = await wire.join('large', hello);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      expect(welcome.publish_sequence).to.equal(0);
      expect(await history('large')).to.deep.equal([]);
    });

    it('refuses an Ack that ends no outstanding batch, and the window stays as it was', async () => {
      const { stream } = await wire.join('acker', {
        topics: ['acker'],
        window: { events: 1, bytes: KIB },
      });
      await tell('acker', 'one');
      const batch = await stream.next('event_batch');
      await tell('acker', 'two');
      const upTo = batch.up_to.sequence;
      for (const [requestId, sequence] of [0, upTo - 1, upTo + 1, 2 ** 53 - 1].entries()) {
        if (sequence === 0) continue;
        stream.send({ request_id: requestId, ack: { sequence } });
        const failed = (await stream.answer(requestId)).request_failed?.error;
        expectError(failed, 'ACK_INVALID', { sequence: String(sequence) });
      }
      await expectAlive(stream);
      await expectAlive(stream);
      expect(stream.sequences).to.have.length(1);
      stream.send({ ack: { sequence: upTo } });
      expect(await stream.texts('two')).to.deep.equal(['two']);
    });

    const subscriptions: [string, string[], string | undefined, string, Facts][] = [
      ['a malformed topic', ['fine', 'a..b'], 'LATEST', 'TOPIC_INVALID', { topic: 'a..b' }],
      [
        'a topic nobody reads',
        ['fine', 'inbox.x'],
        'LATEST',
        'TOPIC_RESERVED',
        { topic: 'inbox.x' },
      ],
      ['no start', ['fine'], undefined, 'START_MISSING', {}],
      ['a start in the past', ['fine'], 'EARLIEST', 'START_INVALID', { start: 'EARLIEST' }],
    ];
    for (const [what, add, at, reason, facts] of subscriptions) {
      it(`refuses a subscription whole that has ${what}`, async () => {
        const { stream } = await wire.join('subscriber', { topics: ['marker'] });
        const start = at === undefined ? {} : { start_at: `START_AT_${at}` };
        stream.send({
          request_id: 3,
          update_subscription: { added_topics: add, removed_topics: ['marker'], ...start },
        });
        expectError((await stream.answer(3)).request_failed?.error, reason, facts);
        await tell('fine', 'not added');
        await tell('marker', 'not removed');
        expect(await stream.texts('not removed')).to.deep.equal(['not removed']);
      });
    }

    it('refuses more than 1,000 patterns with PATTERN_LIMIT', async () => {
      const topics = Array.from({ length: 1000 }, (_, index) => `many.${index}`);
      const { stream } = await wire.join('many', { topics });
      stream.send({
        request_id: 3,
        update_subscription: { added_topics: ['one-more'], start_at: 'START_AT_LATEST' },
      });
      const failed = (await stream.answer(3)).request_failed?.error;
      expectError(failed, 'PATTERN_LIMIT', { limit: '1000' }, RESOURCE_EXHAUSTED);
      stream.send({
        request_id: 4,
        update_subscription: {
          added_topics: ['one-more'],
          removed_topics: ['many.7'],
          start_at: 'START_AT_LATEST',
        },
      });
      expect((await stream.answer(4)).frame).to.equal('subscription_updated');
    });
  });

  describe('in a Hello', () => {
    const names: [string, string][] = [
      ['', 'node-1'],
      ['!', 'node-1'],
      ['My Server #1', 'my-server-1'],
      ['hub.eu', 'hub-eu'],
      ['-lobby_', 'lobby'],
      ['Élan', 'elan'],
      ['Лобби 3', '3'],
      ['x'.repeat(64), 'x'.repeat(63)],
    ];
    for (const [name, proposal] of names) {
      it(`refuses the name "${name.slice(0, 20)}", and what it proposes instead will do`, async () => {
        const facts = { name, proposal };
        await expectRefused(helloOf(name), 'NODE_NAME_INVALID', facts, INVALID_ARGUMENT);
        const { welcome } = await wire.join(proposal);
        expect(welcome.node_name).to.equal(proposal);
      });
    }

    const label = (name: string, value: string) => ({ labels: { [name]: value } });
    const numbered = (length: number) =>
      Object.fromEntries(Array.from({ length }, (_, index) => [`label-${index}`, 'x']));
    const after = (cursor: Partial<Cursor>): { start: Start } => ({
      start: { after: { epoch: randomBytes(16), sequence: 1, tag: 1, ...cursor } },
    });
    const deep = Array.from({ length: 17 }, () => 'a').join('.');
    const long = `${'a'.repeat(63)}.`.repeat(4) + 'abc';

    const hellos: [string, Hello, string, Facts][] = [
      ['no role', { role: 'NODE_ROLE_UNSPECIFIED' }, 'ROLE_INVALID', {}],
      ['a role that nobody knows', { role: 99 }, 'ROLE_INVALID', {}],
      ['no instance id', { instance_id: Buffer.alloc(0) }, 'INSTANCE_ID_INVALID', {}],
      ['a short instance id', { instance_id: randomBytes(15) }, 'INSTANCE_ID_INVALID', {}],
      ['a long instance id', { instance_id: randomBytes(17) }, 'INSTANCE_ID_INVALID', {}],
      ['65 labels', { labels: numbered(65) }, 'LABELS_INVALID', { limit: '64', label: '' }],
      ['a label without a name', label('', 'x'), 'LABELS_INVALID', { limit: '63', label: '' }],
      [
        'a label name of 64 bytes',
        label('n'.repeat(64), 'x'),
        'LABELS_INVALID',
        { limit: '63', label: 'n'.repeat(63) },
      ],
      [
        'a label of 256 bytes',
        label('mode', 'ä'.repeat(128)),
        'LABELS_INVALID',
        { limit: '255', label: 'mode' },
      ],
      [
        'a motd of 1025 bytes',
        { motd: 'm'.repeat(1025) },
        'TEXT_TOO_LONG',
        { field: 'motd', limit: '1024' },
      ],
      [
        'a port that is none',
        { address: { host: '127.0.0.1', port: 65_536 } },
        'OUT_OF_RANGE',
        { field: 'address.port', limit: '65535' },
      ],
      ['an empty topic', { topics: [''] }, 'TOPIC_INVALID', { topic: '' }],
      ['a topic with a space', { topics: ['a b'] }, 'TOPIC_INVALID', { topic: 'a b' }],
      ['a > that is not at the end', { topics: ['a.>.b'] }, 'TOPIC_INVALID', { topic: 'a.>.b' }],
      ['a * within a token', { topics: ['a.b*'] }, 'TOPIC_INVALID', { topic: 'a.b*' }],
      ['a topic of 17 tokens', { topics: [deep] }, 'TOPIC_INVALID', { topic: deep, limit: '16' }],
      [
        'a topic of more than 255 bytes',
        { topics: [long] },
        'TOPIC_INVALID',
        { topic: long.slice(0, 255), limit: '255' },
      ],
      [
        "somebody's inbox as a topic",
        { topics: ['inbox.*'] },
        'TOPIC_RESERVED',
        { topic: 'inbox.*' },
      ],
      [
        "the coordinators' own topics",
        { topics: ['kelpie.>'] },
        'TOPIC_RESERVED',
        { topic: 'kelpie.>' },
      ],
      ['an empty start', { start: {} }, 'START_MISSING', {}],
      ['a start at nothing', { start: { at: 'START_AT_UNSPECIFIED' } }, 'START_MISSING', {}],
      ['a cursor with a short epoch', after({ epoch: randomBytes(15) }), 'CURSOR_INVALID', {}],
      ['a cursor without an epoch', after({ epoch: Buffer.alloc(0) }), 'CURSOR_INVALID', {}],
      [
        'a start in the future',
        { start: { since: { seconds: -1 } } },
        'OUT_OF_RANGE',
        { field: 'start.since', limit: '0' },
      ],
      ['a window of no events', { window: { events: 0, bytes: 1 } }, 'WINDOW_INVALID', {}],
      ['a window of no bytes', { window: { events: 1, bytes: 0 } }, 'WINDOW_INVALID', {}],
    ];
    for (const [what, more, reason, facts] of hellos) {
      it(`refuses ${what} with ${reason}`, () =>
        expectRefused(helloOf('refused', more), reason, facts, INVALID_ARGUMENT));
    }

    it('refuses a Hello that does not say where to start', () => {
      const hello = { name: 'refused', role: 'NODE_ROLE_PROXY', instance_id: randomBytes(16) };
      return expectRefused(hello, 'START_MISSING', {}, INVALID_ARGUMENT);
    });

    it('refuses more than 1,000 patterns', () => {
      const topics = Array.from({ length: 1001 }, (_, index) => `many.${index}`);
      const hello = helloOf('refused', { topics });
      return expectRefused(hello, 'PATTERN_LIMIT', { limit: '1000' }, RESOURCE_EXHAUSTED);
    });

    it('refuses a Hello over 64 KiB, and takes its topics afterwards', async () => {
      const topics = Array.from({ length: 250 }, (_, index) => `${'long'.repeat(60)}.${index}`);
      const labels = Object.fromEntries(
        topics.slice(0, 20).map((_, i) => [`l${i}`, 'v'.repeat(255)]),
      );
      const stream = wire.hello('refused', { topics, labels });
      const { error } = await stream.ended();
      expect(error?.reason).to.equal('ERROR_REASON_HELLO_TOO_LARGE');
      expect(Number(error?.metadata['bytes'])).to.be.greaterThan(64 * KIB);
      expect(error?.metadata['limit']).to.equal(String(64 * KIB));
      const { stream: next } = await wire.join('taken', {});
      const update = { added_topics: topics, start_at: 'START_AT_LATEST' };
      next.send({ request_id: 1, update_subscription: update });
      expect((await next.answer(1)).frame).to.equal('subscription_updated');
    });

    it('welcomes what only just fits', async () => {
      await wire.join('x'.repeat(63), {
        labels: { ...numbered(63), ['n'.repeat(63)]: 'v'.repeat(255) },
        motd: 'm'.repeat(1024),
        topics: [deep.slice(2), long.slice(0, 255)],
        window: { events: 1, bytes: 1 },
        address: { host: '127.0.0.1', port: 65_535 },
      });
    });

    it('refuses a name whose holder lives, and the holder keeps it', async () => {
      const { stream: holder } = await wire.join('taken', { topics: ['taken'] });
      const other = wire.hello('TAKEN');
      await holder.next('heartbeat_requested');
      await expectAlive(holder);
      expectEnd(await other.ended(), 'NODE_NAME_IN_USE', { name: 'taken' }, FAILED_PRECONDITION);
      expect(other.frames).to.deep.equal([]);
      await tell('taken', 'for the holder');
      expect(await holder.texts('for the holder')).to.deep.equal(['for the holder']);
    });
  });

  describe('in a cursor', () => {
    const wrong: [string, string, (head: Cursor) => Cursor][] = [
      [
        'ahead of the newest entry',
        'CURSOR_AHEAD',
        (h) => ({ ...h, sequence: h.sequence + 10_000 }),
      ],
      ['of another epoch', 'EPOCH_CHANGED', (h) => ({ ...h, epoch: randomBytes(16) })],
      ['with the tag of another history', 'HISTORY_REWRITTEN', (h) => ({ ...h, tag: h.tag ^ 1 })],
    ];
    for (const [what, reason, spoil] of wrong) {
      const topic = `cursor.${reason}`;
      const spoilt = async () => {
        const { head } = await wire.call('CoordinatorService.GetInfo', {});
        const cursor = spoil(head);
        return { ...cursor, tag: cursor.tag >>> 0 };
      };
      /** Before the mistake; whether it is read again depends on where delivery can go on. */
      const again = reason === 'CURSOR_AHEAD' ? [] : ['before'];

      it(`says a Gap for one that is ${what}, then shows the resources, then goes on`, async () => {
        await tell(topic, 'before');
        const cursor = await spoilt();
        const { stream } = await wire.join('lost', {
          topics: [topic, 'nodes.lost'],
          start: { after: cursor },
        });
        const gap = await stream.next('gap');
        expect(gap.reason).to.equal(`GAP_REASON_${reason}`);
        expect(gap.lost_after).to.deep.equal(cursor);
        const snapshot = await stream.next('snapshot');
        expect(snapshot.topics).to.deep.equal(['nodes.lost']);
        expect(snapshot.cursor).to.deep.equal(gap.resumes_at);
        expect(snapshot.rows.map(({ node }) => node.name)).to.deep.equal(['lost']);
        await tell(topic, 'after');
        const events = await stream.until((event) => textOf(event) === 'after');
        expect(stream.kinds.slice(0, 3)).to.deep.equal(['welcome', 'gap', 'snapshot']);
        const texts = events.filter((event) => event.topic === topic).map(textOf);
        expect(texts).to.deep.equal([...again, 'after']);
        expect(events[0]?.sequence).to.be.above(gap.resumes_at.sequence);
      });

      it(`says a Gap alone to a session without resources, for one that is ${what}`, async () => {
        const { stream } = await wire.join('lost', {
          topics: ['cursor.none'],
          start: { after: await spoilt() },
        });
        expect((await stream.next('gap')).reason).to.equal(`GAP_REASON_${reason}`);
        await expectAlive(stream);
        expect(stream.kinds).to.deep.equal(['welcome', 'gap', 'heartbeat_ack']);
      });

      it(`says a Gap to ReadEvents and WatchEvents, for one that is ${what}`, async () => {
        const cursor = await spoilt();
        const start = { after: cursor };
        const page = await wire.call('EventService.ReadEvents', { topics: ['nodes.*'], start });
        expect(page.gap?.reason).to.equal(`GAP_REASON_${reason}`);
        expect(page.gap?.lost_after).to.deep.equal(cursor);
        expect(page.cursor.sequence).to.be.at.least(page.gap?.resumes_at.sequence ?? Infinity);
        const watch = wire.watch(['nodes.*'], start);
        expect((await watch.next('gap')).reason).to.equal(`GAP_REASON_${reason}`);
        const rows = (await watch.next('snapshot')).rows.map(({ node }) => node.name);
        expect(rows).to.deep.equal([`neighbour-${count}`]);
      });
    }
  });

  describe('in what a session publishes', () => {
    const deep = Array.from({ length: 17 }, () => 'a').join('.');
    const long = 'a'.repeat(256);
    const data = (length: number): Draft => ({
      topic: 'bad.data',
      payload: { content: { data: Buffer.alloc(length) } },
    });

    it('rejects each bad event with its reason, and stores those beside it', async () => {
      const { stream: reader } = await wire.join('bad-reader', { topics: ['bad.>'] });
      const { stream } = await wire.join('bad-writer');
      const bad: [Draft, string, Facts][] = [
        [say('nodes.hub', 'x'), 'TOPIC_RESERVED', { topic: 'nodes.hub' }],
        [say('players.1', 'x'), 'TOPIC_RESERVED', { topic: 'players.1' }],
        [say('state.a.b', 'x'), 'TOPIC_RESERVED', { topic: 'state.a.b' }],
        [say('routing', 'x'), 'TOPIC_RESERVED', { topic: 'routing' }],
        [say('kelpie.x', 'x'), 'TOPIC_RESERVED', { topic: 'kelpie.x' }],
        [say('', 'x'), 'TOPIC_INVALID', { topic: '' }],
        [say('a..b', 'x'), 'TOPIC_INVALID', { topic: 'a..b' }],
        [say('chat.*', 'x'), 'TOPIC_INVALID', { topic: 'chat.*' }],
        [say('chat.>', 'x'), 'TOPIC_INVALID', { topic: 'chat.>' }],
        [say('chät', 'x'), 'TOPIC_INVALID', { topic: 'chät' }],
        [say('inbox', 'x'), 'TOPIC_INVALID', { topic: 'inbox' }],
        [say('inbox.a.b', 'x'), 'TOPIC_INVALID', { topic: 'inbox.a.b' }],
        [say(deep, 'x'), 'TOPIC_INVALID', { topic: deep, limit: '16' }],
        [say(long, 'x'), 'TOPIC_INVALID', { topic: long.slice(0, 255), limit: '255' }],
        [{ topic: 'bad.x' }, 'EVENT_EMPTY', {}],
        [{ topic: 'bad.x', payload: {} }, 'EVENT_EMPTY', {}],
        [{ topic: 'bad.x', payload: { content: {} } }, 'EVENT_EMPTY', {}],
        [
          data(LARGEST_DATA + 1),
          'PAYLOAD_TOO_LARGE',
          { bytes: String(256 * KIB + 1), limit: String(256 * KIB) },
        ],
      ];
      const drafts = bad.flatMap(([draft], index) => [draft, say('bad.good', String(index))]);
      stream.publish(1, say('bad.good', 'first'), ...drafts, say('bad.good', 'last'));
      const { publish_sequence: sequence, rejections } = await stream.settled(drafts.length + 2);
      expect(sequence).to.equal(drafts.length + 2);
      expect(rejections.map((one) => one.publish_sequence)).to.deep.equal(
        bad.map((_, at) => 2 * at + 2),
      );
      for (const [index, { error }] of rejections.entries()) {
        const [, reason = '', facts = {}] = bad[index] ?? [];
        expectError(error, reason, facts);
      }
      const good = bad.map((_, index) => String(index));
      expect(await reader.texts('last')).to.deep.equal(['first', ...good, 'last']);

      // A number that was rejected is used up.
      stream.publish(2, say('bad.good', 'never'));
      expect((await stream.next('publish_ack')).rejections).to.deep.equal([]);
      expect(await history('bad.>')).to.deep.equal(['first', ...good, 'last']);
    });

    it('stores an event of exactly 256 KiB, which gets a batch of its own', async () => {
      const { stream } = await wire.join('heavy', { topics: ['bad.data'] });
      stream.publish(1, data(LARGEST_DATA), data(10));
      expect((await stream.settled(2)).rejections).to.deep.equal([]);
      const first = await stream.next('event_batch');
      expect(first.events).to.have.length(1);
      const sent = first.events[0]?.message_published?.content.data;
      expect(sent).to.have.length(LARGEST_DATA);
      expect((await stream.next('event_batch')).events).to.have.length(1);
    });

    it('refuses a batch over its limits whole, and its numbers can be used again', async () => {
      const topic = 'batch.session';
      const { stream } = await wire.join('batcher');
      const limit = String(512 * KIB);
      const bytes = String(3 * (200 * KIB + 8));
      const batches: [Draft[], Facts][] = [
        [[], { events: '0', limit: '256' }],
        [Array.from({ length: 257 }, () => say(topic, 'x')), { events: '257', limit: '256' }],
        [[1, 2, 3].map(() => ({ ...data(200 * KIB), topic })), { bytes, limit }],
      ];
      for (const [index, [events, facts]] of batches.entries()) {
        const request_id = index + 1;
        stream.send({ request_id, publish: { first_publish_sequence: 1, events } });
        const failed = (await stream.answer(request_id)).request_failed?.error;
        expectError(failed, 'BATCH_INVALID', facts);
      }
      expect(await history(topic)).to.deep.equal([]);
      stream.publish(1, ...Array.from({ length: 256 }, () => say(topic, 'full')));
      await stream.settled(256);
      expect(await history(topic)).to.have.length(256);
    });

    it('refuses a hole in the publish sequence and says what comes next', async () => {
      const { stream } = await wire.join('holes');
      stream.publish(7, say('holes', 'seven'), say('holes', 'eight'));
      await stream.settled(8);
      stream.send({
        request_id: 1,
        publish: { first_publish_sequence: 10, events: [say('holes', 'ten')] },
      });
      const failed = (await stream.answer(1)).request_failed?.error;
      expectError(failed, 'PUBLISH_SEQUENCE_HOLE', { expected: '9' }, OUT_OF_RANGE);
      stream.publish(7, say('holes', 'seven again'));
      expect((await stream.next('publish_ack')).publish_sequence).to.equal(8);
      stream.publish(9, say('holes', 'nine'), say('holes', 'ten'));
      await stream.settled(10);
      expect(await history('holes')).to.deep.equal(['seven', 'eight', 'nine', 'ten']);
    });

    for (const [first, limit] of [
      [0, 1],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ] as const) {
      it(`refuses ${first} as the first publish sequence of two`, async () => {
        const topic = `first.${first}`;
        const { stream } = await wire.join('numbers');
        const events = [say(topic, 'x'), say(topic, 'y')];
        stream.send({ request_id: 1, publish: { first_publish_sequence: first, events } });

        const failed = (await stream.answer(1)).request_failed?.error;
        const facts = { field: 'first_publish_sequence', limit: String(limit) };
        expectError(failed, 'OUT_OF_RANGE', facts);
        stream.publish(1, say(topic, 'one'));
        await stream.settled(1);
        expect(await history(topic)).to.deep.equal(['one']);
      });
    }
  });

  describe('in a call', () => {
    const good = say('call.publish', 'good');
    const large = {
      topic: 'call.publish',
      payload: { content: { data: Buffer.alloc(200 * KIB) } },
    };
    const manyTopics = Array.from({ length: 1001 }, (_, index) => `many.${index}`);
    const shortEpoch = { after: { epoch: randomBytes(3), sequence: 1, tag: 1 } };
    const instance = { instance_id: randomBytes(16) };

    const publishes: [string, object, string, Facts][] = [
      ['no event', { events: [] }, 'BATCH_INVALID', { events: '0', limit: '256' }],
      [
        '257 events',
        { events: Array.from({ length: 257 }, () => good) },
        'BATCH_INVALID',
        { events: '257', limit: '256' },
      ],
      [
        'more than 512 KiB',
        { events: [large, large, large] },
        'BATCH_INVALID',
        { bytes: String(3 * (200 * KIB + 8)), limit: String(512 * KIB) },
      ],
      [
        'a reserved topic',
        { events: [good, say('nodes.x', 'x')] },
        'TOPIC_RESERVED',
        { topic: 'nodes.x' },
      ],
      ['a malformed topic', { events: [good, say('a b', 'x')] }, 'TOPIC_INVALID', { topic: 'a b' }],
      ['an empty event', { events: [good, { topic: 'call.publish' }] }, 'EVENT_EMPTY', {}],
      [
        'an event over 256 KiB',
        { events: [good, { ...large, payload: { content: { data: Buffer.alloc(300 * KIB) } } }] },
        'PAYLOAD_TOO_LARGE',
        { bytes: String(300 * KIB + 8), limit: String(256 * KIB) },
      ],
      [
        'a short instance id',
        { events: [good], instance_id: randomBytes(15), first_publish_sequence: 1 },
        'INSTANCE_ID_INVALID',
        {},
      ],
      [
        'a number of nobody',
        { events: [good], first_publish_sequence: 1 },
        'INSTANCE_ID_INVALID',
        {},
      ],
      [
        'an instance without a number',
        { events: [good], ...instance },
        'OUT_OF_RANGE',
        { field: 'first_publish_sequence', limit: '1' },
      ],
    ];
    for (const [what, request, reason, facts] of publishes) {
      it(`PublishEvents refuses ${what} with ${reason}, and stores none of it`, async () => {
        const call = wire.call('EventService.PublishEvents', { events: [], ...request });
        expectEnd(await failureOf(call), reason, facts, INVALID_ARGUMENT);
        expect(await history('call.publish')).to.deep.equal([]);
      });
    }

    it('PublishEvents refuses a hole, and stores a repeat and an overlap once', async () => {
      const topic = 'call.numbered';
      const publish = (first_publish_sequence: number, ...texts: string[]) =>
        wire.call('EventService.PublishEvents', {
          events: texts.map((text) => say(topic, text)),
          first_publish_sequence,
          ...instance,
        });
      expect(await publish(1, 'one', 'two')).to.have.property('stored', 2);
      const hole = await failureOf(publish(4, 'four'));
      expectEnd(hole, 'PUBLISH_SEQUENCE_HOLE', { expected: '3' }, OUT_OF_RANGE);
      expect(await publish(1, 'one', 'two')).to.deep.equal({
        first_sequence: 0,
        stored: 0,
      });
      expect(await publish(2, 'two', 'three')).to.have.property('stored', 1);
      expect(await history(topic)).to.deep.equal(['one', 'two', 'three']);
    });

    it('PublishEvents refuses a message over 1 MiB', async () => {
      const events = [say('call.publish', 'x'.repeat(1024 * KIB))];
      const end = await failureOf(wire.call('EventService.PublishEvents', { events }));
      expect(end.code).to.equal(RESOURCE_EXHAUSTED);
      expect(await history('call.publish')).to.deep.equal([]);
    });

    const readings: [string, { topics: string[]; start?: Start }, string, Facts, number][] = [
      ['no topic', { topics: [], start: LATEST }, 'TOPIC_INVALID', {}, INVALID_ARGUMENT],
      [
        'a malformed topic',
        { topics: ['chat.>', 'a..b'], start: LATEST },
        'TOPIC_INVALID',
        { topic: 'a..b' },
        INVALID_ARGUMENT,
      ],
      [
        'an inbox',
        { topics: ['inbox.hub'], start: LATEST },
        'TOPIC_RESERVED',
        { topic: 'inbox.hub' },
        INVALID_ARGUMENT,
      ],
      [
        "the coordinators' own topics",
        { topics: ['kelpie.sessions'], start: LATEST },
        'TOPIC_RESERVED',
        { topic: 'kelpie.sessions' },
        INVALID_ARGUMENT,
      ],
      [
        'more than 1,000 patterns',
        { topics: manyTopics, start: LATEST },
        'PATTERN_LIMIT',
        { limit: '1000' },
        RESOURCE_EXHAUSTED,
      ],
      ['no start', { topics: ['a'] }, 'START_MISSING', {}, INVALID_ARGUMENT],
      ['an empty start', { topics: ['a'], start: {} }, 'START_MISSING', {}, INVALID_ARGUMENT],
      [
        'a cursor with a short epoch',
        { topics: ['a'], start: shortEpoch },
        'CURSOR_INVALID',
        {},
        INVALID_ARGUMENT,
      ],
      [
        'a start in the future',
        { topics: ['a'], start: { since: { seconds: -5 } } },
        'OUT_OF_RANGE',
        { field: 'start.since', limit: '0' },
        INVALID_ARGUMENT,
      ],
    ];
    for (const [what, request, reason, facts, code] of readings) {
      it(`ReadEvents and WatchEvents refuse ${what} with ${reason}`, async () => {
        const page = await failureOf(wire.call('EventService.ReadEvents', request));
        expectEnd(page, reason, facts, code);
        const watch = wire.watch(request.topics, request.start);
        expectEnd(await watch.ended(), reason, facts, code);
        expect(watch.frames).to.deep.equal([]);
      });
    }

    const pages: [string, object, string, Facts][] = [
      ['to start at SNAPSHOT', { start: RESOURCES }, 'START_INVALID', { start: 'SNAPSHOT' }],
      [
        'a page of 257 events',
        { start: LATEST, page_size: 257 },
        'OUT_OF_RANGE',
        { field: 'page_size', limit: '256' },
      ],
      [
        'to wait for more than 60 s',
        { start: LATEST, wait: { seconds: 61 } },
        'OUT_OF_RANGE',
        { field: 'wait', limit: '60000' },
      ],
      [
        'to wait for less than nothing',
        { start: LATEST, wait: { seconds: -1 } },
        'OUT_OF_RANGE',
        { field: 'wait', limit: '60000' },
      ],
    ];
    for (const [what, more, reason, facts] of pages) {
      it(`ReadEvents refuses ${what} with ${reason}`, async () => {
        const call = wire.call('EventService.ReadEvents', { topics: ['a'], ...more });
        expectEnd(await failureOf(call), reason, facts, INVALID_ARGUMENT);
      });
    }

    it('ListNodes refuses a page token that it did not give, and too large a page', async () => {
      for (const page_token of ['nonsense', 'bm9uc2Vuc2U.hub', '.hub', '....']) {
        const end = await failureOf(wire.call('NodeService.ListNodes', { page_token }));
        expectEnd(end, 'PAGE_TOKEN_INVALID', {}, INVALID_ARGUMENT);
      }
      const end = await failureOf(wire.call('NodeService.ListNodes', { page_size: 1001 }));
      const facts = { field: 'page_size', limit: '1000' };
      expectEnd(end, 'OUT_OF_RANGE', facts, INVALID_ARGUMENT);
    });

    it('ListNodes gives its own tokens back, and each node once', async () => {
      const names = ['page-a', 'page-b', 'page-c'];
      await Promise.all(names.map((name) => wire.join(name)));
      const first = await wire.call('NodeService.ListNodes', { page_size: 2 });
      const second = await wire.call('NodeService.ListNodes', {
        page_size: 2,
        page_token: first.next_page_token,
      });
      const listed = [...first.nodes, ...second.nodes].map(({ name }) => name);
      expect(listed).to.deep.equal([`neighbour-${count}`, ...names]);
      expect(second.next_page_token).to.equal('');
      expect(second.cursor).to.deep.equal(first.cursor);
    });

    it('GetNode answers NODE_NOT_FOUND for a node that nobody knows, and knows any case', async () => {
      for (const name of ['Nobody', '']) {
        const end = await failureOf(wire.call('NodeService.GetNode', { name }));
        expectEnd(end, 'NODE_NOT_FOUND', { name }, NOT_FOUND);
      }
      const { node } = await wire.call('NodeService.GetNode', { name: `NEIGHBOUR-${count}` });
      expect(node.name).to.equal(`neighbour-${count}`);
    });
  });
});

/** The same reason, sentence and facts, however an error travels. */
function expectEnd(end: End, reason: string, facts: Facts, code: number): void {
  expectError(end.error, reason, facts, code);
  expect(end.code).to.equal(code);
  expect(end.message).to.equal(end.error?.message);
  expect(end.info?.domain).to.equal('kelpie.v1');
  expect(end.info?.reason).to.equal(reason);
  const pairs = end.info?.metadata.map(({ key, value }) => [key, value]) ?? [];
  expect(Object.fromEntries(pairs)).to.deep.equal(facts);
}

function expectError(
  error: WireError | undefined,
  reason: string,
  facts: Facts,
  code = INVALID_ARGUMENT,
): void {
  expect(error?.reason).to.equal(`ERROR_REASON_${reason}`);
  expect(error?.code).to.equal(code);
  expect(error?.metadata).to.deep.equal(facts);
  expect(error?.message, 'a sentence').to.match(/^\S+( \S+){3,}/);
}

async function failureOf(call: Promise<unknown>): Promise<End> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof CallFailure) return outcome.end;
  throw new Error(`it should have failed, and gave ${JSON.stringify(outcome)}`);
}
