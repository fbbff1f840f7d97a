/** Delays that are longer than a timer of the runtime can wait. */
import { expect } from 'chai';
import fc from 'fast-check';
import { anyDelay, type Cancel } from '../../../server/core/clock.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const TIMER_MS = 2 ** 31 - 1;

/** A clock like the real one: a timer that is longer than the runtime can wait fires at once. */
function limited(clock: FakeClock) {
  return anyDelay((delayMs, fire): Cancel => clock.after(delayMs > TIMER_MS ? 0 : delayMs, fire));
}

describe('a delay', () => {
  const delays = fc.double({ min: 0, max: 5 * TIMER_MS, noNaN: true });

  it('of any length fires once, at its end', () => {
    fc.assert(
      fc.property(delays, (delayMs) => {
        const clock = new FakeClock();
        const fired: number[] = [];
        const startMs = clock.now();
        limited(clock)(delayMs, () => fired.push(clock.now() - startMs));
        clock.advance(6 * TIMER_MS);
        expect(fired).to.have.length(1);
        expect(fired[0]).to.be.closeTo(delayMs, 0.01);
      }),
    );
  });

  it('that is cancelled at any time never fires, and leaves no timer', () => {
    fc.assert(
      fc.property(delays, fc.double({ min: 0, max: 1, noNaN: true }), (delayMs, share) => {
        const clock = new FakeClock();
        const cancel = limited(clock)(delayMs + 1, () => expect.fail('it fired'));
        clock.advance(delayMs * share);
        cancel();
        expect(clock.pending).to.equal(0);
      }),
    );
  });

  it('without an end never fires', () => {
    const clock = new FakeClock();
    limited(clock)(Infinity, () => expect.fail('it fired'));
    clock.advance(10 * TIMER_MS);
    expect(clock.pending).to.equal(1);
  });
});
