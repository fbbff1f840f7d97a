/** A session publishes bad events: the coordinator rejects them and stores the good ones. */
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { type Draft, say } from '../../support/wire/frames.js';
import { withNeighbour } from './neighbour.js';
import { expectError, type Facts } from './refusal.js';

const KIB = 1024;
/** A message of one byte field of this length has exactly the 256 KiB that an event may have. */
const LARGEST_DATA = 256 * KIB - 8;

describe('bad input in published events', () => {
  const suite = withNeighbour();

  const deep = Array.from({ length: 17 }, () => 'a').join('.');
  const long = 'a'.repeat(256);
  const data = (length: number): Draft => ({
    topic: 'bad.data',
    payload: { content: { data: Buffer.alloc(length) } },
  });

  it('rejects each bad event with its reason, and stores the good events beside it', async () => {
    const { stream: reader } = await suite.wire.join('bad-reader', { topics: ['bad.>'] });
    const { stream } = await suite.wire.join('bad-writer');
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
      ...[2, -1, 2 ** 31 - 1, -(2 ** 31)].map((origin): [Draft, string, Facts] => [
        { topic: 'bad.x', payload: { content: { text: 'x' }, origin } },
        'OUT_OF_RANGE',
        { field: 'payload.origin', limit: '1' },
      ]),
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
    expect(await suite.history('bad.>')).to.deep.equal(['first', ...good, 'last']);
  });

  it('stores an event of exactly 256 KiB, and sends it in a batch of its own', async () => {
    const { stream } = await suite.wire.join('heavy', { topics: ['bad.data'] });
    stream.publish(1, data(LARGEST_DATA), data(10));
    expect((await stream.settled(2)).rejections).to.deep.equal([]);
    const first = await stream.next('event_batch');
    expect(first.events).to.have.length(1);
    const sent = first.events[0]?.message_published?.content.data;
    expect(sent).to.have.length(LARGEST_DATA);
    expect((await stream.next('event_batch')).events).to.have.length(1);
  });

  it('refuses all of a batch over the limits, and a later batch may use its numbers', async () => {
    const topic = 'batch.session';
    const { stream } = await suite.wire.join('batcher');
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
    expect(await suite.history(topic)).to.deep.equal([]);
    stream.publish(1, ...Array.from({ length: 256 }, () => say(topic, 'full')));
    await stream.settled(256);
    expect(await suite.history(topic)).to.have.length(256);
  });

  it('refuses a hole in the publish sequence, and names the expected number', async () => {
    const { stream } = await suite.wire.join('holes');
    stream.publish(7, say('holes', 'seven'), say('holes', 'eight'));
    await stream.settled(8);
    stream.send({
      request_id: 1,
      publish: { first_publish_sequence: 10, events: [say('holes', 'ten')] },
    });
    const failed = (await stream.answer(1)).request_failed?.error;
    expectError(failed, 'PUBLISH_SEQUENCE_HOLE', { expected: '9' }, status.OUT_OF_RANGE);
    stream.publish(7, say('holes', 'seven again'));
    expect((await stream.next('publish_ack')).publish_sequence).to.equal(8);
    stream.publish(9, say('holes', 'nine'), say('holes', 'ten'));
    await stream.settled(10);
    expect(await suite.history('holes')).to.deep.equal(['seven', 'eight', 'nine', 'ten']);
  });

  for (const [first, limit] of [
    [0, 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ] as const) {
    it(`refuses ${first} as the first publish sequence of two`, async () => {
      const topic = `first.${first}`;
      const { stream } = await suite.wire.join('numbers');
      const events = [say(topic, 'x'), say(topic, 'y')];
      stream.send({ request_id: 1, publish: { first_publish_sequence: first, events } });

      const failed = (await stream.answer(1)).request_failed?.error;
      const facts = { field: 'first_publish_sequence', limit: String(limit) };
      expectError(failed, 'OUT_OF_RANGE', facts);
      stream.publish(1, say(topic, 'one'));
      await stream.settled(1);
      expect(await suite.history(topic)).to.deep.equal(['one']);
    });
  }
});
