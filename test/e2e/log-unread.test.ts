/** A log that no process reads: kelpied goes on, and later reports the number of dropped lines. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire/wire.js';

/** More lines than fit into the pipe, the buffers at both of its ends, and kelpied's own queue. */
const REQUESTS = 20_000;

const lineOf = (kelpied: Kelpied, message: string): string | undefined =>
  kelpied
    .errors()
    .split('\n')
    .find((line) => line.includes(message));

describe('the log of kelpied, on a pipe', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  beforeEach(async () => {
    const args = ['--log-level', 'debug', '--log-format', 'json', '--drain-seconds', '0'];
    kelpied = await startKelpied(args);
    wire = new Wire(kelpied.endpoint);
  });
  afterEach(() => wire.close());

  /** Sends invalid Acks: the log gets a line for each. */
  const fillLog = async (): Promise<void> => {
    const { stream } = await wire.join('loud');
    for (let sent = 0; sent < REQUESTS; sent += 500) {
      const frames = Array.from({ length: 500 }, () => ({ ack: { sequence: 1 } }));
      stream.send(...frames, { request_id: sent + 1, ack: { sequence: 1 } });
      await stream.answer(sent + 1);
    }
  };

  it('that no process reads delays no session; dropped lines are counted, and reported when it is read', async () => {
    kelpied.process.stderr?.pause();
    await fillLog();
    const metrics = /"metrics":"([^"]+)"/.exec(kelpied.errors())?.[1] ?? '';
    const text = await (await fetch(metrics)).text();
    const lost = Number(/^kelpie_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
    expect(lost).to.be.greaterThan(0);
    kelpied.process.stderr?.resume();
    await until(() => lineOf(kelpied, 'were dropped') !== undefined);
    const report = JSON.parse(lineOf(kelpied, 'were dropped') ?? '') as {
      level: string;
      lines: number;
    };
    expect(report).to.include({ level: 'warn', lines: lost });
    const failed = kelpied
      .errors()
      .split('\n')
      .filter((line) => line.includes('request failed'));
    expect(failed.length + lost).to.be.at.least(REQUESTS);
    expect(await kelpied.stop()).to.equal(0);
    expect(lineOf(kelpied, 'stopped')).to.not.equal(undefined);
  });

  it('that no process reads does not stop kelpied from ending', async () => {
    kelpied.process.stderr?.pause();
    await fillLog();
    const gone = once(kelpied.process, 'exit') as Promise<[number | null]>;
    kelpied.process.kill('SIGTERM');
    const [code] = (await Promise.race([gone, pause(20_000, ['late'])])) as [number | null];
    expect(code).to.equal(0);
  });

  it('whose reader has gone does not end kelpied', async () => {
    kelpied.process.stderr?.destroy();
    await fillLog();
    expect((await wire.call('CoordinatorService.GetInfo', {})).sessions).to.equal(1);
    expect(await kelpied.stop()).to.equal(0);
  });
});
