/** Failures of peers: the memory of addresses and the answers that wait have bounds, and one timer serves all. */
import { expect } from 'chai';
import { credentialInvalid } from '../../../server/access/errors.js';
import { AuthenticationFailures } from '../../../server/access/failures.js';
import { KelpieError } from '../../../server/core/errors.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

describe('failures of many addresses', () => {
  let clock: FakeClock;
  let failures: AuthenticationFailures;
  beforeEach(() => {
    clock = new FakeClock();
    failures = new AuthenticationFailures(clock);
  });

  const hostOf = (index: number): string => `10.0.${index >> 8}.${index & 255}`;
  /** `late`, or the reason that came at once. Late answers go into `answers`. */
  const answers: string[] = [];
  const fail = (host: string): string => {
    try {
      failures.refuse(host, credentialInvalid()).catch((error: unknown) => {
        answers.push((error as KelpieError).reason);
      });
      return 'late';
    } catch (error) {
      return (error as KelpieError).reason;
    }
  };
  const failed = (host: string, times: number): string[] =>
    Array.from({ length: times }, () => fail(host));

  it('take memory for 10,000 addresses: the one whose window began first is forgotten', () => {
    failed(hostOf(0), 10);
    failed(hostOf(1), 10);
    clock.advance(1);
    for (let index = 2; index < 10_000; index++) fail(hostOf(index));
    expect(failures.size).to.equal(10_000);
    expect(failed(hostOf(0), 1)).to.deep.equal(['late']);
    fail(hostOf(10_000));
    expect(failures.size).to.equal(10_000);
    expect(failed(hostOf(1), 1), 'the second is kept').to.deep.equal(['late']);
    expect(failed(hostOf(0), 1), 'the first begins anew').to.deep.equal(['CREDENTIAL_INVALID']);
    expect(failures.size).to.equal(10_000);
    failures.close();
  });

  it('begin a window behind the others: an address that fails again is not the first to be forgotten', () => {
    for (let index = 0; index < 9999; index++) fail(hostOf(index));
    clock.advance(60_000);
    failed(hostOf(0), 10);
    fail(hostOf(10_000));
    fail(hostOf(10_001));
    expect(failed(hostOf(0), 1)).to.deep.equal(['late']);
    failures.close();
  });

  it('wait 1,024 at once, for one timer, and all are answered in time', async () => {
    for (let index = 0; index < 64; index++) {
      expect(new Set(failed(hostOf(index), 10))).to.deep.equal(new Set(['CREDENTIAL_INVALID']));
      expect(new Set(failed(hostOf(index), 16))).to.deep.equal(new Set(['late']));
      clock.advance(1);
    }
    expect(failures.waiting).to.equal(1024);
    expect(clock.pending).to.equal(1);
    expect(failed(hostOf(64), 11).at(-1)).to.equal('AUTHENTICATION_LIMIT');
    answers.length = 0;
    clock.advance(1000 - 64);
    await Promise.resolve();
    expect([failures.waiting, answers.length, clock.pending]).to.deep.equal([1024 - 16, 16, 1]);
    clock.advance(63);
    await Promise.resolve();
    expect([failures.waiting, answers.length, clock.pending]).to.deep.equal([0, 1024, 0]);
    expect(new Set(answers)).to.deep.equal(new Set(['CREDENTIAL_INVALID']));
    expect(failed(hostOf(64), 1)).to.deep.equal(['late']);
    failures.close();
    expect([failures.waiting, clock.pending]).to.deep.equal([0, 0]);
  });
});
