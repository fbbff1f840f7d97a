/** server/README.md: its tables are those of the code, and its commands are run as they stand there. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keyOf, settingNames, settings, variableOf } from '../../server/ops/config/settings.js';
import { REDIS_RIGHTS } from '../../server/journal/redis/rights.js';
import { Telemetry } from '../../server/ops/telemetry.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import type { FakeProxy } from '../support/transfers/fake-proxy.js';
import { until } from '../support/until.js';
import { Document, expectShown, masked, run, start } from './document.js';
import { ownFiles, ROOT } from './prose.js';

const manual = new Document('server/README.md');

/** The code of the server, in which a text that is cut into lines is one again. */
const code = ownFiles('.ts')
  .filter((file) => file.startsWith('server/'))
  .map((file) => readFileSync(`${ROOT}${file}`, 'utf8').replace(/['`] \+\s+['`]/g, ''))
  .join('\n');

describe("the operator's manual", () => {
  let kelpied: Kelpied;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-manual-'));
    kelpied = await startKelpied([], folder);
  });
  after(async () => {
    await kelpied.stop();
    await rm(folder, { recursive: true });
  });

  it('lists every setting with its variable, default and meaning', () => {
    const real = settingNames.map((name) => [
      `\`--${keyOf(name)}\``,
      `\`${variableOf(name)}\``,
      `\`${settings[name].default}\``,
      settings[name].meaning,
    ]);
    expect(manual.table('flag')).to.deep.equal(real);
  });

  it('lists every metric with its type, labels and meaning', () => {
    const real = metrics()
      .filter(({ name }) => name.startsWith('kelpie_'))
      .map(({ name, type, labelNames = [], help }) => [
        `\`${name}\``,
        type,
        labelNames.map((label) => `\`${label}\``).join(', '),
        help,
      ]);
    expect(real.length).to.be.greaterThan(10);
    expect(manual.table('metric')).to.deep.equal(real);
  });

  it('shows the rights of a user of Redis that kelpied needs', () => {
    const [shown = ''] = manual.blocks('text').filter((block) => block.startsWith('ACL SETUSER'));
    const [, , , , , ...rights] = shown.trim().split(/\s+/);
    expect(rights).to.deep.equal(REDIS_RIGHTS);
  });

  it('names alarms on metrics that exist', () => {
    const names = manual
      .table('alarm')
      .flatMap(([alarm = '']) => [...alarm.matchAll(/`([a-z]+_\w+)`/g)])
      .map(([, name = '']) => name);
    expect(names.length).to.be.greaterThan(5);
    expect(metrics().map(({ name }) => name)).to.include.members(names);
  });

  it('explains messages that kelpied has', () => {
    const rows = [...manual.table('level').map(([, message]) => message), ...column('message')];
    expect(rows.length).to.be.greaterThan(20);
    for (const row of rows) {
      const parts = (row ?? '').replaceAll('`', '').split('…');
      for (const part of parts) expect(code, row).to.include(part.trim());
    }
  });

  it('explains every warning and error of the log', () => {
    const logged = [...code.matchAll(/\.(?:warn|error)\(\s*\{[^}]*\},\s*'([^']+)'/g)];
    const explained = manual.table('level').map(([, message = '']) => message.replaceAll('`', ''));
    expect(explained).to.include.members(logged.map(([, message = '']) => message));
    expect(logged.length).to.be.greaterThan(5);
  });

  it('shows a network as kelpie doctor and kelpie top do', async () => {
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const lobby = start(new Document('README.md').blocks('js')[0] ?? '', env);
    await lobby.prints(/\[ 'lobby-1' \]/);
    await expectShown(manual.commands('npx kelpie '), 2, env);
    await lobby.stop();
    // Each command is a process of its own.
  }).timeout(60_000);

  it('shows a data directory that nobody uses', async () => {
    const own = await mkdtemp(join(folder, 'own-'));
    const used = await startKelpied([], own);
    await run('npx kelpie publish chat.global hello', { KELPIE_ENDPOINTS: used.endpoint });
    await used.stop();
    const shown = manual.commands('npx kelpied data');
    expect(shown).to.have.length(3);
    for (const { command, output } of shown) {
      const printed = await run(command, { KELPIE_DATA: `${own}/data` });
      expect(masked(printed.replaceAll(own, '/srv/kelpie')), command).to.equal(masked(output));
    }
  }).timeout(60_000);
});

