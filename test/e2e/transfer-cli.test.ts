/** `kelpie transfer`, against a real kelpied with proxies and servers that carry out transfers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type DestinationOptions, destinationOf } from '../../client/cli/input/destination.js';
import { UsageError } from '../../client/cli/output/output.js';
import { thrownBy } from '../support/thrown.js';
import { runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { type FakeProxy, replyFirst, sayNothing } from '../support/transfers/fake-proxy.js';
import type { FakeServer } from '../support/transfers/fake-server.js';
import { Document, run } from '../docs/document.js';
import { until } from '../support/until.js';

const steve = { xuid: '1', name: 'Steve' };
const alex = { xuid: '2', name: 'Alex the Great' };
const zoe = { xuid: '3', name: 'Zoe' };

const cells = (line: string): string[] => line.split(/ {2,}/);
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe('kelpie transfer', () => {
  let kelpied: Kelpied;
  let network: FakeNetwork;
  let gate: FakeProxy;
  let other: FakeProxy;
  let game: FakeServer;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    network = new FakeNetwork({ endpoints: kelpied.endpoint });
    gate = await network.proxy('gate-1');
    other = await network.proxy('gate-2');
    await network.server('lobby-1', {}, { labels: { mode: 'lobby' } });
    const closedFor = ({ playerName }: { playerName: string }): void => {
      if (playerName === zoe.name) throw new Error('the round has begun');
    };
    const labels = { mode: 'game' };
    game = await network.server('arena-1', { prepare_arrival: closedFor }, { labels });
    await network.server('arena-2', { prepare_arrival: closedFor }, { labels });
  });
  beforeEach(async () => {
    gate.moves = replyFirst;
    for (const player of [steve, alex, zoe]) {
      if (network.world.placeOf(player.xuid) === '') await gate.bring(player, 'lobby-1');
      else await proxyOf(player.xuid).move(player.xuid, 'lobby-1');
    }
  });
  after(async () => {
    await network.close();
    await kelpied.stop();
  });

  const proxyOf = (id: string) => (other.client.players.get(id) ? other : gate);
  const placesOf = (...players: { xuid: string }[]) =>
    players.map(({ xuid }) => network.world.placeOf(xuid));
  const kelpie = (...args: string[]) => runKelpie(['transfer', ...args], kelpied.endpoint);
  const refused = async (sentence: RegExp, ...args: string[]): Promise<void> => {
    const { code, output, errors } = await kelpie(...args);
    expect(errors, args.join(' ')).to.match(sentence);
    expect(output).to.equal('');
    expect(code).to.equal(2);
  };

  it('moves one player to a server, with a context', async () => {
    expect(await kelpie('Steve', '--to', 'Arena-1', '--data', 'kit 7')).to.deep.equal({
      code: 0,
      output: 'Moved Steve to arena-1.',
      errors: '',
    });
    expect(placesOf(steve, alex)).to.deep.equal(['arena-1', 'lobby-1']);
    expect(text(game.arrivals.at(-1)?.context)).to.equal('kit 7');
    expect(await kelpie('Steve', '--to', 'arena-1')).to.deep.equal({
      code: 1,
      output:
        'PLAYER  TO  REASON         MESSAGE\n' +
        'Steve   -   ALREADY_THERE  the player is on "arena-1" already\n' +
        'Moved 0 players; 1 failed.',
      errors: '',
    });
  });

  it('takes a context from a file, byte by byte', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kelpie-transfer-'));
    const file = join(folder, 'context');
    writeFileSync(file, Uint8Array.of(0, 255, 10));
    const { code } = await kelpie('Steve', '--to', 'arena-1', '--data', `@${file}`);
    expect(code).to.equal(0);
    expect([...(game.arrivals.at(-1)?.context ?? [])]).to.deep.equal([0, 255, 10]);
    writeFileSync(file, new Uint8Array(16_385));
    const large = await kelpie('Steve', '--to', 'lobby-1', '--data', `@${file}`);
    expect(large.errors).to.match(/16385 bytes; the limit is 16384 \(PAYLOAD_TOO_LARGE\)$/m);
    expect(large.code).to.equal(1);
    rmSync(folder, { recursive: true });
    await refused(/--data @.*ENOENT/, 'Steve', '--to', 'arena-1', '--data', `@${file}`);
  });

  it('moves all players at a place; who stays behind is in a table with the reason', async () => {
    const { code, output, errors } = await kelpie(
      '--from-server',
      'lobby-1',
      '--select',
      'mode=game',
    );
    expect(errors).to.equal('');
    expect(code).to.equal(1);
    const [head = '', row = '', sum, ...more] = output.split('\n');
    expect(cells(head)).to.deep.equal(['PLAYER', 'TO', 'REASON', 'MESSAGE']);
    expect(cells(row).filter((_, column) => column !== 1)).to.deep.equal([
      'Zoe',
      'REJECTED_BY_TARGET',
      'the round has begun',
    ]);
    expect(sum).to.match(
      /^Moved 2 players: (1 to arena-1, 1 to arena-2|2 to arena-[12]); 1 failed\.$/,
    );
    expect(more).to.deep.equal([]);
    expect(placesOf(zoe)).to.deep.equal(['lobby-1']);
    const back = await kelpie('--all', '--to', 'lobby-1');
    expect(back.output).to.equal('Moved 2 players: 2 to lobby-1; 1 were there already.');
    expect(back.code).to.equal(0);
  });

  it('moves players by name, and nobody if a name is wrong', async () => {
    const wrong = await kelpie('Steve', 'Nobody', '--to', 'arena-1');
    expect(wrong.errors).to.match(/no player "Nobody" is online/);
    expect(wrong.code).to.equal(1);
    expect(placesOf(steve)).to.deep.equal(['lobby-1']);
    const { output } = await kelpie('Steve', 'alex the great', '--to', 'arena-2');
    expect(output).to.equal('Moved 2 players: 2 to arena-2.');
    expect(placesOf(steve, alex, zoe)).to.deep.equal(['arena-2', 'arena-2', 'lobby-1']);
  });

  it('moves players to another proxy, and to a server there', async () => {
    const args = ['Steve', '--proxy', 'gate-2', '--server', 'arena-1', '--data', '{"kit":7}'];
    expect((await kelpie(...args)).output).to.equal('Moved Steve to gate-2.');
    await until(() => placesOf(steve)[0] === 'arena-1');
    const [ticket] = other.tickets.splice(0);
    expect([ticket?.server, text(ticket?.context)]).to.deep.equal(['arena-1', '{"kit":7}']);
    expect(other.client.players.get(steve.xuid)?.name).to.equal('Steve');
    const home = await kelpie('--from-proxy', 'gate-2', '--proxy', 'gate-1');
    expect(home.output).to.equal('Moved Steve to gate-1.');
  });

  it('prints each update for programs', async () => {
    const { code, output } = await kelpie('Zoe', '--to', 'arena-1', '--json');
    expect(code).to.equal(1);
    const updates = output.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(updates.map(({ kind, stage }) => `${String(kind)} ${String(stage)}`)).to.deep.equal([
      'TransferUpdate TRANSFER_STAGE_PREPARING_ARRIVAL',
      'TransferUpdate TRANSFER_STAGE_FAILED',
    ]);
    expect(updates[1]).to.deep.include({ playerName: 'Zoe', target: 'arena-1', last: true });
    expect(updates[1]?.['error']).to.deep.include({ reason: 'ERROR_REASON_REJECTED_BY_TARGET' });
  });

  it('reports a proxy that says nothing when the time is up', async () => {
    gate.moves = sayNothing;
    const { code, output } = await kelpie('Steve', '--to', 'arena-1', '--timeout', '300ms');
    expect(output).to.match(/^Steve {3}arena-1 {2}TIMED_OUT {2}"gate-1" did not do its part/m);
    expect(code).to.equal(1);
  });

  it('leaves the transfers under way when it is interrupted, and says so', async () => {
    let go: () => void = () => undefined;
    const asked = new Promise<void>((began) => {
      gate.moves = async (request, proxy) => {
        await new Promise<void>((resolve) => {
          go = resolve;
          began();
        });
        await proxy.carryOut(request);
      };
    });
    const running = startKelpie(
      ['transfer', 'Steve', '--to', 'arena-1', '--json'],
      kelpied.endpoint,
    );
    await running.line(/MOVING/);
    await asked;
    expect(await running.stop('SIGINT')).to.equal(1);
    expect(running.errors()).to.equal(
      'kelpie: the transfers go on; kelpie players shows where the players are\n',
    );
    go();
    await until(() => placesOf(steve)[0] === 'arena-1');
  });

  it('refuses what nobody can mean, and moves nobody', async () => {
    await refused(/say where to/, 'Steve');
    await refused(/say whom to move/, 'Steve', '--all', '--to', 'arena-1');
    await refused(/'fastest' is invalid/, 'Steve', '--select', 'a=b', '--strategy', 'fastest');
    const places = ['--from-server', 'a', '--from-proxy', 'b', '--to', 'c'];
    await refused(/name one place: --from-server/, ...places);
    const wrong = { select: {}, to: 'arena-1' };
    const messageOf = (options: DestinationOptions) =>
      thrownBy(UsageError, () => destinationOf(options)).message;
    expect(messageOf({ ...wrong, proxy: 'gate-2' })).to.match(/name one destination/);
    expect(messageOf({ ...wrong, strategy: 'random' })).to.match(/--strategy goes with --select/);
    expect(messageOf({ ...wrong, server: 'b' })).to.match(/--server goes with --proxy/);
    const place = await kelpie('--from-server', 'gate-1', '--to', 'arena-1');
    expect(place.errors).to.match(/is no server, but a proxy; use --from-proxy gate-1/);
    const unknown = await kelpie('Steve', '--to', 'arena-9');
    expect(unknown.errors).to.match(/"arena-9" \(NODE_NOT_FOUND\); did you mean arena-[12]/);
    const proxy = await kelpie('Steve', '--to', 'gate-1');
    expect(proxy.errors).to.match(/"gate-1" is no server.*\(NODE_NOT_FOUND\)$/m);
    expect(placesOf(steve, alex, zoe)).to.deep.equal(['lobby-1', 'lobby-1', 'lobby-1']);
  });

  it('is completed with servers, proxies and strategies', async () => {
    const propose = async (line: string) =>
      (await runKelpie(['complete-line', line], kelpied.endpoint)).output.split('\n');
    const proposals = await Promise.all([
      propose('kelpie transfer Steve --to ar'),
      propose('kelpie transfer --from-proxy gate-1 --proxy g'),
      propose('kelpie transfer Steve --select mode=x --strategy m'),
    ]);
    expect(proposals).to.deep.equal([
      ['arena-1', 'arena-2'],
      ['gate-1', 'gate-2'],
      ['most_players'],
    ]);
  });

  it('prints the output in the guide of the client', async () => {
    const shown = new Document('client/README.md').commands('kelpie transfer');
    expect(shown).to.have.length(3);
    for (const { command, output } of shown) {
      const printed = await run(`npx ${command}`, { KELPIE_ENDPOINTS: kelpied.endpoint });
      expect(printed, command).to.equal(output);
    }
  });
});
