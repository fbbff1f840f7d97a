import { expect } from 'chai';
import { Expiry } from '../../../client/connection/expiry.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('the end of a credential', () => {
  it('is warned of from seven days before it on, once a day, while the session is open', () => {
    const clock = new FakeClock();
    const warned: number[] = [];
    const expiry = new Expiry(Object.assign(clock, { random: () => 0 }), (ms) =>
      warned.push(ms / DAY_MS),
    );
    expiry.begin(8.5 * DAY_MS);
    expect(warned).to.deep.equal([]);
    for (let day = 0; day < 3; day++) clock.advance(DAY_MS);
    expect(warned).to.deep.equal([6.5, 5.5]);
    expiry.end();
    clock.advance(DAY_MS);
    expiry.begin(undefined);
    clock.advance(DAY_MS);
    expect(warned).to.deep.equal([6.5, 5.5]);
    expiry.begin(DAY_MS / 2);
    clock.advance(DAY_MS);
    expect(warned).to.deep.equal([6.5, 5.5, 0.5]);
  });
});
