/** An operator lets only some players log in, and a transfer goes on when the coordinator dies: with both engines. */
import { expect } from 'chai';
import { connect, type KelpieClient } from '../../client/index.js';
import { apiAt, contextText } from '../../client/api/index.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';

const steve = { xuid: '2535400000000001', name: 'Steve' };
const kai = { xuid: '2535400000000003', name: 'Kai' };
const onEvicted = (): void => undefined;

const engines: [string, () => string[]][] = [
  ['memory', () => ['--journal', 'memory']],
  ['file', () => ['--journal', 'file', '--data', dataFolder()]],
];

for (const [engine, args] of engines) {
  describe(`maintenance (${engine})`, () => {
    let kelpied: Kelpied;
    let started: string[];
    const open: KelpieClient[] = [];

    beforeEach(async () => {
      started = [...args(), '--drain-seconds', '0'];
      kelpied = await startKelpied(started);
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((client) => client.close()));
      await kelpied.stop();
      removeDataFolders();
    });

    const kelpie = (...words: string[]) => runKelpie(words, kelpied.endpoint);
    const gate = async (name: string, port: number) => {
      const { endpoint: endpoints } = kelpied;
      const publicAddress = { host: '203.0.113.7', port };
      const role = 'PROXY';
      const client = connect({ name, role, endpoints, publicAddress, players: { onEvicted } });
      open.push(client);
      await client.ready();
      return client;
    };
    const restart = async () => {
      await kelpied.kill();
      kelpied = await startKelpied([...started, '--port', String(kelpied.port)]);
    };
    const denied = (text: string) => ({ granted: false, text, reason: 'MAINTENANCE' });

    it('lets in the allowed players alone, and ends when the operator says so', async () => {
      const proxy = await gate('gate-1', 19_132);
      await proxy.players.joined({ xuid: '7', name: 'Alex' });
      const on = await kelpie(
        'maintenance',
        'on',
        '--message',
        'Back\u202e at 6\n',
        '--allow',
        'STEVE',
      );
      expect(on.errors).to.equal('');
      expect(on.output.split('\n')).to.deep.equal([
        'maintenance  on',
        'message      Back\\u202e at 6\\n',
        'allowed      1 player',
        '',
        'ALLOWED',
        'STEVE',
      ]);
      expect(await proxy.players.acquire(kai)).to.deep.equal(denied('Back\u202e at 6\n'));
      expect(await proxy.players.acquire(steve)).to.include({ granted: true });
      expect(proxy.players.size).to.equal(1);
      expect((await kelpie('info')).output).to.match(/^maintenance +on, with 1 allowed player$/m);
      const { code, output } = await kelpie('doctor');
      expect([code, output]).to.satisfy(
        ([code, output]: [number, string]) =>
          code === 0 && /^! +logins +only 1 allowed player can log in$/m.test(output),
      );
      expect((await kelpie('maintenance', 'disallow', 'Kai')).code).to.equal(1);
      await kelpie('maintenance', 'allow', 'kai');
      expect(await proxy.players.acquire(kai)).to.include({ granted: true });
      const off = JSON.parse((await kelpie('maintenance', 'off', '--json')).output) as object;
      expect(off).to.have.nested.property('settings.allowedPlayers').that.eqls(['STEVE', 'kai']);
      expect(off).to.have.nested.property('settings.maintenance', false);
      expect(await proxy.players.acquire({ xuid: '9', name: 'Zuri' })).to.include({
        granted: true,
      });
      expect((await kelpie('info')).output).not.to.include('maintenance');
    });

    it('is not ended by a proxy that starts again', async () => {
      await kelpie('maintenance', 'on');
      const text = 'The network is in maintenance. Try again later.';
      for (let start = 0; start < 2; start++) {
        const proxy = await gate('gate-1', 19_132);
        expect(await proxy.players.acquire(kai)).to.deep.equal(denied(text));
        await proxy.close();
      }
    });

    if (engine === 'memory') return;

    it('is not ended by a coordinator that is killed, nor while it is away', async () => {
      const proxy = await gate('gate-1', 19_132);
      await kelpie('maintenance', 'on', '--message', 'Soon', '--allow', 'Steve');
      await until(() => proxy.roster.settings.maintenance);
      await kelpied.kill();
      await until(() => proxy.connectionState === 'AWAY');
      expect(await proxy.players.acquire(kai)).to.deep.equal(denied('Soon'));
      expect(await proxy.players.acquire(steve)).to.deep.equal({ granted: true, generation: 0 });
      kelpied = await startKelpied([...started, '--port', String(kelpied.port)]);
      await until(() => proxy.connectionState === 'CONNECTED');
      expect(await proxy.players.acquire(kai)).to.deep.equal(denied('Soon'));
      expect((await kelpie('maintenance')).output).to.include('message      Soon');
    });

    it('a ticket outlives a coordinator that is killed while its player is on the way', async () => {
      const from = await gate('gate-1', 19_132);
      const to = await gate('gate-2', 19_133);
      const lobby = connect({ name: 'arena', role: 'DOWNSTREAM', endpoints: kelpied.endpoint });
      open.push(lobby);
      await lobby.ready();
      // The client of the player is on its way as soon as the proxy has sent it away.
      let leaves = (): void => undefined;
      const left = new Promise<void>((resolve) => (leaves = resolve));
      from.handle('transfer_player', () => leaves());
      await from.players.joined(steve);
      const api = apiAt(kelpied.endpoint);
      const transfer = api.players.transfer(
        { player: { id: steve.xuid } },
        { proxy: 'gate-2', server: 'arena' },
        { context: 'spawn 7' },
      );
      const ended = transfer
        .next()
        .then(async () => transfer.next())
        .catch(() => undefined);
      await left;
      await from.players.left(steve.xuid);
      await restart();
      await until(() => to.connectionState === 'CONNECTED');
      const login = await to.players.acquire(steve);
      const ticket = login.granted ? login.ticket : undefined;
      expect(ticket).to.include({ server: 'arena', fromServer: '' });
      expect(contextText(ticket?.context ?? new Uint8Array())).to.equal('spawn 7');
      await to.players.joined(steve);
      const again = await to.players.acquire(steve);
      expect(again).to.include({ granted: true }).and.not.to.have.property('ticket');
      await ended;
      api.close();
    });
  });
}
