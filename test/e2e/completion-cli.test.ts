/** The proposals of bash when the user presses Tab. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { runKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const CLI = fileURLToPath(new URL('../../client/cli/main.js', import.meta.url));

describe('kelpie completion', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let config: string;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    await WireNode.proxy(wire, 'gate');
    await WireNode.join(wire, 'lobby', { role: 'NODE_ROLE_DOWNSTREAM' });
    config = mkdtempSync(join(tmpdir(), 'kelpie-completion-'));
  });
  after(async () => {
    rmSync(config, { recursive: true });
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);

  it('completes commands, options, choices and the names of nodes in bash', async () => {
    const bin = join(config, 'kelpie');
    writeFileSync(bin, `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, { mode: 0o700 });
    const lines = [
      ...['kelpie dis', 'kelpie nodes --la', 'kelpie disconnect lo', 'kelpie info -o y'],
      ...['kelpie kick --server=lo', `kelpie run --endpoint=${kelpied.endpoint} lo`],
    ];
    const script = `source <(kelpie completion bash)
      for COMP_LINE in "$@"; do COMP_POINT=\${#COMP_LINE}; _kelpie; echo "\${COMPREPLY[*]}"; done`;
    const env = {
      ...process.env,
      ...{ PATH: `${config}:${process.env['PATH'] ?? ''}`, KELPIE_ENDPOINTS: kelpied.endpoint },
    };
    const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', ...lines], { env });
    expect(stdout.trimEnd().split('\n')).to.deep.equal([
      ...['disconnect', '--label', 'lobby', 'yaml'],
      ...['lobby', 'lobby'],
    ]);
    const propose = async (line: string) =>
      (await kelpie('complete-line', line)).output.split('\n');
    expect(await propose('kelpie players --proxy ')).to.deep.equal(['gate', 'lobby']);
    expect(await propose('kelpie players --server=')).to.deep.equal(['--server=lobby']);
    expect(await propose('kelpie context r')).to.deep.equal(['remove']);
    for (const [shell, word] of [
      ['zsh', 'compdef'],
      ['fish', 'complete -c kelpie'],
    ] as const) {
      expect((await kelpie('completion', shell)).output).to.include(word);
    }
  });

  it('hands no text to bash that bash expands or splits', async () => {
    const bin = join(config, 'kelpie');
    const proposals = ['/et*', 'two words', '$HOME'];
    const fake = `#!/bin/sh\nprintf '%s\\n' ${proposals.map((one) => `'${one}'`).join(' ')}\n`;
    writeFileSync(bin, fake, { mode: 0o700 });
    const { output } = await kelpie('completion', 'bash');
    const script = `${output}
      COMP_LINE='kelpie run '; COMP_POINT=11; _kelpie; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const env = { ...process.env, PATH: `${config}:${process.env['PATH'] ?? ''}` };
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { env });
    expect(stdout.trimEnd().split('\n')).to.deep.equal(proposals);
  });
});
