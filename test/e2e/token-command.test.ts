/** `kelpied token` on the machine, before kelpied runs and meanwhile. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied, startKelpied } from '../support/process/kelpied.js';
import { clientsOf, reasonIn, reasonOf, SessionStream } from '../support/wire/clients.js';

interface Made {
  readonly token: string;
  readonly credential: { readonly id: string; readonly name: string; readonly createdBy: string };
}

describe('kelpied token', () => {
  let folder: string;

  before(() => {
    folder = dataFolder();
    mkdirSync(join(folder, 'run'));
  });
  after(removeDataFolders);

  const token = (...args: string[]) => runKelpied(['token', ...args], {}, join(folder, 'run'));
  const made = async (...args: string[]): Promise<Made> => {
    const { code, output, errors } = await token(...args, '--json');
    expect(errors).to.equal('');
    expect(code).to.equal(0);
    return JSON.parse(output) as Made;
  };

  it('makes an operator in a new data directory, and kelpied asks for credentials from then on', async () => {
    const empty = await token('list');
    expect(empty).to.include({ code: 1, output: '' });
    expect(empty.errors).to.contain('has no credentials');
    expect(existsSync(join(folder, 'run', 'data'))).to.equal(false);
    const first = await token('create');
    expect(first.output).to.match(
      /It is the first credential in \/.* ends all sessions without one/,
    );
    expect(first.output).to.contain('It is an operator (--preset operator, the default)');
    const [text = ''] = first.output.split('\n');
    expect(text).to.match(/^klp_[\w-]{43}$/);
    expect(first.output).to.contain('Nobody can see it again').and.to.contain('"operator"');
    const data = join(folder, 'run', 'data');
    expect(statSync(data).mode & 0o777).to.equal(0o700);
    const kelpied = await startKelpied([], join(folder, 'run'));
    const [nobody, operator] = [clientsOf(kelpied.endpoint), clientsOf(kelpied.endpoint, text)];
    try {
      expect(await reasonOf(nobody.nodes.listNodes({}))).to.equal('CREDENTIAL_REQUIRED');
      const { credential } = await operator.access.getOwnCredential({});
      expect(credential).to.include({ name: 'operator', createdBy: 'kelpied' });
      // While kelpied runs: it takes the new credential, and ends what a revoked one opened.
      const lobby = await made('create', 'lobby-1', '--preset', 'server', '--ttl', '30d');
      const client = clientsOf(kelpied.endpoint, lobby.token);
      // At once: a refusal would end the client of a node for ever.
      expect((await client.access.getOwnCredential({})).credential?.name).to.equal('lobby-1');
      const stream = new SessionStream(client, 'lobby-1');
      await stream.welcome();
      expect((await token('revoke', lobby.credential.id)).output).to.contain('is revoked');
      expect(reasonIn(await stream.ended)).to.equal('CREDENTIAL_REVOKED');
      client.close();
    } finally {
      nobody.close();
      operator.close();
      await kelpied.stop();
    }
    // The token is nowhere in the log.
    expect(kelpied.errors()).to.not.contain(text);
    expect(kelpied.errors()).to.contain('"credentialName":"lobby-1"');
  });

  it('makes credentials that a running kelpied takes at once, also the first one', async () => {
    const data = dataFolder();
    const kelpied = await startKelpied(['--journal', 'file', '--data', data]);
    try {
      const guess = clientsOf(kelpied.endpoint, `klp_${'x'.repeat(43)}`);
      for (const name of ['alice', 'lobby-1', 'lobby-2']) {
        const { token: fresh } = await made('create', name, '--data', data);
        const client = clientsOf(kelpied.endpoint, fresh);
        // Another peer makes kelpied look at the same time.
        const refused = reasonOf(guess.access.getOwnCredential({}));
        expect((await client.access.getOwnCredential({})).credential?.name).to.equal(name);
        expect(await refused).to.equal('CREDENTIAL_INVALID');
        client.close();
      }
      guess.close();
    } finally {
      await kelpied.stop();
    }
  });

  it('lists, shows and rotates, in text and in JSON', async () => {
    const { credential, token: old } = await made('create', 'proxy-1', '--preset', 'proxy');
    expect((await token('list')).output).to.match(
      new RegExp(`^${credential.id} +proxy-1 +proxy +proxy-1 +never +token +kelpied$`, 'm'),
    );
    expect((await token('show', 'proxy-1')).output).to.match(/^preset +proxy$/m);
    const file = join(folder, 'proxy-1.token');
    const rotated = await made('rotate', credential.id, '--overlap', '0s', '--token-file', file);
    expect(rotated).to.not.have.property('token', old);
    expect(rotated.credential.id).to.equal(credential.id);
    expect(readFileSync(file, 'utf8'))
      .to.match(/^klp_[\w-]{43}\n$/)
      .and.not.contain(old);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    for (const { output } of [await token('list'), await token('show', credential.id)]) {
      expect(output).to.not.contain('klp_');
    }
  });

  it('refuses what does not exist, with the exit codes of its help', async () => {
    const missing = await token('show', 'nobody');
    expect(missing).to.include({ code: 1, output: '' });
    expect(missing.errors).to.contain('no credential of the network main has the id or the name');
    const kept = join(folder, 'kept.token');
    writeFileSync(kept, 'mine');
    const again = await token('create', '--token-file', kept);
    expect(again).to.include({ code: 2, output: '' });
    expect(again.errors).to.contain('is there already');
    expect(readFileSync(kept, 'utf8')).to.equal('mine');
    expect((await token('create', '--preset', 'king')).code).to.equal(2);
    expect((await token('create', '--ttl', 'soon')).code).to.equal(2);
    const memory = await runKelpied(['token', 'list', '--journal', 'memory'], {}, folder);
    expect(memory).to.include({ code: 1 });
    expect(memory.errors).to.contain('memory');
  });
});
