import { expect } from 'chai';
import { RefusalLog } from '../../../server/ops/log/refusals.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const WINDOW_MS = 10_000;

describe('Refused sessions in the log', () => {
  const made = () => {
    const lines: Record<string, unknown>[] = [];
    const warn = (facts: object, message: string) => void lines.push({ ...facts, message });
    const silent = (): void => undefined;
    const clock = new FakeClock();
    const log = new RefusalLog({ debug: silent, info: silent, warn, error: silent }, clock);
    const refuse = (times: number, host: string, reason = 'NODE_NAME_INVALID') => {
      for (let index = 0; index < times; index++) log.refused({ name: `n${index}`, host, reason });
    };
    return { lines, clock, log, refuse };
  };
  const counted = (lines: Record<string, unknown>[]) =>
    lines
      .filter(({ count }) => count !== undefined)
      .map(({ host, reason, count }) => [host, reason, count]);

  it('get a line each while they are few for a host and a reason', () => {
    const { lines, clock, refuse } = made();
    refuse(5, '10.0.0.1');
    refuse(5, '10.0.0.1', 'DRAINING');
    refuse(5, '10.0.0.2');
    clock.advance(WINDOW_MS);
    expect(lines).to.have.length(15);
    expect(lines[0]).to.deep.equal({
      ...{ node: 'n0', host: '10.0.0.1', reason: 'NODE_NAME_INVALID', message: 'session refused' },
      credential: undefined,
    });
    expect(clock.pending).to.equal(0);
  });

  it('are counted when they are many, and a line reports the count', () => {
    const { lines, clock, refuse } = made();
    refuse(1000, '10.0.0.1');
    refuse(1, '10.0.0.2');
    expect(lines).to.have.length(6);
    clock.advance(WINDOW_MS);
    expect(counted(lines)).to.deep.equal([['10.0.0.1', 'NODE_NAME_INVALID', 995]]);
    refuse(6, '10.0.0.1');
    clock.advance(WINDOW_MS);
    expect(counted(lines).slice(1)).to.deep.equal([['10.0.0.1', 'NODE_NAME_INVALID', 1]]);
    expect(lines).to.have.length(6 + 1 + 5 + 1);
  });

  it('take bounded memory and a bounded number of lines, from however many hosts', () => {
    const { lines, clock, refuse } = made();
    for (let host = 0; host < 5000; host++) refuse(10, `10.0.${host >> 8}.${host & 255}`);
    clock.advance(WINDOW_MS);
    expect(lines).to.have.length(20 * 5 + 20 + 1);
    expect(counted(lines).at(-1)).to.deep.equal(['others', undefined, 4980 * 10]);
  });

  it('of one IPv6 network count together', () => {
    const { lines, refuse } = made();
    for (let host = 0; host < 100; host++) refuse(1, `2001:db8::${host.toString(16)}`);
    expect(lines).to.have.length(5);
  });

  it('are all reported when the coordinator stops', () => {
    const { lines, clock, log, refuse } = made();
    refuse(7, '10.0.0.1');
    log.close();
    expect(counted(lines)).to.deep.equal([['10.0.0.1', 'NODE_NAME_INVALID', 2]]);
    expect(clock.pending).to.equal(0);
  });
});
