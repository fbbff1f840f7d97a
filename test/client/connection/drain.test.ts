/** A client leaves a coordinator that drains: it opens the next stream before it leaves the old one. */
import { expect } from 'chai';
import { CommandRequest } from '../../../gen/ts/kelpie/v1/command.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { settled } from '../../support/journal/history.js';
import { Scripted, type ScriptedStream } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');
const DRAINED = [{ reason: GoodbyeReason.DRAINED }];

/** The coordinator announces its stop, and the time in which its clients move. */
const drain = (stream: ScriptedStream, windowMs = 2000, mayStay = false): Promise<void> =>
  stream.send({
    $case: 'drain',
    value: {
      grace: { seconds: 10, nanos: 0 },
      reconnectWindow: { seconds: windowMs / 1000, nanos: 0 },
      mayStay,
    },
  });

describe('a client whose coordinator cannot reach its storage', () => {
  let scripted: Scripted;

  afterEach(async () => {
    await scripted.close();
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('stays if it has no other endpoint', async () => {
    scripted = await Scripted.welcomed();
    expect(scripted.stream.values('hello')[0]?.features).to.deep.equal(['drain-may-stay']);
    await drain(scripted.stream, 2000, true);
    await scripted.pass(5000);
    expect(scripted.stream.values('goodbye')).to.deep.equal([]);
    expect(scripted.all('draining')).to.deep.equal([]);
  });

  it('stays if no other coordinator welcomes it, and tries again when it is asked again', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const old = scripted.at(0);
    await drain(old, 2000, true);
    await scripted.pass(0);
    await scripted.at(1).break(lost);
    await scripted.pass(5000);
    expect(old.values('goodbye')).to.deep.equal([]);
    expect(scripted.all('disconnected')).to.deep.equal([]);
    await drain(old, 2000, true);
    await scripted.pass(0);
    await scripted.at(1).welcome();
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    await old.end();
    expect(scripted.all('disconnected')).to.deep.equal([]);
  });

  it('leaves if that coordinator stops meanwhile', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const old = scripted.at(0);
    await drain(old, 2000, true);
    await scripted.pass(0);
    await drain(old);
    await scripted.at(1).break(lost);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    await old.end();
  });

  it('makes one move at a time, also where its stream breaks before it moves', async () => {
    scripted = await Scripted.welcomed({}, 2);
    scripted.random = 0.5;
    await drain(scripted.at(0), 2000, true);
    await scripted.at(0).break(lost);
    await scripted.pass(500);
    const next = scripted.at(1);
    await next.welcome();
    await drain(next, 4000, true);
    // The move from the first stream ends.
    await scripted.pass(500);
    await drain(next, 0, true);
    await scripted.pass(0);
    expect(scripted.streams, 'the second Drain changes nothing').to.have.lengthOf(2);
    await scripted.pass(1500);
    expect(scripted.streams).to.have.lengthOf(3);
    await scripted.at(0).welcome();
    expect(next.values('goodbye')).to.deep.equal(DRAINED);
    await next.end();
  });
});

