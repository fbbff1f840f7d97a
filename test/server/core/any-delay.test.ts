/** Time that is longer than a timer of the runtime can wait. */
import { expect } from 'chai';
import fc from 'fast-check';
import { anyDelay, type Cancel } from '../../../server/core/clock.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const TIMER_MS = 2 ** 31 - 1;

/** A clock whose timers ring at once if they are to wait for longer than a real one can. */
function limited(clock: FakeClock) {
  return anyDelay((delayMs, ring): Cancel => clock.after(delayMs > TIMER_MS ? 0 : delayMs, ring));
}

describe('a delay', () => {
  const delays = fc.double({ min: 0, max: 5 * TIMER_MS, noNaN: true });

  it('of any length rings once, when it is over', () => {
    fc.assert(
      fc.property(delays, (delayMs) => {
        const clock = new FakeClock();
        const rung: number[] = [];
        const startMs = clock.now();
        limited(clock)(delayMs, () => rung.push(clock.now() - startMs));
        clock.advance(6 * TIMER_MS);
        expect(rung).to.have.length(1);
        expect(rung[0]).to.be.closeTo(delayMs, 0.01);
      }),
    );
  });

  it('that is cancelled at any time never rings, and leaves no timer', () => {
    fc.assert(
      fc.property(delays, fc.double({ min: 0, max: 1, noNaN: true }), (delayMs, share) => {
        const clock = new FakeClock();
        const cancel = limited(clock)(delayMs + 1, () => expect.fail('it rang'));
        clock.advance(delayMs * share);
        cancel();
        expect(clock.pending).to.equal(0);
      }),
    );
  });

  it('without an end never rings', () => {
    const clock = new FakeClock();
    limited(clock)(Infinity, () => expect.fail('it rang'));
    clock.advance(10 * TIMER_MS);
    expect(clock.pending).to.equal(1);
  });
});
