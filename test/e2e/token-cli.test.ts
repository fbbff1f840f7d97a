/** `kelpie token`: what scripts and people get, and where tokens show. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';

const TOKEN = /^klp_[A-Za-z0-9_-]{43}$/;

describe('kelpie token', () => {
  let coordinator: Coordinator;
  let root: string;
  let folder: string;

  before(async () => {
    folder = dataFolder();
    coordinator = await startCoordinator({ journal: 'memory', port: 0, times: { drainMs: 0 } });
    root = await coordinator.createToken({ name: 'root' });
  });
  after(async () => {
    await coordinator.stop();
    removeDataFolders();
  });

  const kelpie = (args: string[], token: string | undefined = root) =>
    runKelpie(args, coordinator.endpoint, { KELPIE_TOKEN: token, XDG_CONFIG_HOME: folder });
  const ownOf = async (token: string) => {
    const api = apiAt(coordinator.endpoint, { token });
    try {
      return (await api.access.own()).credential;
    } finally {
      api.close();
    }
  };

  it('prints a new token alone on stdout, with hints on stderr, and shows it nowhere else', async () => {
    const made = await kelpie(['token', 'create', 'lobby-1', '--preset', 'server', '--ttl', '30d']);
    expect(made.errors).to.match(/^This is the token of lobby-1 \([0-9a-f]{12}\)\. Nobody/);
    const token = made.output.trim();
    expect(token).to.match(TOKEN);
    const own = await ownOf(token);
    expect(own?.preset).to.equal('server');
    expect(own?.rights.nodeNames).to.deep.equal(['lobby-1']);
    const left = (own?.expireTime?.getTime() ?? 0) - Date.now();
    expect(left / 86_400_000).to.be.within(29, 30);
    const list = await kelpie(['token']);
    expect(list.output).to.match(/^ID +NAME +PRESET +NODES +EXPIRES +KIND +MADE BY\n/);
    expect(list.output).to.match(/\n[0-9a-f]{12} +lobby-1 +server +lobby-1 +20\S+Z +token +root\b/);
    const shown = await kelpie(['token', 'show', 'Lobby-1']);
    expect(shown.output).to.match(/\nmay also +.*\btransfer\b/);
    expect(`${list.output}${shown.output}`).to.not.include(token);
  });

  it('writes a token into a file for its user alone, and rotates it there', async () => {
    const file = join(folder, 'arena.token');
    const rights = [
      '--node',
      'arena-*',
      '--role',
      'downstream',
      '--read',
      'nodes.>',
      '--verb',
      'kick',
    ];
    const made = await kelpie(['token', 'create', 'arena', ...rights, '--token-file', file]);
    expect([made.code, made.output]).to.deep.equal([0, '']);
    expect(made.errors).to.include(`${file} has the token of arena`);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const old = readFileSync(file, 'utf8').trim();
    expect((await ownOf(old))?.rights).to.deep.include({
      nodeNames: ['arena-*'],
      roles: ['DOWNSTREAM'],
      readTopics: ['nodes.>'],
      verbs: ['KICK'],
    });
    const rotated = await kelpie(['token', 'rotate', 'arena', '--token-file', file, '-q']);
    expect(rotated).to.deep.equal({ code: 0, output: '', errors: '' });
    const young = readFileSync(file, 'utf8').trim();
    expect(young).to.match(TOKEN).and.not.equal(old);
    expect([(await ownOf(old))?.name, (await ownOf(young))?.name]).to.deep.equal([
      'arena',
      'arena',
    ]);
    const twice = await kelpie([
      'token',
      'create',
      'x',
      '--preset',
      'server',
      '--token-file',
      file,
    ]);
    expect([twice.code, twice.errors]).to.deep.equal([
      2,
      `kelpie: ${file} cannot be written: it is there already; name another file, or move it away\n`,
    ]);
    const into = await kelpie(['token', 'rotate', 'arena', '--token-file', folder]);
    expect([into.code, into.errors]).to.deep.equal([
      2,
      `kelpie: ${folder} cannot be written: it is a folder\n`,
    ]);
  });

  it('makes join tokens, and prints for programs', async () => {
    const join = ['--preset', 'server', '--node', 'game-*', '--join', '--uses', '10'];
    const made = await kelpie(['token', 'create', 'games', ...join, '--json']);
    expect(made.errors).to.equal('');
    const { kind, token, credential } = JSON.parse(made.output) as {
      kind: string;
      token: string;
      credential: { id: string; join: object };
    };
    expect(kind).to.equal('CreateCredentialResponse');
    expect(token).to.match(TOKEN);
    expect(credential.join).to.deep.equal({ uses: 10, credentialSeconds: '0' });
    const shown = await kelpie(['token', 'show', credential.id]);
    expect(shown.output).to.match(/\nkind +join token, 10 left\n/);
    const wrong = await kelpie(['token', 'create', 'x', '--preset', 'server', '--uses', '2']);
    expect([wrong.code, wrong.errors]).to.deep.equal([
      2,
      'kelpie: --uses and --joined-ttl are for join tokens: add --join\n',
    ]);
  });

  it('names a credential by a name that is its own, or else lists the ids', async () => {
    for (const name of ['twin', 'twin', 'one']) await coordinator.createToken({ name });
    const both = await kelpie(['token', 'revoke', 'twin']);
    expect(both.code).to.equal(2);
    expect(both.errors).to.match(
      /2 credentials have the name "twin"; .*: [0-9a-f]{12}, [0-9a-f]{12}\n$/,
    );
    const revoked = await kelpie(['token', 'revoke', 'one']);
    expect(revoked.output).to.match(/^Revoked one \([0-9a-f]{12}\)\.$/);
    const nothing = await kelpie(['token', 'create', 'x']);
    expect(nothing.code).to.equal(2);
    expect(nothing.errors).to.include(
      'give --preset (proxy, server, service, operator, read-only)',
    );
    const none = await kelpie(['token', 'show', 'one']);
    expect([none.code, none.errors.includes('(CREDENTIAL_NOT_FOUND)')]).to.deep.equal([1, true]);
  });

  it('says who one is, and how to get a token without one', async () => {
    const own = await kelpie(['token', 'own']);
    expect(own.output).to.match(/\nname +root\nnetwork +main\n/);
    const nobody = await kelpie(['nodes'], '');
    expect(nobody.code).to.equal(1);
    expect(nobody.errors).to.include('CREDENTIAL_REQUIRED').and.include('kelpied token create');
    const proposals = await kelpie(['complete-line', 'kelpie token show ro']);
    expect(proposals.output).to.equal('root');
  });
});
