import { expect } from 'chai';
import fc from 'fast-check';
import { backoffMs } from '../../../client/core/backoff.js';

/** Random numbers that are always this one. */
const always = (value: number) => () => value;
const almostOne = 1 - Number.EPSILON;

describe('the wait before an attempt', () => {
  it('is 0 for the first attempt', () => {
    expect(backoffMs(0, 5000, always(almostOne))).to.equal(0);
  });

  it('is at most half a second, then twice as much each time, up to the bound', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7].map((attempt) =>
      Math.round(backoffMs(attempt, 5000, always(almostOne))),
    );
    expect(longest).to.deep.equal([500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  it('can be 0 at every attempt', () => {
    for (const attempt of [1, 5, 50]) expect(backoffMs(attempt, 5000, always(0))).to.equal(0);
  });

  it('stays within a bound that is shorter than the first wait', () => {
    expect(Math.round(backoffMs(1, 100, always(almostOne)))).to.equal(100);
  });

  it('is spread evenly up to its bound', () => {
    expect(backoffMs(3, 60_000, always(0.25))).to.equal(500);
    expect(backoffMs(3, 60_000, always(0.5))).to.equal(1000);
  });

  it('stays in its bounds, however often attempts fail', () => {
    const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 60_000 }), dice, (attempt, mostMs, value) => {
        const ms = backoffMs(attempt, mostMs, always(value));
        expect(ms).to.be.within(0, mostMs);
      }),
    );
  });
});
