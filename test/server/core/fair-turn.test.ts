import { expect } from 'chai';
import type { Clock } from '../../../server/core/clock.js';
import { SharedTurn } from '../../../server/core/fair-turn.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { rejectionOf } from '../../support/thrown.js';

/** A clock that advances by a millisecond with each call of `now`, so that work takes time. */
function slowClock(): Clock {
  const clock = new FakeClock();
  return {
    now: () => {
      clock.advance(1);
      return clock.now();
    },
    wall: () => clock.wall(),
    after: (delayMs, ring) => clock.after(delayMs, ring),
  };
}

function* pieces(count: number, log: number[] = [], name = 0): Generator<undefined, number> {
  for (let piece = 0; piece < count; piece++) {
    log.push(name);
    yield;
  }
  return name;
}

/** The number of turns of the event loop until the work has ended. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let over = false;
  const count = (): void => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await work;
  over = true;
  return turns;
}

describe('works that share a turn', () => {
  it('use one turn together: many works block the event loop no longer than one', async () => {
    const shared = new SharedTurn(slowClock());
    const works = Array.from({ length: 40 }, (_, name) => shared.work(pieces(50, [], name)));
    const turns = await turnsDuring(Promise.all(works));
    expect(turns, 'of at most 5 ms each').to.be.greaterThan((40 * 50) / 5 / 2);
    expect(await works[7]).to.equal(7);
    expect(shared.pending).to.equal(0);
  });

  it('use one turn together if each begins when the one before has ended', async () => {
    const shared = new SharedTurn(slowClock());
    const oneByOne = async (): Promise<void> => {
      for (let name = 0; name < 100; name++) await shared.work(pieces(1, [], name));
    };
    expect(await turnsDuring(oneByOne())).to.be.greaterThan(10);
  });

  it('alternate, so that a short one does not wait for the end of a long one', async () => {
    const shared = new SharedTurn(slowClock());
    const log: number[] = [];
    const long = shared.work(pieces(1000, log, 1));
    await shared.work(pieces(3, log, 2));
    expect(log.length).to.be.lessThan(100);
    await long;
  });

  it('do not wait for all works of another asker', async () => {
    const shared = new SharedTurn(slowClock());
    const log: number[] = [];
    const many = Array.from({ length: 200 }, () => shared.work(pieces(50, log, 1), 'greedy'));
    await shared.work(pieces(3, log, 2), 'modest');
    expect(log.length).to.be.lessThan(50);
    await Promise.all(many);
    expect(shared.pending).to.equal(0);
  });

  it('end within the turn of the event loop if they are short', async () => {
    const shared = new SharedTurn(new FakeClock());
    let turned = false;
    setImmediate(() => (turned = true));
    expect(await shared.work(pieces(3, [], 5))).to.equal(5);
    expect(turned).to.equal(false);
  });

  it('do not fail when another one fails', async () => {
    const shared = new SharedTurn(slowClock());
    const broken = shared.work(
      (function* (): Generator<undefined, number> {
        yield;
        throw new Error('broken');
      })(),
    );
    const other = shared.work(pieces(20, [], 3));
    expect((await rejectionOf(Error, broken)).message).to.equal('broken');
    expect(await other).to.equal(3);
    expect(shared.pending).to.equal(0);
  });
});
