/** client/README.md: its programs are compiled and run as they stand there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import ts from 'typescript';
import { type Kelpied, startDev, startKelpied } from '../support/process/kelpied.js';
import { Document, expectShown, masked, start } from './document.js';
import { ROOT } from './prose.js';

const guide = new Document('client/README.md');

/** The output of each program, beside a text that only this program has. They run in this order on one network. */
const PROGRAMS: readonly (readonly [text: string, prints: RegExp])[] = [
  ["name: 'lobby-1',\n", /^<lobby-1> lobby-1 is open\n$/],
  ["name: 'greeter', role: 'SERVICE', roster", /^\d players online\n2 nodes\n$/],
  ["name: 'gate-1'", /^Steve is on lobby-1\n\d on gate-1\n$/],
  ["name: 'arena-1'", /^match.7.ended { winner: 'Steve', kills: 12 }\nrestart in 5 minutes\n$/],
  ["name: 'arena-2'", /^{ slot: 7, of: { player: 'Steve' } }\narena-2 \[ 'ran save-all' \]\n$/],
  ["['arena-4', 'hub-4']", /^hub-4 has 12 coins\nthe late save of arena-4: SEQUENCE_CONFLICT\n$/],
  [
    "name: 'gate-3'",
    /^Maja will spawn at 0,64,0\nsaved 2535400000000007\nMaja is on arena-3\nMaja MOVING\nMaja ARRIVED\n$/,
  ],
  [
    "name: 'duel-1'",
    /^4 slots on duel-1\n"duel-1" has 4 of 6 slots in use or reserved, and 3 more do not fit\nNoor is on duel-1\n$/,
  ],
  [
    "name: 'gate-2'",
    /^lobby-1 { host: '127.0.0.1', port: 19132 } (20|undefined)\n\d+ players online\n$/,
  ],
  ["name: 'gate-4'", /^{ server: 'lobby-1', rule: 'lobbies', lastResort: false }\nundefined\n$/],
  ["import { reachApi } from 'kelpie/api'", /^lobby-1 100\n\d+ players\n$/],
  ["name: 'hub-7'", /^said once\n$/],
  ['node:test', /pass 1\n/],
  ["name: 'proxy-1'", /^servers connect to 127\.0\.0\.1:\d+\n$/],
];

describe('the guide of the client', () => {
  let kelpied: Kelpied;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-guide-'));
    kelpied = await startKelpied([], folder);
  });
  after(async () => {
    await kelpied.stop();
    await rm(folder, { recursive: true });
  });

  it('has programs that the compiler accepts', () => {
    const programs = [...guide.blocks('js'), ...new Document('README.md').blocks('js')];
    expect(mistakes(programs)).to.deep.equal([]);
  });

  it('has programs that print what they should', async () => {
    expect(guide.blocks('js')).to.have.length(PROGRAMS.length);
    const env = { KELPIE_ENDPOINTS: kelpied.endpoint };
    const running = [];
    for (const [text, expected] of PROGRAMS) {
      const program = guide
        .block('js', text)
        .replace(/(?<=File: ')/g, `${folder}/`)
        .replace('port: 50051', `port: 0, data: '${folder}/proxy'`);
      const started = start(program, env);
      running.push(started);
      await started.prints(expected);
    }
    const [lobby, ...others] = running;
    await Promise.all(others.map((one) => one.stop()));
    // The server says goodbye and ends by itself, as the guide says of stopping.
    expect(await lobby?.stop()).to.equal(0);
    expect(await lobby?.prints(/closes/)).to.contain('<lobby-1> lobby-1 closes\n');
    // Each program is a process of its own.
  }).timeout(60_000);

  it('has a shell that prints what it shows', async () => {
    const fresh = await startKelpied([], await mkdtemp(join(folder, 'shell-')));
    const env = { KELPIE_ENDPOINTS: fresh.endpoint, XDG_CONFIG_HOME: folder };
    const lobby = start(new Document('README.md').blocks('js')[0] ?? '', env);
    await lobby.prints(/\[ 'lobby-1' \]/);
    await expectShown(guide.commands('npx kelpie '), 5, env);
    await expectShown(guide.commands('npx buf '), 3, env);
    await lobby.stop();
    await fresh.stop();
    // Each command is a process of its own.
  }).timeout(60_000);

  it('shows the line of JSON that --dev prints', async () => {
    const dev = await startDev();
    const shown = guide.block('text', '--dev').replace('$ npx kelpied --dev\n', '');
    const kinds = (line: string) =>
      Object.entries(JSON.parse(line) as object).map(([name, value]) => [
        name,
        masked(String(value)).replace(/^\d+$/, '<pid>'),
      ]);
    expect(kinds(shown)).to.deep.equal(kinds(dev.output()));
    await dev.stop();
  });
});

/** The errors of the compiler in modules of JavaScript. They stand in the repository, so that `kelpie` is this package. */
function mistakes(programs: readonly string[]): string[] {
  const files = new Map(programs.map((text, index) => [`${ROOT}example-${index}.mjs`, text]));
  const options: ts.CompilerOptions = {
    ...{ allowJs: true, checkJs: true, strict: true, noImplicitAny: false, noEmit: true },
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    skipLibCheck: true,
    types: ['node'],
  };
  const host = ts.createCompilerHost(options);
  host.fileExists = (path) => files.has(path) || ts.sys.fileExists(path);
  host.readFile = (path) => files.get(path) ?? ts.sys.readFile(path);
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start: at = 0, messageText }) => {
    const line = file?.text.slice(at).split('\n', 1)[0] ?? '';
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
