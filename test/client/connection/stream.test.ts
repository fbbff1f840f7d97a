/** One stream of a client: the order of its frames, its acknowledgements, heartbeats and requests. */
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import type { CoordinatorFrame } from '../../../gen/ts/kelpie/v1/session_service.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf } from '../../support/thrown.js';
import { cursorAt, errorOf, Scripted } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');

describe('a stream of a client', () => {
  let scripted: Scripted;

  afterEach(async () => {
    await scripted.close();
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('begins with Hello, and sends nothing else before Welcome', async () => {
    scripted = new Scripted();
    void scripted.client.publish('chat.global', 'early').catch(() => undefined);
    const update = rejectionOf(KelpieError, scripted.client.update({ labels: { a: '1' } }));
    await settled(10);
    scripted.client.subscribe('chat.global', () => undefined);
    scripted.client.handle('shop.open', () => 'open');
    await settled(10);
    expect(scripted.stream.kinds).to.deep.equal(['hello']);
    expect((await update).reason).to.equal('UNAVAILABLE');
    await scripted.stream.welcome();
    expect(scripted.stream.kinds).to.deep.equal([
      'hello',
      'updateSubscription',
      'updateSubscription',
      'updateOwnNode',
      'heartbeat',
      'publish',
    ]);
  });

  it('sends all frames of one tick in one message', async () => {
    scripted = await Scripted.welcomed();
    const before = scripted.stream.messages.length;
    for (const label of ['a', 'b', 'c'])
      scripted.client.update({ labels: { [label]: '1' } }).catch(() => undefined);
    await settled();
    const message = scripted.stream.messages.slice(before);
    expect(message.map((frames) => frames.map(({ frame }) => frame?.$case))).to.deep.equal([
      ['updateOwnNode', 'updateOwnNode', 'updateOwnNode'],
    ]);
    const ids = scripted.stream.requests('updateOwnNode').map(({ id }) => id);
    expect(new Set(ids).size, 'each request has its own number').to.equal(3);
  });

  describe('acknowledges', () => {
    /** Handlers that end when the test says so, by the sequence of their event. */
    const finish = new Map<number, () => void>();
    const acks = () => scripted.stream.values('ack').map(({ sequence }) => sequence);

    beforeEach(async () => {
      finish.clear();
      scripted = await Scripted.welcomed();
      scripted.client.subscribe('chat.global', ({ sequence }) => {
        return new Promise<void>((resolve) => finish.set(sequence, resolve));
      });
      await settled(10);
    });

    const end = async (...sequences: number[]): Promise<void> => {
      for (const one of sequences) {
        finish.get(one)?.();
        await settled(10);
      }
    };

    /** Sends a frame, so that a waiting acknowledgement travels with it. */
    const travel = async (): Promise<void> => {
      await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
    };

    it('a batch when its handlers have ended, and not before', async () => {
      await scripted.stream.events(0, 1);
      await travel();
      expect(acks()).to.deep.equal([]);
      await end(1);
      await travel();
      expect(acks()).to.deep.equal([1]);
    });

    it('no batch before the batches that came before it', async () => {
      await scripted.stream.events(0, 1, 2);
      // This batch has no event, so it is processed at once.
      const value = { afterSequence: 2, upTo: cursorAt(9), events: [] };
      await scripted.stream.send({ $case: 'eventBatch', value });
      await end(1);
      await travel();
      expect(acks()).to.deep.equal([]);
      await end(2);
      await travel();
      expect(acks(), 'one acknowledgement for both').to.deep.equal([9]);
    });

    it('with the next frame, and alone when three batches are done', async () => {
      for (const one of [1, 2, 3]) {
        await scripted.stream.events(one - 1, one);
        expect(acks()).to.deep.equal([]);
        await end(one);
      }
      expect(acks()).to.deep.equal([3]);
    });

    it('alone when a quarter of the window of 4096 events is done', async () => {
      const numbers = Array.from({ length: 1024 }, (_, index) => index + 1);
      await scripted.stream.events(0, ...numbers.slice(0, 1023));
      // The handlers of one topic run one after the other.
      for (const one of numbers.slice(0, 1023)) {
        finish.get(one)?.();
        await settled(1);
      }
      await settled(10);
      expect(acks()).to.deep.equal([]);
      await scripted.stream.events(1023, 1024);
      await end(1024);
      expect(acks()).to.deep.equal([1024]);
    });

    it('nothing of a stream that broke on the next one', async () => {
      await scripted.stream.events(0, 1);
      await scripted.stream.break(lost);
      await scripted.pass(0);
      await scripted.stream.welcome({ cursor: cursorAt(1) });
      await end(1);
      await travel();
      expect(acks()).to.deep.equal([]);
      expect(scripted.streams).to.have.lengthOf(2);
    });
  });

  it('skips unknown frames, and answers to unknown requests', async () => {
    scripted = await Scripted.welcomed();
    const handled: number[] = [];
    scripted.client.subscribe('chat.global', ({ sequence }) => void handled.push(sequence));
    const newer = { $case: 'weather', value: {} } as unknown as CoordinatorFrame['frame'];
    await scripted.stream.send(undefined, newer);
    await scripted.stream.answer(4711, { $case: 'requestOk', value: {} });
    await scripted.stream.events(0, 1);
    expect(handled).to.deep.equal([1]);
    expect(scripted.all('disconnected')).to.deep.equal([]);
  });

  it('reports a refusal that belongs to no open request', async () => {
    scripted = await Scripted.welcomed();
    await scripted.stream.refuse(0, 'TOPIC_RESERVED', 3);
    expect(scripted.all('refused').map(({ error }) => error.reason)).to.deep.equal([
      'TOPIC_RESERVED',
    ]);
    expect(scripted.stream.aborted).to.equal(false);
  });

  it('settles each request with its own answer', async () => {
    scripted = await Scripted.welcomed();
    const first = scripted.client.update({ labels: { a: '1' } });
    const second = rejectionOf(KelpieError, scripted.client.update({ labels: { b: '1' } }));
    await settled(10);
    const [one, two] = scripted.stream.requests('updateOwnNode').map(({ id }) => id);
    await scripted.stream.refuse(two ?? 0, 'LABELS_INVALID', 3);
    expect(await second).to.include({ reason: 'LABELS_INVALID', permanent: true });
    expect(scripted.client.pending).to.equal(1);
    await scripted.stream.answer(one ?? 0, { $case: 'requestOk', value: {} });
    await first;
    expect(scripted.client.pending).to.equal(0);
    expect(scripted.all('refused'), 'the caller has it').to.deep.equal([]);
  });

  it('rejects its open requests when it ends', async () => {
    scripted = await Scripted.welcomed();
    const update = rejectionOf(KelpieError, scripted.client.update({ labels: { a: '1' } }));
    await settled(10);
    await scripted.stream.break(lost);
    expect((await update).reason).to.equal('UNAVAILABLE');
    expect(scripted.client.pending).to.equal(0);
  });

  it('ends at a batch without a position, and at a batch behind missing events', async () => {
    scripted = await Scripted.welcomed();
    const value = { afterSequence: 0, upTo: undefined, events: [] };
    await scripted.stream.send({ $case: 'eventBatch', value });
    expect(scripted.stream.aborted).to.equal(true);
    await scripted.pass(0);
    await scripted.stream.welcome();
    await scripted.stream.events(5, 6);
    expect(scripted.stream.aborted).to.equal(true);
    const reasons = scripted.all('disconnected').map(({ error }) => error?.reason);
    expect(reasons).to.deep.equal(['PROTOCOL', 'PROTOCOL']);
  });

  it('sends a heartbeat at each interval of the Welcome, and when the coordinator asks', async () => {
    scripted = new Scripted();
    await settled(10);
    await scripted.stream.welcome({ heartbeatInterval: { seconds: 2, nanos: 0 } });
    const beats = () => scripted.stream.values('heartbeat').length;
    expect(beats()).to.equal(1);
    await scripted.pass(1999);
    expect(beats()).to.equal(1);
    await scripted.pass(1);
    expect(beats()).to.equal(2);
    await scripted.pass(2000);
    expect(beats()).to.equal(3);
    await scripted.stream.send({ $case: 'heartbeatRequested', value: {} });
    expect(beats()).to.equal(4);
  });

  it('answers all requests for a heartbeat of one turn with one heartbeat', async () => {
    scripted = await Scripted.welcomed();
    const beats = () => scripted.stream.values('heartbeat').length;
    const before = beats();
    const asked = { $case: 'heartbeatRequested', value: {} } as const;
    await scripted.stream.send(asked, asked, asked);
    expect(beats()).to.equal(before + 1);
    await scripted.stream.send(asked);
    expect(beats()).to.equal(before + 2);
  });

  it('measures its round trip from a heartbeat to its answer', async () => {
    scripted = await Scripted.welcomed({ load: () => ({ tps: 20 }) });
    const loads = () => scripted.stream.values('heartbeat').map(({ load }) => load);
    expect(loads()[0]).to.include({ tps: 20, roundTripMs: undefined });
    await scripted.pass(40);
    await scripted.stream.send({ $case: 'heartbeatAck', value: { cursor: undefined } });
    await scripted.pass(5000);
    expect(loads()[1]).to.include({ tps: 20, roundTripMs: 40 });
  });

  it('goes on with its heartbeats if the function for the load throws', async () => {
    let broken = true;
    scripted = await Scripted.welcomed({
      load: () => {
        if (broken) throw new Error('no load');
        return { tps: 19 };
      },
    });
    expect(scripted.all('handlerFailed').map(({ pattern }) => pattern)).to.deep.equal(['load']);
    broken = false;
    await scripted.pass(5000);
    expect(scripted.stream.values('heartbeat').map(({ load }) => load?.tps)).to.deep.equal([
      undefined,
      19,
    ]);
  });

  it('begins after the events that the client received on the stream before', async () => {
    scripted = await Scripted.welcomed();
    const handled: number[] = [];
    scripted.client.subscribe('chat.global', ({ sequence }) => void handled.push(sequence));
    await scripted.stream.events(0, 1, 2);
    await scripted.stream.break(lost);
    await scripted.pass(0);
    const { start } = scripted.stream.hello ?? {};
    expect(start?.place).to.have.property('$case', 'after');
    expect(start?.place?.value).to.have.property('sequence', 2);
    await scripted.stream.welcome({ cursor: cursorAt(2) });
    await scripted.stream.events(1, 2, 3);
    expect(handled, 'an event that comes again is handled once').to.deep.equal([1, 2, 3]);
  });

  it('sends the publishes without an acknowledgement again, with their numbers', async () => {
    scripted = await Scripted.welcomed();
    const settledOnes: string[] = [];
    for (const text of ['one', 'two', 'three'])
      void scripted.client.publish('chat.global', text).then(
        () => settledOnes.push(text),
        (error: unknown) => settledOnes.push(`${text}: ${(error as KelpieError).reason}`),
      );
    await settled(10);
    const [first] = scripted.stream.values('publish');
    expect(first).to.deep.include({ firstPublishSequence: 1 });
    expect(first?.events).to.have.lengthOf(3);
    await scripted.stream.break(lost);
    await scripted.pass(0);
    await scripted.stream.welcome({ publishSequence: 1 });
    expect(settledOnes, 'the coordinator had it').to.deep.equal(['one']);
    const [again] = scripted.stream.values('publish');
    expect(again).to.deep.include({ firstPublishSequence: 2 });
    expect(again?.events).to.have.lengthOf(2);
    const rejections = [{ publishSequence: 2, error: errorOf('TOPIC_RESERVED', 3) }];
    await scripted.stream.send({ $case: 'publishAck', value: { publishSequence: 3, rejections } });
    expect(settledOnes).to.deep.equal(['one', 'two: TOPIC_RESERVED', 'three']);
  });
});