/** The server of the manual that dies. */
const ARENA = `
  import { connect } from 'kelpie';
  const labels = { mode: 'game' };
  const arena = connect({ name: 'arena-1', role: 'DOWNSTREAM', address: { port: 20100 }, labels });
  await arena.ready();
  console.log('arena-1 is up');
`;
const KAI = '2535400000000005';

describe("the network of the operator's manual", () => {
  let folder: string;
  let kelpied: Kelpied;
  let network: FakeNetwork;
  let gate: FakeProxy;
  let arena: ReturnType<typeof start>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-network-'));
    kelpied = await startKelpied(['--drain-seconds', '0'], folder);
    const { endpoint } = kelpied;
    arena = start(ARENA, { KELPIE_ENDPOINTS: endpoint });
    network = new FakeNetwork({ endpoints: endpoint });
    const roster = { players: true };
    gate = await network.proxy('gate-1', { routes: true }, { roster });
    await network.proxy('gate-2', { routes: true }, { roster });
    for (const name of ['lobby-1', 'lobby-2'])
      await network.server(name, {}, { labels: { mode: 'lobby' } });
    await network.server('arena-2', {}, { labels: { mode: 'game' }, maxPlayers: 3 });
    await arena.prints(/arena-1 is up/);
    for (const [index, name] of ['Steve', 'Alex', 'Maja', 'Zoe'].entries()) {
      const xuid = `253540000000000${index + 1}`;
      await gate.bring({ xuid, name }, index === 3 ? 'lobby-2' : 'lobby-1');
    }
    await gate.bring({ xuid: KAI, name: 'Kai' }, 'arena-1');
  });
  after(async () => {
    await arena.stop();
    await network.close();
    await kelpied.stop();
    await rm(folder, { recursive: true });
  });

  /** Ends a server without its goodbye. The proxy asks the rules where its player goes. */
  const killArena = async (): Promise<void> => {
    const { roster } = gate.client;
    await arena.stop();
    const player = { id: KAI };
    const need = { for: 'fallback', reason: 'TIMEOUT', fromServer: 'arena-1', player } as const;
    await gate.move(KAI, roster.pick(need)?.server ?? '');
    await until(() => roster.node('arena-1')?.state === 'UNREACHABLE');
  };

  it('does what the page shows, from the rules to the moves by hand', async () => {
    const rules = join(folder, 'rules.yaml');
    await writeFile(rules, manual.block('yaml', '# rules.yaml'));
    const chapter = new Document('server/README.md', 'Running a network');
    const shown = chapter.commands('kelpie ');
    expect(shown).to.have.length(14);
    for (const { command, output } of shown) {
      if (command.includes('unreachable')) await killArena();
      const line = command
        .replace('kelpie', `${process.execPath} dist/client/cli/main.js`)
        .replace('rules.yaml', rules);
      const printed = await run(line, { KELPIE_ENDPOINTS: kelpied.endpoint });
      expect(masked(printed), command).to.equal(masked(output));
    }
    // Each command is a process of its own.
  }).timeout(60_000);

  it('takes the rules that the page shows', async () => {
    const rules = join(folder, 'games.yaml');
    await writeFile(rules, manual.block('yaml', '# games.yaml'));
    const line = `${process.execPath} dist/client/cli/main.js routing edit --dry-run ${rules}`;
    const printed = await run(line, { KELPIE_ENDPOINTS: kelpied.endpoint });
    expect(printed)
      .to.match(/^games +added$/m)
      .and.match(/^vips +added$/m);
  });
});

interface Described {
  readonly name: string;
  readonly type: string;
  readonly labelNames?: string[];
  readonly help: string;
}

function metrics(): Described[] {
  return new Telemetry().registry.getMetricsAsArray() as unknown as Described[];
}

/** The first cells of a table. */
function column(name: string): string[] {
  return manual.table(name).map(([first = '']) => first);
}
