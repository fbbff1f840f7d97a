/** `kelpied data export` and `import`: a network moves from files to Redis and back, with its clients. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type Gap, type KelpieClient } from '../../client/index.js';
import { FileJournal } from '../../server/journal/file/file-journal.js';
import { realClock } from '../support/clock/real-clock.js';
import { type Kelpied, launch, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/until.js';

describe('kelpied data export and import', () => {
  let redis: RedisServer;
  let folder: string;
  let port: number | undefined;
  let client: KelpieClient | undefined;
  let kelpied: Kelpied | undefined;

  before(async () => {
    redis = await RedisServer.start({ persistent: true });
    folder = await mkdtemp(join(tmpdir(), 'kelpie-move-'));
  });
  afterEach(async () => {
    await client?.close();
    await kelpied?.stop();
    client = kelpied = undefined;
  });
  after(async () => {
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  const inRedis = (): string[] => ['--journal', 'redis', '--redis', redis.url];

  async function start(args: readonly string[]): Promise<void> {
    const same = port === undefined ? [] : ['--port', String(port)];
    kelpied = await startKelpied([...args, ...same, '--metrics-port', 'off'], folder);
    ({ port } = kelpied);
  }

  async function data(...words: readonly string[]): Promise<string> {
    const { code, output, errors } = await runKelpied(['data', ...words], {}, folder);
    expect(code, errors).to.equal(0);
    return output;
  }

  it('move a network to Redis and back, and its clients go on with one Gap each time', async () => {
    const token = await runKelpied(['token', 'create', 'lobby', '--token-file', 't'], {}, folder);
    expect(token.code, token.errors).to.equal(0);
    await start(['--journal', 'file']);
    const [heard, gaps]: [string[], Gap[]] = [[], []];
    client = connect({
      ...{ name: 'lobby', role: 'DOWNSTREAM', endpoints: `127.0.0.1:${port}` },
      tokenFile: join(folder, 't'),
    });
    client.subscribe('chat', ({ content }) => void heard.push(content as string));
    const own = client;
    void (async () => {
      for await (const status of own.status()) if (status.type === 'gap') gaps.push(status.gap);
    })();
    await client.ready();
    await client.state.put('maps', 'current', 'castle');
    await client.publish('chat', 'before');
    await until(() => heard.length === 1);

    for (const [from, to, file] of [
      [['--journal', 'file'], inRedis(), 'there.kelpie'],
      [inRedis(), ['--data', 'back'], 'back.kelpie'],
    ] as const) {
      await kelpied?.stop();
      const shown = await data('export', file, ...from);
      expect(shown).to.match(/ has the network main of .*: \d+ entries, \d+ rows/);
      // The next command leads to the other engine.
      expect(shown).to.include(`--journal ${from[1] === 'redis' ? 'file' : 'redis'} `);
      expect(await data('import', file, ...to)).to.match(/A new epoch begins, [0-9a-f]{32}\./);
      await start(to);
      await client.publish('chat', `after ${file}`);
    }
    await until(() => heard.length === 3);
    expect(heard).to.deep.equal(['before', 'after there.kelpie', 'after back.kelpie']);
    expect(gaps.map(({ reason }) => reason)).to.deep.equal(['EPOCH_CHANGED', 'EPOCH_CHANGED']);
    expect((await client.state.get('maps', 'current'))?.value).to.equal('castle');
  }).timeout(60_000);

  it('leave nothing half done when they are interrupted', async () => {
    await filled(join(folder, 'much'), 20_000);
    await data('export', 'much.kelpie', '--data', 'much');
    const staged = async (): Promise<string> => redis.command('KEYS', '*import*');
    const importing = launch(
      ['data', 'import', 'much.kelpie', '--replace', ...inRedis()],
      {},
      folder,
    );
    await redis.until(async () => (await staged()) !== '');
    importing.child.kill('SIGINT');
    const [code] = (await once(importing.child, 'close')) as [number | null];
    expect(importing.errors()).to.match(/^kelpied: interrupted; nothing has changed$/m);
    expect(code).to.equal(1);
    expect(await staged()).to.equal('');
  });

  it('say what stands in the way, and end with 1', async () => {
    await start(inRedis());
    const { code, errors } = await runKelpied(['data', 'export', 'x', ...inRedis()], {}, folder);
    expect(code).to.equal(1);
    expect(errors).to.match(
      /Coordinators use Redis at 127\.0\.0\.1:\d+: 127\.0\.0\.1:\d+\. Stop them/,
    );
    const memory = await runKelpied(['data', 'export', 'x', '--journal', 'memory'], {}, folder);
    expect([memory.code, memory.errors])
      .to.deep.include(1)
      .and.match(/use --journal file or redis/);
  });
});

/** Makes a journal in files with so many entries. */
async function filled(folder: string, entries: number): Promise<void> {
  const retention = { entries, bytes: 1e9, ageMs: 1e9 };
  const journal = await FileJournal.open({ folder, clock: realClock, retention });
  const entry = { topic: 'chat.a', event: new Uint8Array(0), source: '' };
  for (let done = 0; done < entries; done += 500)
    await journal.append([{ entries: Array.from({ length: 500 }, () => entry) }]);
  await journal.close();
}
