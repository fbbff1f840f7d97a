/** The attempts of a client: when it opens a stream, where, and when it stops trying. */
import { expect } from 'chai';
import { settled } from '../../support/journal/history.js';
import { Scripted, thrownError } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');

/** The delays that the client reported before its attempts. */
const delays = (scripted: Scripted): number[] =>
  scripted.all('disconnected').map(({ retryInMs }) => retryInMs);

describe('the attempts of a client', () => {
  let scripted: Scripted;

  afterEach(async () => {
    await scripted.close();
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
    expect(scripted.streams.filter(({ finished }) => !finished)).to.deep.equal([]);
  });

  it('begin at once after a stream that was open for more than 10 s', async () => {
    scripted = await Scripted.welcomed();
    scripted.random = 0.9;
    await scripted.pass(10_001);
    await scripted.stream.break(lost);
    expect(delays(scripted)).to.deep.equal([0]);
    await scripted.pass(0);
    expect(scripted.streams).to.have.lengthOf(2);
    expect(scripted.all('connecting').map(({ attempt }) => attempt)).to.deep.equal([0, 0]);
  });

  it('wait for a bound that doubles up to a third of the grace', async () => {
    scripted = await Scripted.welcomed();
    scripted.random = 1;
    const expected = [500, 1000, 2000, 4000, 5000, 5000];
    for (const [index, delayMs] of expected.entries()) {
      await scripted.stream.break(lost);
      expect(delays(scripted)[index]).to.equal(delayMs);
      await scripted.pass(delayMs - 1);
      expect(scripted.streams, 'not before the delay is over').to.have.lengthOf(index + 1);
      await scripted.pass(1);
      expect(scripted.streams).to.have.lengthOf(index + 2);
    }
  });

  it('take the grace from the newest Welcome', async () => {
    scripted = new Scripted();
    await settled();
    await scripted.stream.welcome({ grace: { seconds: 3, nanos: 0 } });
    scripted.random = 1;
    for (const delayMs of [500, 1000, 1000]) {
      await scripted.stream.break(lost);
      expect(delays(scripted).at(-1)).to.equal(delayMs);
      await scripted.pass(delayMs);
    }
  });

  it('wait for a random share of the bound, so that clients do not all come at once', async () => {
    scripted = await Scripted.welcomed();
    for (const [random, delayMs] of [
      [0, 0],
      [0.25, 250],
      [0.5, 1000],
    ] as const) {
      scripted.random = random;
      await scripted.stream.break(lost);
      expect(delays(scripted).at(-1)).to.equal(delayMs);
      await scripted.pass(delayMs);
    }
  });

  it('take the endpoints in turn', async () => {
    scripted = new Scripted({}, 3);
    await settled();
    for (const place of [0, 1, 2, 0, 1]) {
      await scripted.at(place).break(lost);
      await scripted.pass(0);
    }
    const endpoints = scripted.all('connecting').map(({ endpoint }) => endpoint);
    const order = [0, 1, 2, 0, 1, 2].map((place) => `place-${place}`);
    expect(endpoints).to.deep.equal(order);
  });

  it('wait at least the time that a coordinator asks for, and go to the others meanwhile', async () => {
    scripted = new Scripted({}, 2);
    await settled();
    await scripted.at(0).break(thrownError('SESSION_LIMIT', 8, 60_000));
    await scripted.pass(0);
    expect(scripted.at(1).hello, 'the other endpoint does not wait').to.not.equal(undefined);
    await scripted.pass(2000);
    await scripted.at(1).break(lost);
    expect(delays(scripted)).to.deep.equal([0, 58_000]);
    await scripted.pass(57_999);
    expect(scripted.coordinators[0]?.streams).to.have.lengthOf(1);
    await scripted.pass(1);
    expect(scripted.coordinators[0]?.streams).to.have.lengthOf(2);
  });

  it('add the back-off to the time that a coordinator asks for, which is at most 5 min', async () => {
    scripted = new Scripted();
    await settled();
    scripted.random = 0.5;
    await scripted.stream.break(thrownError('SESSION_LIMIT', 8, 1000));
    expect(delays(scripted)).to.deep.equal([1250]);
    await scripted.pass(1250);
    await scripted.stream.break(thrownError('SESSION_LIMIT', 8, Infinity));
    expect(delays(scripted)[1]).to.equal(300_500);
  });

  it('end with a name that another process holds, unless this client has had it', async () => {
    scripted = new Scripted();
    await settled();
    await scripted.stream.break(thrownError('NODE_NAME_IN_USE', 9));
    expect(scripted.all('closed').map(({ error }) => error?.reason)).to.deep.equal([
      'NODE_NAME_IN_USE',
    ]);
    await scripted.close();

    scripted = await Scripted.welcomed();
    await scripted.stream.break(thrownError('NODE_NAME_IN_USE', 9));
    await scripted.pass(0);
    expect(scripted.all('closed')).to.deep.equal([]);
    expect(scripted.streams).to.have.lengthOf(2);
  });

  it('end if an operator ended the session, and go on if another stream replaced it', async () => {
    scripted = await Scripted.welcomed();
    await scripted.stream.break(thrownError('SESSION_REPLACED', 10));
    await scripted.pass(0);
    expect(scripted.streams).to.have.lengthOf(2);
    await scripted.stream.welcome();
    await scripted.stream.break(thrownError('SESSION_ENDED', 9));
    await scripted.pass(60_000);
    expect(scripted.streams).to.have.lengthOf(2);
    expect(scripted.all('closed').map(({ error }) => error?.reason)).to.deep.equal([
      'SESSION_ENDED',
    ]);
  });

  it('end with the client, also while it waits for the next attempt', async () => {
    scripted = await Scripted.welcomed();
    scripted.random = 1;
    await scripted.stream.break(lost);
    const closed = scripted.client.close();
    await settled();
    expect(scripted.all('closed')).to.have.lengthOf(1);
    await closed;
    await scripted.pass(60_000);
    expect(scripted.streams).to.have.lengthOf(1);
  });
});

describe('the silence of a coordinator', () => {
  let scripted: Scripted;

  afterEach(async () => {
    await scripted.close();
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('breaks a stream 10 s after its Hello if no Welcome comes', async () => {
    scripted = new Scripted();
    await settled();
    const { stream } = scripted;
    await scripted.pass(9999);
    expect(stream.aborted).to.equal(false);
    await scripted.pass(1);
    expect(stream.aborted).to.equal(true);
    expect(scripted.all('disconnected').map(({ error }) => error?.reason)).to.deep.equal([
      'UNAVAILABLE',
    ]);
  });

  it('breaks an open stream after the longest silence of its Welcome', async () => {
    scripted = new Scripted();
    await settled();
    const { stream } = scripted;
    await stream.welcome({ maxSilence: { seconds: 4, nanos: 0 } });
    await scripted.pass(3999);
    expect(stream.aborted).to.equal(false);
    await scripted.pass(1);
    expect(stream.aborted).to.equal(true);
    expect(scripted.all('disconnected')[0]?.error?.message).to.equal(
      'the coordinator sent nothing for 4 s',
    );
  });

  it('is counted from the newest message of any kind', async () => {
    scripted = new Scripted();
    await settled();
    const { stream } = scripted;
    await stream.welcome({ maxSilence: { seconds: 4, nanos: 0 } });
    for (let round = 0; round < 3; round++) {
      await scripted.pass(3999);
      await stream.send(undefined);
    }
    expect(stream.aborted).to.equal(false);
    await scripted.pass(4000);
    expect(stream.aborted).to.equal(true);
  });
});
