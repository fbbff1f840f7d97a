import { expect } from 'chai';
import fc from 'fast-check';
import { KelpieError } from '../../../server/core/errors.js';
import { unlimitedWindow, Window } from '../../../server/delivery/window.js';
import { thrownBy } from '../../support/thrown.js';

describe('a window', () => {
  it('is open for one batch, however large', () => {
    const window = new Window({ events: 1, bytes: 1 });
    expect(window.open).to.equal(true);
    window.sent(10, 256, 1_000_000);
    expect(window.open).to.equal(false);
    window.acknowledge(10);
    expect(window.open).to.equal(true);
  });

  it('closes when its number of events is sent', () => {
    const window = new Window({ events: 10, bytes: 1000 });
    window.sent(4, 4, 1);
    window.sent(9, 5, 1);
    expect(window.open).to.equal(true);
    window.sent(10, 1, 1);
    expect(window.open).to.equal(false);
  });

  it('closes when its bytes are sent', () => {
    const window = new Window({ events: 1000, bytes: 100 });
    window.sent(1, 1, 99);
    expect(window.open).to.equal(true);
    window.sent(2, 1, 1);
    expect(window.open).to.equal(false);
  });

  it('cuts a batch to its remaining room, and sends a single event alone', () => {
    const window = new Window({ events: 10, bytes: 1000 });
    const limits = { events: 256, bytes: 65_536 };
    expect(window.left(limits)).to.deep.equal({ events: 10, bytes: 1000 });
    expect(window.fits(11, 10)).to.equal(false);
    // A single event with more bytes than the window.
    expect(window.admits(1, 5000)).to.equal(true);
    window.sent(1, 1, 5000);
    window.acknowledge(1);
    window.sent(2, 4, 600);
    expect(window.left(limits)).to.deep.equal({ events: 6, bytes: 400 });
    expect(window.admits(1, 401)).to.equal(false);
    expect(window.open, 'it is not tried again before an acknowledgement').to.equal(false);
    window.acknowledge(2);
    expect(window.open).to.equal(true);
    expect(window.admits(1, 401)).to.equal(true);
  });

  it('applies an acknowledgement to all batches before it', () => {
    const window = new Window({ events: 3, bytes: 1000 });
    for (const sequence of [10, 20, 30]) window.sent(sequence, 1, 100);
    expect(window.open).to.equal(false);
    window.acknowledge(20);
    expect(window.bytes).to.equal(100);
    expect(window.open).to.equal(true);
    window.acknowledge(30);
    expect(window.bytes).to.equal(0);
  });

  it('accepts the last acknowledgement again', () => {
    const window = new Window({ events: 10, bytes: 1000 });
    window.sent(10, 1, 100);
    window.sent(20, 1, 100);
    window.acknowledge(10);
    window.acknowledge(10);
    expect(window.bytes).to.equal(100);
  });

  for (const [what, sequence] of [
    ['inside a batch', 15],
    ['of a batch long acknowledged', 5],
    ['of the future', 99],
  ] as const) {
    it(`refuses a sequence ${what}, and changes nothing`, () => {
      const window = new Window({ events: 2, bytes: 1000 });
      window.sent(5, 1, 100);
      window.sent(10, 1, 100);
      window.acknowledge(10);
      window.sent(20, 1, 100);
      window.sent(30, 1, 100);
      const { reason, metadata } = thrownBy(KelpieError, () => window.acknowledge(sequence));
      expect(reason).to.equal('ACK_INVALID');
      expect(metadata).to.deep.equal({ sequence: String(sequence) });
      expect(window.bytes).to.equal(200);
      expect(window.open).to.equal(false);
      window.acknowledge(30);
      expect(window.bytes).to.equal(0);
    });
  }

  it('without limits never closes and stores nothing', () => {
    const window = new Window(unlimitedWindow);
    for (let sequence = 1; sequence < 100; sequence++) window.sent(sequence, 256, 2 ** 20);
    expect(window.open).to.equal(true);
    expect(window.bytes).to.equal(0);
  });

  it('counts the outstanding events right in any order of batches and acknowledgements', () => {
    const step = fc.record({
      events: fc.integer({ min: 1, max: 5 }),
      bytes: fc.integer({ min: 1, max: 50 }),
      acknowledge: fc.option(fc.nat({ max: 5 })),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const window = new Window({ events: 10, bytes: 100 });
        let outstanding: { sequence: number; events: number; bytes: number }[] = [];
        for (const [sequence, { events, bytes, acknowledge }] of steps.entries()) {
          window.sent(sequence + 1, events, bytes);
          outstanding.push({ sequence: sequence + 1, events, bytes });
          const until = acknowledge === null ? undefined : outstanding[acknowledge];
          if (until) {
            window.acknowledge(until.sequence);
            outstanding = outstanding.filter((one) => one.sequence > until.sequence);
          }
          const total = (of: 'events' | 'bytes') =>
            outstanding.reduce((sum, one) => sum + one[of], 0);
          expect(window.bytes).to.equal(total('bytes'));
          const room = total('events') < 10 && total('bytes') < 100;
          expect(window.open).to.equal(room || outstanding.length === 0);
        }
      }),
    );
  });
});
