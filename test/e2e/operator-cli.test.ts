/** An operator sets up and changes things with kelpie: formats, contexts, completion, labels, sessions. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { nearest } from '../../client/core/nearest.js';
import { placeOf, type PlaceOptions } from '../../client/cli/input/place.js';
import { TestCa } from '../support/certificates.js';
import { runKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const CLI = fileURLToPath(new URL('../../client/cli/main.js', import.meta.url));
const NOWHERE = '127.0.0.1:1';
const steve = { xuid: '2535400000000001', name: 'Steve', properties: { rank: 'vip' } };
const alex = { xuid: '2535400000000002', name: 'Alex' };

const parsed = (line: string): Record<string, unknown> =>
  JSON.parse(line) as Record<string, unknown>;

describe('kelpie, for its operator,', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let config: string;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    const gate = await WireNode.proxy(wire, 'gate');
    const labels = { mode: 'hub', odd: '\u202eyes: "no"\n' };
    await WireNode.join(wire, 'lobby', { role: 'NODE_ROLE_DOWNSTREAM', labels });
    await gate.bring(steve, 'lobby');
    await gate.bring(alex);
  });
  after(async () => {
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });
  beforeEach(() => {
    config = mkdtempSync(join(tmpdir(), 'kelpie-config-'));
  });
  afterEach(() => rmSync(config, { recursive: true }));

  const contexts = () => join(config, 'kelpie', 'contexts.yaml');
  const kelpie = (...args: string[]) => runKelpie(args, kelpied.endpoint);
  /** Without an endpoint in the environment, with the contexts of this test. */
  const alone = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    runKelpie(args, undefined, { XDG_CONFIG_HOME: config, ...env });
  const add = async (...args: string[]) => {
    const { code, errors } = await alone(['context', 'add', ...args]);
    expect(code, errors).to.equal(0);
  };

  it('prints records with their kind as YAML, whatever is in them', async () => {
    const { code, output } = await kelpie('-o', 'yaml', 'nodes');
    expect(code).to.equal(0);
    expect(output)
      .to.match(/^---\nkind: Node\n/)
      .and.include('\\u202eyes');
    const nodes = parseAllDocuments(output).map((one) => one.toJS() as Record<string, unknown>);
    expect(nodes.map(({ kind, name }) => [kind, name])).to.deep.equal([
      ['Node', 'gate'],
      ['Node', 'lobby'],
    ]);
    const json = (await kelpie('nodes', '--output', 'json')).output.split('\n').map(parsed);
    expect(nodes[1]).to.have.nested.property('labels.odd', '\u202eyes: "no"\n');
    expect(json[1]).to.deep.include({ kind: 'Node', labels: nodes[1]?.['labels'] });
  });

  it('prints YAML that readers of YAML 1.1 and of YAML 1.2 understand alike', async () => {
    const values = [
      'no',
      'yes',
      'off',
      'Y',
      '1:30',
      '2026-11-25',
      '1_000',
      '014',
      '0o14',
      '<<',
      '=',
    ];
    const more = [
      '.5',
      '0x_',
      '~',
      '1e3',
      'null',
      '\u{e0001}x',
      '\uffff',
      'a\u0085b',
      '😀',
      'plain',
    ];
    const texts = [...values, ...more];
    const labels = Object.fromEntries(texts.map((text, index) => [`l${index}`, text]));
    await WireNode.join(wire, 'yaml', {
      role: 'NODE_ROLE_SERVICE',
      labels: { ...labels, no: 'x' },
    });
    const { output } = await kelpie('label', 'yaml', '-o', 'yaml');
    for (const version of ['1.1', '1.2'] as const) {
      const [read] = parseAllDocuments(output, { version, merge: true });
      if (!read || !('toJS' in read)) throw new Error('there is no document');
      expect(read.errors).to.deep.equal([]);
      expect(read.toJS()).to.have.deep.property('labels', { ...labels, no: 'x' });
    }
    expect(output).to.include(': "="').and.include('"\\U000e0001x"').and.include('"\\uffff"');
    expect(output).to.include(': plain').and.include('"no": x');
    await kelpie('disconnect', 'yaml');
  });

  it('takes the options of every command before it and after it', async () => {
    const late = await runKelpie(['--timeout', '5s', 'nodes', '-o', 'json'], kelpied.endpoint);
    expect(late.output.split('\n')).to.have.length(2);
    const both = await kelpie('-o', 'yaml', 'info', '-o', 'json');
    expect(parsed(both.output)).to.include({ kind: 'GetInfoResponse' });
    expect(both.output).to.match(/"uptime":"\d+(\.\d+)?s"/);
  });

  it('finds players by the beginning of their names, and by properties', async () => {
    const found = async (...args: string[]) =>
      (await kelpie('find', '--json', ...args)).output
        .split('\n')
        .map((line) => parsed(line)['name']);
    expect(await found('--prefix', 'al')).to.deep.equal(['Alex']);
    expect(await found('--property', 'rank=vip')).to.deep.equal(['Steve']);
    const nobody = await kelpie('find', '--property', 'rank=none');
    expect(nobody.errors).to.match(/no such player is online \(PLAYER_NOT_FOUND\)/);
    expect((await kelpie('find', 'Alex', '--prefix', 'al')).code).to.equal(2);
  });

  it('says what is wrong with a place that is another kind of node, or nearly a name', async () => {
    const proxy = await kelpie('players', '--proxy', 'lobby');
    expect(proxy.errors).to.include('"lobby" is no proxy, but a server; use --server lobby');
    const server = await kelpie('say', 'hello', '--server', 'gate');
    expect(server.errors).to.include('"gate" is no server, but a proxy; use --proxy gate');
    await WireNode.join(wire, 'direct', { role: 'NODE_ROLE_DOWNSTREAM' });
    const direct = await kelpie('players', '--proxy', 'direct');
    await kelpie('disconnect', 'direct');
    expect([direct.code, direct.errors], 'players join it directly').to.deep.equal([0, '']);
    const near = await kelpie('disconnect', 'loby');
    expect(near.errors).to.equal(
      'kelpie: the network has no node "loby" (NODE_NOT_FOUND); did you mean lobby?\n',
    );
    expect([proxy.code, server.code, near.code]).to.deep.equal([1, 1, 1]);
    expect(nearest('loby', ['lobby', 'looby-1', 'gate', 'lob'])).to.deep.equal(['lobby', 'lob']);
  });

  it('sets, removes and shows the labels of a node', async () => {
    await WireNode.join(wire, 'arena', { role: 'NODE_ROLE_DOWNSTREAM', labels: { mode: 'hub' } });
    const changed = await kelpie('label', 'Arena', 'map=a=b', 'zone-', 'mode-', 'season=4');
    expect(changed.output.split('\n').map((line) => line.split(/ {2,}/))).to.deep.equal([
      ['LABEL', 'VALUE'],
      ['map', 'a=b'],
      ['season', '4'],
    ]);
    const shown = await kelpie('label', 'arena', '--json');
    expect(parsed(shown.output)).to.deep.include({ labels: { map: 'a=b', season: '4' } });
    for (const wrong of [['map'], ['map=1', 'map-'], ['=1']]) {
      const { code, errors } = await kelpie('label', 'arena', ...wrong);
      expect(errors).to.match(/changes no label|either set or removed/);
      expect(code).to.equal(2);
    }
  });

  it('ends the session of a node', async () => {
    const { stream } = await wire.join('rogue', { role: 'NODE_ROLE_SERVICE' });
    const { code, output } = await kelpie('disconnect', 'Rogue');
    expect({ code, output }).to.deep.equal({ code: 0, output: 'Disconnected rogue.' });
    expect(await stream.ended()).to.have.nested.property(
      'error.reason',
      'ERROR_REASON_SESSION_ENDED',
    );
    expect((await kelpie('label', 'rogue')).errors).to.include('NODE_NOT_FOUND');
  });

  describe('keeps contexts,', () => {
    /** Where a command would ask, with these contexts. */
    const placed = (options: PlaceOptions, env: NodeJS.ProcessEnv = {}) => {
      const set = { XDG_CONFIG_HOME: config, KELPIE_ENDPOINTS: '', KELPIE_CONTEXT: '', ...env };
      const before = Object.keys(set).map((name) => [name, process.env[name]] as const);
      Object.assign(process.env, set);
      try {
        return placeOf(options).endpoints;
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) Reflect.deleteProperty(process.env, name);
          else process.env[name] = value;
        }
      }
    };

    it('uses the first, another one by name, and what is nearer', async () => {
      await add('prod', '--endpoint', NOWHERE);
      await add('dev', '--endpoint', kelpied.endpoint);
      const [prod, dev] = [[NOWHERE], [kelpied.endpoint]];
      expect(placed({}), 'the first').to.deep.equal(prod);
      expect(placed({ context: 'dev' })).to.deep.equal(dev);
      expect(placed({}, { KELPIE_CONTEXT: 'dev' })).to.deep.equal(dev);
      expect(placed({}, { KELPIE_ENDPOINTS: kelpied.endpoint })).to.deep.equal(dev);
      const both = { KELPIE_ENDPOINTS: NOWHERE, KELPIE_CONTEXT: 'prod' };
      expect(placed({ context: 'dev' }, both)).to.deep.equal(dev);
      expect(placed({ endpoint: dev }, both)).to.deep.equal(dev);
      const order = { KELPIE_ENDPOINTS: kelpied.endpoint, KELPIE_CONTEXT: 'prod' };
      expect(placed({}, order), 'endpoints before a context').to.deep.equal(dev);
      expect((await alone(['--context', 'dev', 'info'])).code).to.equal(0);
      expect((await alone(['context', 'use', 'dev'])).output).to.include(kelpied.endpoint);
      expect((await alone(['info'])).code).to.equal(0);
      const { errors, code } = await alone(['--context', 'test', 'info']);
      expect(errors).to.equal('kelpie: there is no context "test"; there are prod, dev\n');
      expect(code).to.equal(2);
    });

    it('for the user alone, and shows no token', async () => {
      await add('dev', '--endpoint', kelpied.endpoint, '--token', 'secret');
      expect(statSync(contexts()).mode & 0o777).to.equal(0o600);
      expect(statSync(join(config, 'kelpie')).mode & 0o777).to.equal(0o700);
      expect(readFileSync(contexts(), 'utf8')).to.include('token: secret');
      const [list, show] = [
        await alone(['context', 'list']),
        await alone(['context', 'show', '-o', 'json']),
      ];
      const file = join(config, 'token');
      writeFileSync(file, 'from a file\n');
      await add('dev', '--endpoint', kelpied.endpoint, '--token-file', file);
      expect(readFileSync(contexts(), 'utf8')).to.include(`tokenFile: ${file}\n`);
      const piped = `echo piped | '${process.execPath}' '${CLI}' context add dev --token -`;
      const env = { ...process.env, XDG_CONFIG_HOME: config };
      await promisify(execFile)('sh', ['-c', `${piped} --endpoint ${kelpied.endpoint}`], { env });
      expect(readFileSync(contexts(), 'utf8')).to.include('token: piped\n');
      expect(list.output).to.match(/^NAME +ENDPOINT .*\ndev +127\.0\.0\.1:\d+ +set +- +yes$/);
      expect(parsed(show.output)).to.deep.equal({
        ...{ kind: 'Context', name: 'dev', endpoint: kelpied.endpoint },
        ...{ hasToken: true, used: true },
      });
      expect((await alone(['nodes'])).code).to.equal(0);
      expect((await alone(['context', 'remove', 'dev'])).code).to.equal(0);
      expect((await alone(['context', 'list'])).output).to.include('There is no context');
    });

    it('but uses none that others can change, or that is no context', async () => {
      await add('dev', '--endpoint', kelpied.endpoint);
      chmodSync(contexts(), 0o620);
      const open = await alone(['nodes']);
      expect(open.errors).to.match(/can be changed by other users.*chmod go-w/);
      chmodSync(contexts(), 0o600);
      writeFileSync(contexts(), 'contexts: { dev: { endpoint: nowhere } }');
      const odd = await alone(['nodes']);
      expect(odd.errors).to.match(/contexts\.yaml cannot be used: "nowhere" is no endpoint/);
      expect([open.code, odd.code]).to.deep.equal([2, 2]);
      const name = await alone(['context', 'add', '../x', '--endpoint', NOWHERE]);
      expect(name.errors).to.include('cannot be the name of a context');
      const bare = await alone(['context', 'add', 'bare']);
      expect(bare.errors).to.include('kelpie context add bare --endpoint host:port');
    });

    it('uses TLS with the CA of its context, and plain text only where the context says so', async () => {
      const ca = join(config, 'ca.pem');
      writeFileSync(ca, (await TestCa.make()).certificate);
      const at = ['--endpoint', kelpied.endpoint];
      await add('far', ...at, '--token', 'secret', '--ca', ca);
      const { code, errors } = await alone(['nodes']);
      expect(errors).to.match(/does not speak TLS.*TLS_UNSUPPORTED/);
      expect(code).to.equal(1);
      expect((await alone(['context', 'list'])).output).to.include(ca);
      expect((await alone(['nodes', '--insecure'])).code).to.equal(0);
      await add('far', ...at, '--insecure');
      expect((await alone(['nodes'])).code).to.equal(0);
      expect((await alone(['nodes', '--ca', ca])).errors).to.include('TLS_UNSUPPORTED');
      const missing = await alone(['context', 'add', 'b', ...at, '--ca', 'none.pem']);
      expect(missing.errors).to.match(/none\.pem cannot be read/);
      expect(missing.code).to.equal(2);
      // The CA and the token belong to their context: another endpoint is asked without them.
      await add('far', ...at, '--ca', ca);
      expect((await alone(['nodes', ...at])).code).to.equal(0);
    });
  });

  it('colours states on a terminal, unless NO_COLOR is set, and never for programs', async () => {
    const onTerminal = async (command: string, noColor = '') => {
      const env = { ...process.env, KELPIE_ENDPOINTS: kelpied.endpoint, NO_COLOR: noColor };
      const line = `'${process.execPath}' '${CLI}' ${command}`;
      const { stdout } = await promisify(execFile)('script', ['-qec', line, '/dev/null'], { env });
      return stdout;
    };
    expect(await onTerminal('nodes')).to.include('\u001b[32mREADY\u001b[39m');
    expect(await onTerminal('nodes', '1'))
      .to.include('READY')
      .and.not.include('\u001b');
    expect(await onTerminal('nodes --json')).to.not.include('\u001b');
    expect((await kelpie('nodes')).output).to.not.include('\u001b');
  });
});
