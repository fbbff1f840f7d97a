/** server/README.md: its tables are those of the code, and its commands are run as they stand there. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keyOf, settingNames, settings, variableOf } from '../../server/ops/config/settings.js';
import { Telemetry } from '../../server/ops/telemetry.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
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
