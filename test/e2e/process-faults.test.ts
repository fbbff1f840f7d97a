/** Faults in kelpied that no code handles. No such fault is known, so the test plants them. */
import { once } from 'node:events';
import { expect } from 'chai';
import { startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';

const FAULT = 70;

/** The planted fault happens inside kelpied when it gets SIGUSR2. */
const planted = (fault: string) => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2',()=>{${fault}})`)}`,
});

describe('a fault that no code handles', () => {
  for (const [name, fault] of [
    ['a rejected promise', 'void Promise.reject(new Error("planted"))'],
    ['a rejected promise without an error', 'void Promise.reject("planted")'],
    ['an exception in a callback', 'setImmediate(()=>{throw new Error("planted")})'],
  ] as const) {
    it(`(${name}) is logged, drains the nodes, and ends kelpied with ${FAULT}`, async () => {
      const args = ['--drain-seconds', '1', '--log-format', 'json'];
      const kelpied = await startKelpied(args, undefined, planted(fault));
      const wire = new Wire(kelpied.endpoint);
      const { stream } = await wire.join('lobby-1');
      const gone = once(kelpied.process, 'exit') as Promise<[number | null]>;
      kelpied.process.kill('SIGUSR2');
      await stream.next('drain');
      expect((await stream.ended()).error?.reason).to.equal('ERROR_REASON_DRAINING');
      const [code] = await gone;
      expect(code).to.equal(FAULT);
      const lines = kelpied.errors().trim().split('\n');
      const [line] = lines.filter((one) => one.includes('planted'));
      expect(JSON.parse(line ?? '')).to.include({ level: 'error' });
      wire.close();
    });
  }
});
