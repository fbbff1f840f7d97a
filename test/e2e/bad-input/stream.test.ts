/** A node sends bad frames: each mistake gets its reason, and only a broken protocol ends the stream. */
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { helloOf, say } from '../../support/wire/frames.js';
import { withNeighbour } from './neighbour.js';
import { expectEnd, expectError, type Facts } from './refusal.js';

const KIB = 1024;

describe('bad input on a stream', () => {
  const suite = withNeighbour();

  it('ends the stream with HELLO_REQUIRED if the first frame is not a Hello', async () => {
    for (const frame of [{ heartbeat: {} }, { ack: { sequence: 1 } }, {}]) {
      const stream = suite.wire.connect();
      stream.send(frame);
      expectEnd(await stream.ended(), 'HELLO_REQUIRED', {}, status.FAILED_PRECONDITION);
      expect(stream.frames).to.deep.equal([]);
    }
  });

  it('ends the stream with HELLO_DUPLICATE at a second Hello, and the node can come back', async () => {
    const hello = helloOf('twice');
    const { stream } = await suite.wire.join('twice', hello);
    stream.publish(1, say('twice', 'before'));
    stream.send({ hello });
    expectEnd(await stream.ended(), 'HELLO_DUPLICATE', {}, status.FAILED_PRECONDITION);
    const { welcome } = await suite.wire.join('twice', hello);
    expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
    expect(welcome.publish_sequence).to.equal(1);
    expect(await suite.history('twice')).to.deep.equal(['before']);
  });

  it('answers an empty frame with FRAME_UNKNOWN, and handles the frames around it', async () => {
    const { stream } = await suite.wire.join('empty', { topics: ['empty'] });
    stream.send(
      { publish: { first_publish_sequence: 1, events: [say('empty', 'one')] } },
      { request_id: 5 },
      {},
      { publish: { first_publish_sequence: 2, events: [say('empty', 'two')] } },
    );
    const failed = await stream.answer(5);
    expectError(failed.request_failed?.error, 'FRAME_UNKNOWN', {}, status.UNIMPLEMENTED);
    expectError(await stream.failure(), 'FRAME_UNKNOWN', {}, status.UNIMPLEMENTED);
    await suite.expectAlive(stream);
    expect(await suite.history('empty')).to.deep.equal(['one', 'two']);
  });

  it('answers a frame of an unknown kind with FRAME_UNKNOWN', async () => {
    const { stream } = await suite.wire.join('newer');
    // ConnectRequest { frames (1): { request_id (1): 6, 200: "?" } }
    stream.sendBytes(Buffer.from([0x0a, 0x06, 0x08, 6, 0xc2, 0x0c, 0x01, 0x3f]));
    const failed = await stream.answer(6);
    expectError(failed.request_failed?.error, 'FRAME_UNKNOWN', {}, status.UNIMPLEMENTED);
    await suite.expectAlive(stream);
  });

  it('ends the stream if the bytes are not a message, and the node can come back', async () => {
    const hello = helloOf('garbage');
    const { stream } = await suite.wire.join('garbage', hello);
    stream.sendBytes(Buffer.alloc(64, 0xff));
    expect((await stream.ended()).error?.reason).to.equal('ERROR_REASON_MESSAGE_INVALID');
    const { welcome } = await suite.wire.join('garbage', hello);
    expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
  });

  it('ends the stream at a message over 1 MiB, and stores nothing of it', async () => {
    const hello = helloOf('large');
    const { stream } = await suite.wire.join('large', hello);
    stream.publish(1, say('large', 'x'.repeat(1024 * KIB)));
    const end = await stream.ended();
    expect(end.code).to.equal(status.RESOURCE_EXHAUSTED);
    expect(end.message).to.include('1048576');
    const { welcome } = await suite.wire.join('large', hello);
    expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
    expect(welcome.publish_sequence).to.equal(0);
    expect(await suite.history('large')).to.deep.equal([]);
  });

  it('refuses an Ack that ends no outstanding batch, and the window stays as it was', async () => {
    const { stream } = await suite.wire.join('acker', {
      topics: ['acker'],
      window: { events: 1, bytes: KIB },
    });
    await suite.tell('acker', 'one');
    const batch = await stream.next('event_batch');
    await suite.tell('acker', 'two');
    const upTo = batch.up_to.sequence;
    for (const [requestId, sequence] of [0, upTo - 1, upTo + 1, 2 ** 53 - 1].entries()) {
      if (sequence === 0) continue;
      stream.send({ request_id: requestId, ack: { sequence } });
      const failed = (await stream.answer(requestId)).request_failed?.error;
      expectError(failed, 'ACK_INVALID', { sequence: String(sequence) });
    }
    await suite.expectAlive(stream);
    await suite.expectAlive(stream);
    expect(stream.sequences).to.have.length(1);
    stream.send({ ack: { sequence: upTo } });
    expect(await stream.texts('two')).to.deep.equal(['two']);
  });

  const subscriptions: [string, string[], string | undefined, string, Facts][] = [
    ['a malformed topic', ['fine', 'a..b'], 'LATEST', 'TOPIC_INVALID', { topic: 'a..b' }],
    [
      'the inbox of another node',
      ['fine', 'inbox.x'],
      'LATEST',
      'TOPIC_RESERVED',
      { topic: 'inbox.x' },
    ],
    ['a missing start', ['fine'], undefined, 'START_MISSING', {}],
    ['a start in the past', ['fine'], 'EARLIEST', 'START_INVALID', { start: 'EARLIEST' }],
  ];
  for (const [what, add, at, reason, facts] of subscriptions) {
    it(`refuses all of a subscription because of ${what}`, async () => {
      const { stream } = await suite.wire.join('subscriber', { topics: ['marker'] });
      const start = at === undefined ? {} : { start_at: `START_AT_${at}` };
      stream.send({
        request_id: 3,
        update_subscription: { added_topics: add, removed_topics: ['marker'], ...start },
      });
      expectError((await stream.answer(3)).request_failed?.error, reason, facts);
      await suite.tell('fine', 'not added');
      await suite.tell('marker', 'not removed');
      expect(await stream.texts('not removed')).to.deep.equal(['not removed']);
    });
  }

  it('refuses more than 1,000 patterns with PATTERN_LIMIT', async () => {
    const topics = Array.from({ length: 1000 }, (_, index) => `many.${index}`);
    const { stream } = await suite.wire.join('many', { topics });
    stream.send({
      request_id: 3,
      update_subscription: { added_topics: ['one-more'], start_at: 'START_AT_LATEST' },
    });
    const failed = (await stream.answer(3)).request_failed?.error;
    expectError(failed, 'PATTERN_LIMIT', { limit: '1000' }, status.RESOURCE_EXHAUSTED);
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
