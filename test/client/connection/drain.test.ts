/** A client leaves a coordinator that drains: it opens the next stream before it leaves the old one. */
import { expect } from 'chai';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { settled } from '../../support/journal/history.js';
import { Scripted, type ScriptedStream } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');
const DRAINED = [{ reason: GoodbyeReason.DRAINED }];

/** The coordinator announces its stop, and the time in which its clients move. */
const drain = (stream: ScriptedStream, windowMs = 2000): Promise<void> =>
  stream.send({
    $case: 'drain',
    value: {
      grace: { seconds: 10, nanos: 0 },
      reconnectWindow: { seconds: windowMs / 1000, nanos: 0 },
    },
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
