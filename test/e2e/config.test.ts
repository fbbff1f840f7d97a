/** The settings of kelpied: their sources, the order of these, and the refused values. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keyOf, settingNames, settings, variableOf } from '../../server/ops/config/settings.js';
import { ownFiles, ROOT } from '../docs/prose.js';
import { runKelpied, startKelpied } from '../support/process/kelpied.js';

type Printed = Record<string, { value: unknown; from: string }>;

describe('the settings of kelpied', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (text: string, name = 'kelpie.yaml') => writeFile(join(folder, name), text);

  /** The environment without the variable that the tests set to use ports of their own. */
  const config = (args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
    runKelpied(['config', ...args], { KELPIE_METRICS_PORT: undefined, ...env }, folder);

  const inForce = async (args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Printed> => {
    const { code, output, errors } = await config([...args, '--json'], env);
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    return JSON.parse(output) as Printed;
  };

  describe('in force', () => {
    it('are the defaults if no source sets them', async () => {
      expect(await inForce()).to.deep.equal(
        Object.fromEntries(
          settingNames.map((name) => [
            keyOf(name),
            { value: settings[name].default, from: 'default' },
          ]),
        ),
      );
    });

    it('come from the file, then a variable, then a flag: the last wins, and the source is shown', async () => {
      await write('# ours\nport: 1\nmetrics-port: 2\ngrace-seconds: 3\nlog-level: debug\n');
      const env = { KELPIE_METRICS_PORT: '20', KELPIE_GRACE_SECONDS: '30' };
      const printed = await inForce(['--grace-seconds', '300'], env);
      expect(printed['port']).to.deep.equal({ value: 1, from: 'kelpie.yaml:2' });
      expect(printed['metrics-port']).to.deep.equal({ value: 20, from: 'KELPIE_METRICS_PORT' });
      expect(printed['grace-seconds']).to.deep.equal({ value: 300, from: '--grace-seconds' });
      expect(printed['log-level']).to.deep.equal({ value: 'debug', from: 'kelpie.yaml:5' });
      expect(printed['host']).to.deep.equal({ value: '127.0.0.1', from: 'default' });
    });

    it('come from another file if a flag or a variable names it', async () => {
      await write('port: 1\n');
      await write('port: 2\ninsecure: yes\nmetrics-port: off\n', 'other.yaml');
      const byFlag = await inForce(['--config', 'other.yaml']);
      expect(byFlag['port']).to.deep.equal({ value: 2, from: 'other.yaml:1' });
      expect(byFlag['insecure']?.value).to.equal(true);
      expect(byFlag['metrics-port']?.value).to.equal('off');
      const byVariable = await inForce([], { KELPIE_CONFIG: join(folder, 'other.yaml') });
      expect(byVariable['port']?.from).to.equal(`${join(folder, 'other.yaml')}:1`);
    });

    it('take free ports with --dev, unless they are set', async () => {
      const printed = await inForce(['--dev', '--port', '7']);
      expect(printed['port']).to.deep.equal({ value: 7, from: '--port' });
      expect(printed['metrics-port']).to.deep.equal({ value: 0, from: '--dev' });
    });

    it('stand beside every variable that programs of clients read', async () => {
      const code = ownFiles('.ts').filter((file) => file.startsWith('client/'));
      const names = code.flatMap(
        (file) => readFileSync(ROOT + file, 'utf8').match(/KELPIE_[A-Z_]+/g) ?? [],
      );
      const read = Object.fromEntries(names.map((name) => [name, 'x']));
      expect(Object.keys(read).length).to.be.greaterThan(7);
      expect((await inForce([], read))['port']?.from).to.equal('default');
    });

    it('may stand in an empty file', async () => {
      await write('# nothing yet\n');
      expect((await inForce())['port']?.from).to.equal('default');
    });

    it('are a table for people', async () => {
      await write('\nport: 4000\n');
      const { output } = await config(['--log-level', 'warn']);
      const lines = output.split('\n');
      expect(lines[0]).to.match(/^SETTING +VALUE +FROM$/);
      expect(lines[2]).to.match(/^port +4000 +kelpie\.yaml:2$/);
      expect(output).to.match(/^log-level +warn +--log-level$/m);
      expect(lines).to.have.length(settingNames.length + 2);
    });

    it('are those with which kelpied runs', async () => {
      await write('drain-seconds: 1\nport: 0\nmetrics-port: 0\nlog-format: pretty\n');
      const file = join(folder, 'kelpie.yaml');
      const kelpied = await startKelpied(['--config', file]);
      expect(await kelpied.stop()).to.equal(0);
      expect(kelpied.errors()).to.include(`drain-seconds="1 (${file}:1)"`);
    });
  });

  it('have a sample file, in which every line is a comment', async () => {
    const { output } = await config(['--sample']);
    for (const name of settingNames) expect(output).to.include(`# ${keyOf(name)}: `);
    await write(output);
    const defaults = await inForce();
    expect(defaults['port']?.from).to.equal('default');
    // Without the comment signs, the sample changes only the sources of the values.
    await write(output.replaceAll(/^# ([a-z-]+: \S+)$/gm, '$1'));
    for (const [key, { value, from }] of Object.entries(await inForce())) {
      expect(from, key).to.match(/^kelpie\.yaml:\d+$/);
      expect(value, key).to.equal(defaults[key]?.value);
    }
  });

  describe('end kelpied with 2 and a message that says what is wrong', () => {
    const files: [string, string, RegExp][] = [
      ['an unknown key', 'port: 1\nprot: 2\n', /kelpie\.yaml:2: unknown setting prot.*port\?/],
      ['a key as in a variable', 'grace_seconds: 2\n', /:1: unknown.*grace-seconds\?/],
      ['a value out of range', 'port: 65536\n', /:1: port is invalid.*0 to 65535/],
      ['a value of another kind', '\ninsecure: maybe\n', /:2: insecure is invalid.*true or false/],
      ['a list', 'port:\n  - 1\n', /:1: port is invalid.*one value/],
      ['no value', 'host:\n', /:1: host is invalid.*one value/],
      ['a key twice', 'port: 1\nport: 2\n', /:2: .*unique/],
      ['broken YAML', 'port: 1\nhost: [\n', /kelpie\.yaml:\d: /],
      ['a list as a whole', '- port\n', /kelpie\.yaml:1: .*"port: 50051"/],
      ['a host of the file', 'host: 0.0.0.0\n', /0\.0\.0\.0.*--insecure/],
      ['an unknown level', 'log-level: loud\n', /log-level is invalid.*debug, warn/],
    ];
    for (const [what, text, sentence] of files) {
      it(`for a file with ${what}`, async () => {
        await write(text);
        const { code, output, errors } = await config();
        expect(errors).to.match(sentence);
        expect(errors.trim().split('\n')).to.have.length(1);
        expect(output).to.equal('');
        expect(code).to.equal(2);
      });
    }

    const contradictions: [string, string[], RegExp][] = [
      ['a file that is missing', ['--config', 'none.yaml'], /there is no file none\.yaml/],
      ['a file that is a folder', ['--config', '.'], /EISDIR|directory/],
      ['--dev with a journal in files', ['--dev', '--journal', 'file'], /--dev.*--journal file/],
      ['two times the same port', ['--port', '7', '--metrics-port', '7'], /both 7/],
      [
        'metrics that other machines can reach',
        ['--metrics-host', '0.0.0.0'],
        /0\.0\.0\.0.*--insecure/,
      ],
      ['a metrics port that is not a number', ['--metrics-port', 'on'], /off or a whole number/],
      ['a certificate without its key', ['--tls-cert', 'c.pem'], /--tls-cert needs --tls-key/],
      ['a key without its certificate', ['--tls-key', 'k.pem'], /--tls-key needs --tls-cert/],
      [
        'a CA of clients without TLS',
        ['--tls-client-ca', 'ca.pem'],
        /--tls-client-ca needs --tls-cert and --tls-key/,
      ],
      ['an empty host', ['--host', ' '], /must not be empty/],
      ['an unknown flag', ['--prot', '1'], /unknown option '--prot'.*--port/s],
    ];
    for (const [what, args, sentence] of contradictions) {
      it(`for ${what}`, async () => {
        const { code, output, errors } = await config(args);
        expect(errors).to.match(sentence);
        expect(output).to.equal('');
        expect(code).to.equal(2);
      });
    }
  });

  it('end kelpied with 1 if it cannot apply them', async () => {
    const { code, errors } = await runKelpied([
      ...['--port', '0', '--metrics-port', 'off'],
      ...['--journal', 'file', '--data', '/dev/null/data'],
    ]);
    expect(code).to.equal(1);
    expect(errors).to.match(/^kelpied: .*\/dev\/null\/data/s);
  });

  it('have variables that follow from their names', () => {
    expect(variableOf('metricsPort')).to.equal('KELPIE_METRICS_PORT');
  });
});