describe('a client whose coordinator drains', () => {
  let scripted: Scripted;

  afterEach(async () => {
    await scripted.close();
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('opens a stream elsewhere after a random share of the window', async () => {
    scripted = await Scripted.welcomed({}, 2);
    scripted.random = 0.5;
    await drain(scripted.at(0));
    expect(scripted.all('draining')).to.have.lengthOf(1);
    await scripted.pass(999);
    expect(scripted.coordinators[1]?.streams).to.deep.equal([]);
    await scripted.pass(1);
    expect(scripted.at(1).kinds).to.deep.equal(['hello']);
  });

  it('leaves the old stream at the Welcome of the new one, and not before', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const old = scripted.at(0);
    await drain(old);
    await scripted.pass(0);
    expect(old.values('goodbye')).to.deep.equal([]);
    expect(old.finished).to.equal(false);
    await scripted.at(1).welcome();
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    expect(old.finished).to.equal(true);
    await old.end();
    expect(scripted.all('disconnected'), 'it was never without a stream').to.deep.equal([]);
    expect(scripted.streams).to.have.lengthOf(2);
  });

  it('ignores the stream that it left, and goes on with the new one', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const handled: number[] = [];
    scripted.client.subscribe('chat.global', ({ sequence }) => void handled.push(sequence));
    const old = scripted.at(0);
    await old.events(0, 1);
    await drain(old);
    await scripted.pass(0);
    await old.events(1, 2);
    await scripted.at(1).welcome();
    await old.events(2, 3);
    expect(handled, 'the new stream brings the third event').to.deep.equal([1, 2]);
    await scripted.at(1).events(2, 3, 4);
    expect(handled).to.deep.equal([1, 2, 3, 4]);
    // The new stream takes the publishes.
    void scripted.client.publish('chat.global', 'x').catch(() => undefined);
    await settled();
    expect(old.values('publish')).to.deep.equal([]);
    expect(scripted.at(1).values('publish')).to.have.lengthOf(1);
  });

  it('tries each other endpoint, and comes back to its own if no other accepts it', async () => {
    scripted = await Scripted.welcomed({}, 3);
    const old = scripted.at(0);
    await drain(old);
    await scripted.pass(0);
    await scripted.at(1).break(lost);
    expect(old.values('goodbye')).to.deep.equal([]);
    await scripted.at(2).break(lost);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    await old.end();
    await scripted.pass(0);
    expect(scripted.coordinators.map(({ streams }) => streams.length)).to.deep.equal([2, 1, 1]);
  });

  it('leaves at once if it has no other endpoint, and comes back', async () => {
    scripted = await Scripted.welcomed();
    scripted.random = 0.5;
    const old = scripted.stream;
    await drain(old);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    await old.end();
    await scripted.pass(500);
    expect(scripted.streams).to.have.lengthOf(2);
  });

  it('keeps the stream that it is opening if the old one breaks', async () => {
    scripted = await Scripted.welcomed({}, 2);
    await drain(scripted.at(0));
    await scripted.pass(0);
    await scripted.at(0).break(lost);
    await scripted.pass(1000);
    expect(scripted.streams, 'nothing else is opened').to.have.lengthOf(2);
    expect(scripted.all('disconnected')).to.deep.equal([]);
    await scripted.at(1).welcome();
    expect(scripted.all('connected').map(({ endpoint }) => endpoint)).to.deep.equal([
      'place-0',
      'place-1',
    ]);
  });

  it('leaves at once and comes back if its Snapshot is not complete, for the next stream asks for it again', async () => {
    scripted = await Scripted.welcomed({ start: 'SNAPSHOT' }, 2);
    const old = scripted.at(0);
    await drain(old);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    expect(scripted.coordinators[1]?.streams).to.deep.equal([]);
    await old.end();
    await scripted.pass(0);
    expect(scripted.at(1).hello?.start).to.deep.equal(old.hello?.start);
  });

  it('takes the answers to its requests on the old stream before it leaves it', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const old = scripted.at(0);
    let ended: unknown = 'open';
    const change = scripted.client.update({ labels: { mode: 'lobby' } });
    void change.then(
      () => (ended = 'stored'),
      (error: unknown) => (ended = error),
    );
    await settled();
    await drain(old);
    await scripted.pass(0);
    await scripted.at(1).welcome();
    expect(old.values('goodbye')).to.deep.equal([]);
    expect(ended).to.equal('open');
    // Requests of the coordinator are nothing to the old stream any more.
    await old.send({ $case: 'heartbeatRequested', value: {} });
    const [request] = old.requests('updateOwnNode');
    await old.answer(request?.id ?? 0, { $case: 'requestOk', value: {} });
    expect(ended).to.equal('stored');
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    expect(old.kinds.at(-1)).to.equal('goodbye');
    expect(old.values('heartbeat')).to.have.lengthOf(1);
    expect(scripted.client.pending).to.equal(0);
  });

  it('waits for answers at most as long as the old stream works, counted from Drain', async () => {
    scripted = await Scripted.welcomed({}, 2);
    scripted.random = 0.5;
    const old = scripted.at(0);
    const change = scripted.client.update({ labels: { mode: 'lobby' } });
    const refused = change.catch((error: unknown) => (error as { reason: string }).reason);
    await settled();
    await drain(old);
    await scripted.pass(1000);
    await scripted.at(1).welcome();
    await scripted.pass(8999);
    expect(old.values('goodbye')).to.deep.equal([]);
    await scripted.pass(1);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
    await old.end();
    expect(await refused).to.equal('UNAVAILABLE');
  });

  it('notices that its new stream breaks while the old one waits for answers', async () => {
    scripted = await Scripted.welcomed({}, 2);
    void scripted.client.update({ labels: { mode: 'lobby' } }).catch(() => undefined);
    await settled();
    await drain(scripted.at(0));
    await scripted.pass(0);
    await scripted.at(1).welcome();
    await scripted.at(1).break(lost);
    expect(scripted.all('disconnected')).to.have.lengthOf(1);
    await scripted.pass(0);
    expect(scripted.streams).to.have.lengthOf(3);
  });

  it('waits for the answers too if it has no other endpoint, and goes on with its work meanwhile', async () => {
    scripted = await Scripted.welcomed();
    const old = scripted.stream;
    const one = scripted.client.update({ labels: { mode: 'lobby' } });
    await settled();
    await drain(old);
    const two = scripted.client.update({ labels: { mode: 'arena' } });
    await settled();
    expect(old.values('goodbye')).to.deep.equal([]);
    const requests = old.requests('updateOwnNode');
    for (const { id } of requests) await old.answer(id, { $case: 'requestOk', value: {} });
    await Promise.all([one, two]);
    expect(old.values('goodbye')).to.deep.equal(DRAINED);
  });

  it('sends no frame after its Goodbye', async () => {
    scripted = await Scripted.welcomed();
    const old = scripted.stream;
    // In one message, so that both are handled before a frame goes out.
    const value = { grace: undefined, reconnectWindow: undefined, mayStay: false };
    await old.send(
      { $case: 'drain', value },
      { $case: 'heartbeatRequested', value: {} },
      { $case: 'commandRequest', value: CommandRequest.create({ commandId: 7 }) },
    );
    expect(old.kinds.at(-1)).to.equal('goodbye');
    const change = scripted.client.update({ labels: { mode: 'lobby' } });
    const refused = await change.catch((error: unknown) => (error as { reason: string }).reason);
    expect(refused).to.equal('UNAVAILABLE');
    expect(old.kinds.at(-1)).to.equal('goodbye');
  });

  it('is closed in time, also if the coordinator that it left never ends the stream', async () => {
    scripted = await Scripted.welcomed({}, 2);
    const old = scripted.at(0);
    await drain(old);
    await scripted.pass(0);
    await scripted.at(1).welcome();
    const closed = scripted.client.close();
    await settled();
    await scripted.at(1).end();
    expect(scripted.all('closed')).to.deep.equal([]);
    await scripted.pass(5000);
    expect(old.aborted).to.equal(true);
    await closed;
  });

  it('sends Goodbye on both streams if it is closed during the move', async () => {
    scripted = await Scripted.welcomed({}, 2);
    await drain(scripted.at(0));
    await scripted.pass(0);
    const closed = scripted.client.close();
    await settled(10);
    const STOP = [{ reason: GoodbyeReason.STOP }];
    expect(scripted.streams.map((stream) => stream.values('goodbye'))).to.deep.equal([STOP, STOP]);
    await scripted.at(0).end();
    await scripted.at(1).end();
    await closed;
  });
});
