/** The log of kelpied, for programs and for people. */
import { expect } from 'chai';
import { reachApi } from '../support/wire/calls.js';
import { connect } from '../../client/index.js';
import { startCoordinator } from '../../server/coordinator.js';
import { HealthWatch } from '../support/process/health.js';
import { type Kelpied, runKelpied, startDev, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import { Wire } from '../support/wire/wire.js';

interface Line extends Record<string, unknown> {
  level: string;
  time: string;
  msg: string;
}

function linesOf(kelpied: Kelpied): Line[] {
  return kelpied
    .errors()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** The facts of a line, without those that differ from run to run. */
function facts({ time, session, generation, ...rest }: Line): object {
  expect(time).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(session).to.satisfy((id?: string) => id === undefined || id.length === 36);
  expect(generation).to.satisfy((number?: number) => number === undefined || number > 1e15);
  return rest;
}

describe('the log of kelpied', () => {
  it('has lines about sessions and nodes, but never the content of messages', async () => {
    const kelpied = await startKelpied(['--log-level', 'debug', '--grace-seconds', '2']);
    const wire = new Wire(kelpied.endpoint);
    const logged = async (message: string, count = 1): Promise<void> =>
      until(() => linesOf(kelpied).filter(({ msg }) => msg === message).length >= count);
    const instance = Buffer.alloc(16, 7);
    await wire.join('lobby-1', { instance_id: instance });
    const { stream } = await wire.join('lobby-1', { instance_id: instance });
    stream.send({ request_id: 3, ack: { sequence: 1 } });
    await stream.answer(3);
    await wire.hello('Not\nA Name').ended();
    stream.publish(1, { topic: 'chat.a', payload: { content: { text: 'a-secret' } } });
    await stream.settled(1);
    stream.cut();
    await logged('node left');
    const { stream: shop } = await wire.join('shop', { role: 'NODE_ROLE_SERVICE' });
    shop.send({ goodbye: { reason: 'GOODBYE_REASON_STOPPED' } });
    await shop.ended();
    await kelpied.kill();
    wire.close();

    const host = '127.0.0.1';
    const lobby = { node: 'lobby-1', role: 'SERVICE', host };
    const shown = linesOf(kelpied).slice(2).map(facts);
    expect(shown).to.deep.include.members([
      { level: 'info', msg: 'session opened', ...lobby },
      { level: 'info', msg: 'session resumed', ...lobby },
      { level: 'info', msg: 'session ended', node: 'lobby-1', reason: 'SESSION_REPLACED' },
      { level: 'debug', msg: 'request failed', reason: 'ACK_INVALID' },
      {
        level: 'warn',
        msg: 'session refused',
        node: 'Not\nA Name',
        host,
        reason: 'NODE_NAME_INVALID',
      },
      { level: 'warn', msg: 'session ended', node: 'lobby-1', reason: 'LOST' },
      { level: 'warn', msg: 'node left', node: 'lobby-1', reason: 'LOST' },
      { level: 'info', msg: 'session opened', node: 'shop', role: 'SERVICE', host },
      { level: 'info', msg: 'node left', node: 'shop', reason: 'STOPPED' },
      { level: 'info', msg: 'session ended', node: 'shop', reason: 'STOPPED' },
    ]);
    expect(kelpied.errors()).not.to.include('a-secret');
  });

  it('has lines for the start, with the settings, and for the stop', async () => {
    const kelpied = await startKelpied([
      ...['--log-format', 'json', '--insecure', '--drain-seconds', '1'],
    ]);
    const wire = new Wire(kelpied.endpoint);
    await wire.join('stays');
    expect(await kelpied.stop()).to.equal(0);
    wire.close();
    // Programs read the log: it must have no other lines.
    expect(kelpied.output()).to.equal('');
    const lines = linesOf(kelpied);
    expect(lines[0]).to.include({ level: 'info', msg: 'listening', endpoint: kelpied.endpoint });
    expect(lines[1]).to.include({
      insecure: 'true (--insecure)',
      'log-format': 'json (--log-format)',
    });
    expect(lines[2]).to.include({ level: 'warn' });
    expect(lines.slice(-3).map(({ level, msg }) => [level, msg])).to.deep.equal([
      ['info', 'draining: asking nodes to move on'],
      ['info', 'session ended'],
      ['info', 'stopped'],
    ]);
  });

  it('has lines for people with --log-format pretty, and no peer can forge a line', async () => {
    const kelpied = await startKelpied(['--log-format', 'pretty']);
    const wire = new Wire(kelpied.endpoint);
    const { stream } = await wire.join('lobby-1');
    await wire.hello('evil\n20:15:03 info  \u001b[2Jstopped').ended();
    await stream.leave();
    wire.close();
    expect(await kelpied.stop()).to.equal(0);
    const lines = kelpied.errors().trimEnd().split('\n');
    for (const line of lines) expect(line).to.match(/^\d\d:\d\d:\d\d (info |warn ) [\x20-\x7e]+$/);
    expect(kelpied.errors()).to.match(/info {2}session opened {2}node=lobby-1 role=SERVICE host=/);
    expect(kelpied.errors()).to.include('node="evil\\n20:15:03 info  \\u001b[2Jstopped"');
  });

  it('is JSON in every line, also for warnings of Node.js and its libraries', async () => {
    const warning = encodeURIComponent(
      `process.on('SIGUSR2', () => process.emitWarning('planted'))`,
    );
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${warning}` };
    const kelpied = await startKelpied(['--log-format', 'json'], undefined, env);
    // One listener more than the number at which Node.js warns of a leak.
    const watches = Array.from({ length: 20 }, () => new HealthWatch(kelpied.endpoint));
    for (const watch of watches) await watch.first;
    kelpied.process.kill('SIGUSR2');
    await until(() => kelpied.errors().includes('planted'));
    const levels = linesOf(kelpied).map(({ level, err }) => [
      level,
      (err as Error | undefined)?.message,
    ]);
    expect(levels.filter(([level]) => level === 'warn')).to.deep.equal([['warn', 'planted']]);
    for (const watch of watches) watch.close();
    expect(await kelpied.stop()).to.equal(0);
    expect(kelpied.errors()).to.not.include('MaxListeners');
    const taken = await runKelpied([
      '--log-format',
      'json',
      '--host',
      'nowhere.invalid',
      '--insecure',
    ]);
    expect(taken.code).to.equal(1);
    for (const line of taken.errors.trimEnd().split('\n'))
      expect(JSON.parse(line)).to.have.property('msg');
  });

  it('has the lines of the level that --log-level names', async () => {
    const kelpied = await startKelpied(['--log-level', 'silent']);
    expect(await kelpied.stop()).to.equal(0);
    expect(kelpied.errors()).to.equal('');
  });

  it('does not go to stdout, on which --dev prints one line', async () => {
    const dev = await startDev();
    const wire = new Wire(dev.endpoint);
    const { stream } = await wire.join('lobby-1');
    const { event, endpoint, metrics, pid, version } = JSON.parse(dev.output()) as Record<
      string,
      string
    >;
    expect({ event, endpoint, pid }).to.deep.equal({
      event: 'ready',
      endpoint: dev.endpoint,
      pid: dev.process.pid,
    });
    expect(version).to.match(/^\d+\.\d+\.\d+/);
    expect(await (await fetch(new URL('/healthz', metrics))).text()).to.equal('serving\n');
    await stream.leave();
    wire.close();
    expect(await dev.stop()).to.equal(0);
    expect(dev.output().trimEnd().split('\n')).to.have.length(1);
    expect(dev.errors()).to.include('"session opened"');
  });

  it('goes to the logger of a program that embeds the coordinator, faults included', async () => {
    const entries: [string, object, string][] = [];
    const to = (level: string) => (of: object, message: string) =>
      entries.push([level, of, message]);
    let broken = false;
    const coordinator = await startCoordinator({
      journal: 'memory',
      port: 0,
      logger: { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') },
      clock: {
        now: () => performance.now(),
        wall: () => {
          if (broken) throw new Error('the clock fell off the wall');
          return Date.now();
        },
        after: (delayMs, fire) => {
          const timer = setTimeout(fire, delayMs).unref();
          return () => clearTimeout(timer);
        },
      },
    });
    const endpoints = `${coordinator.host}:${coordinator.port}`;
    const node = connect({ name: 'lobby-1', role: 'DOWNSTREAM', endpoints });
    await node.ready();
    const api = await reachApi([endpoints]);
    expect(entries.map(([level, , message]) => [level, message])).to.deep.equal([
      ['info', 'session opened'],
    ]);
    broken = true;
    const published = api.events.publishEvents({ events: [{ topic: 'chat.a' }] });
    const masked = await published.catch((error: unknown) => String(error));
    expect(masked).to.include('INTERNAL').and.not.include('wall');
    const [, fault, message] = entries.find(([level]) => level === 'error') ?? [];
    expect(message).to.equal('fault');
    expect((fault as { err: Error }).err.message).to.equal('the clock fell off the wall');
    broken = false;
    api.close();
    await node.close();
    await coordinator.stop();
  });
});
