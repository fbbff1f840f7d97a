/** `kelpie doctor --security` against a coordinator that does much wrong, and with tokens. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';

interface Diagnosis {
  fine: boolean;
  checks: { check: string; status: string; finding: string; advice?: string }[];
}

describe('kelpie doctor --security', () => {
  let coordinator: Coordinator;
  let data: string;
  let endpoint: string;

  before(async () => {
    data = join(dataFolder(), 'data');
    coordinator = await startCoordinator({
      ...{ host: '0.0.0.0', port: 0, insecure: true, data },
      metrics: { host: '0.0.0.0', port: 0 },
    });
    endpoint = `127.0.0.1:${coordinator.port}`;
  });
  after(async () => {
    await coordinator.stop();
    removeDataFolders();
  });

  const env = (token?: string) => ({ XDG_CONFIG_HOME: data, KELPIE_TOKEN: token });
  const examined = async (token?: string) => {
    const args = ['doctor', '--security', '--json'];
    const { code, output } = await runKelpie(args, endpoint, env(token));
    const { fine, checks } = JSON.parse(output) as Diagnosis;
    expect(code).to.equal(fine ? 0 : 1);
    return { fine, checks, bad: checks.filter(({ status }) => status !== 'ok') };
  };

  it('fails and warns as the coordinator and its files deserve it', async () => {
    chmodSync(data, 0o755);
    chmodSync(join(data, 'journal.mdb'), 0o640);
    const { fine, checks, bad } = await examined();
    chmodSync(data, 0o700);
    chmodSync(join(data, 'journal.mdb'), 0o600);
    expect(fine).to.equal(false);
    expect(bad.map(({ check, status }) => [check, status])).to.deep.equal([
      ['TLS', 'failed'],
      ['--insecure', 'warning'],
      ['credentials', 'failed'],
      ['data', 'failed'],
      ['data', 'warning'],
      ['metrics', 'warning'],
    ]);
    expect(bad.map(({ finding }) => finding).join()).to.include(`${data} (mode 0755)`);
    for (const { advice } of bad) expect(advice).to.be.a('string');
    expect(checks.filter(({ status }) => status === 'ok')).to.have.length(4);
  });

  it('is repeated by kelpie doctor, for --insecure alone', async () => {
    const { code, output } = await runKelpie(['doctor'], endpoint, env());
    expect(output).to.match(/^! {2}--insecure {2}kelpied was started with --insecure.*\n +→ /m);
    expect(code).to.equal(0);
  });

  it('names operators who never expire, and needs the token of an operator', async () => {
    const operator = await coordinator.createToken({ name: 'ops', preset: 'operator' });
    const { bad } = await examined(operator);
    expect(bad.map(({ check }) => check)).to.deep.equal([
      'TLS',
      '--insecure',
      'operators',
      'metrics',
    ]);
    expect(bad[2]?.finding).to.match(/^the credentials of these .* expire: ops \([0-9a-f]{12}\)$/);

    const [stopped] = (await examined()).checks;
    expect(stopped).to.include({ check: 'token', status: 'failed' });
    expect(stopped?.finding).to.match(/^the token is missing/);

    const server = await coordinator.createToken({ name: 'lobby-1', preset: 'server' });
    const refused = await examined(server);
    expect(refused.checks.map(({ check, status }) => [check, status])).to.deep.equal([
      ['report', 'failed'],
    ]);
    expect(refused.checks[0]?.advice).to.match(/token of an operator/);
  });
});
