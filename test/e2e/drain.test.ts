/** Drains on a real kelpied, with proxies and servers that carry out transfers. */
import { expect } from 'chai';
import {
  type Api,
  apiAt,
  type DrainCallOptions,
  type DrainProgress,
} from '../../client/api/index.js';
import { KelpieError } from '../../client/index.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpie, startKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { type FakeProxy, sayNothing } from '../support/transfers/fake-proxy.js';
import { Document } from '../docs/document.js';
import { rejectionOf } from '../support/thrown.js';

/** Fast enough that the tests do not wait for the rate. */
const FAST = { playersPerSecond: 500 };

describe('a drain on a real kelpied', () => {
  let folder: string;
  let kelpied: Kelpied;
  let api: Api;
  let network: FakeNetwork;
  let proxy: FakeProxy;
  let first = 0;

  const start = async (port = 0): Promise<void> => {
    kelpied = await startKelpied(['--port', String(port), '--data', folder], folder);
    api = apiAt(kelpied.endpoint);
  };

  before(() => {
    folder = dataFolder();
    return start();
  });
  after(async () => {
    api.close();
    await kelpied.stop();
    removeDataFolders();
  });

  beforeEach(async () => {
    network = new FakeNetwork({ endpoints: kelpied.endpoint });
    proxy = await network.proxy('gate');
  });
  afterEach(async () => {
    await network.close();
    await once(async () => (await api.nodes.list()).nodes.length === 0);
    for (const name of ['old', 'lobby', 'gate', 'gate-2'])
      await api.nodes.cancelDrain(name).catch(() => undefined);
  });

  /** So many players join, and are on the server. Returns their ids. */
  const bring = async (count: number, server: string): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => String((first += 1)));
    for (const xuid of ids) await proxy.bring({ xuid, name: `Player ${xuid}` }, server);
    return ids;
  };

  const placesOf = async (ids: readonly string[]): Promise<string[]> => {
    const places = await Promise.all(ids.map((id) => api.players.get({ id })));
    return places.map((one) => `${one.proxy} ${one.server}`);
  };

  const drained = async (
    name: string,
    options: DrainCallOptions = FAST,
  ): Promise<DrainProgress[]> => {
    const all: DrainProgress[] = [];
    for await (const progress of api.nodes.drain(name, options)) all.push(progress);
    return all;
  };

  const stateOf = async (name: string) => {
    const { state, lastState, drained: isDrained } = await api.nodes.get(name);
    return [state, lastState, isDrained];
  };

  it('of a server moves its players where the rules say, and keeps new players away until it is cancelled', async () => {
    await network.server('old');
    await network.server('lobby');
    const ids = await bring(5, 'old');
    const all = await drained('OLD');
    expect(all[0]).to.include({ stage: 'MOVING', playersLeft: 5, playersMoved: 0 });
    expect(all.at(-1)).to.include({ stage: 'EMPTY', playersLeft: 0, playersMoved: 5 });
    expect(await placesOf(ids)).to.deep.equal(Array(5).fill('gate lobby'));
    expect(await stateOf('old')).to.deep.equal(['DRAINING', 'READY', true]);
    const [id = ''] = ids;
    const refused = await rejectionOf(KelpieError, refusal(api, id, 'old'));
    expect(refused.reason).to.equal('SERVER_DRAINING');
    expect(refused.message).to.match(/an operator drains it.*kelpie drain old --cancel$/);
    expect(await api.nodes.cancelDrain('old')).to.include({ state: 'READY', drained: false });
    await refusal(api, id, 'old');
    expect(await placesOf([id])).to.deep.equal(['gate old']);
  });

  it('of a proxy moves its players to another proxy, and they stay on their servers', async () => {
    await network.server('lobby');
    // The game is full.
    await network.server('game', {}, { maxPlayers: 2 });
    const other = await network.proxy('gate-2');
    // Players may be on a server that takes nobody.
    await network.server('old');
    await drained('old');
    const ids = [
      ...(await bring(2, 'game')),
      ...(await bring(1, 'lobby')),
      ...(await bring(1, 'old')),
    ];
    const all = await drained('gate');
    expect(all.at(-1)).to.include({ stage: 'EMPTY', playersMoved: 4, transfersFailed: 0 });
    expect(other.client.players.size).to.equal(4);
    const places = await placesOf(ids);
    expect(places.slice(0, 3)).to.deep.equal(['gate-2 game', 'gate-2 game', 'gate-2 lobby']);
    const named = other.tickets.map(({ server }) => server);
    expect(named).to.have.members(['game', 'game', 'lobby', '']);
  });

  it('of the only lobby fails with the reason, and leaves the players there when its deadline passes', async () => {
    await network.server('lobby');
    const ids = await bring(2, 'lobby');
    const all = await drained('lobby', { ...FAST, deadlineMs: 1500 });
    const last = all.at(-1);
    expect(last).to.include({ stage: 'DEADLINE_PASSED', playersLeft: 2, playersMoved: 0 });
    expect(last?.lastError?.reason).to.equal('NO_TARGET');
    expect(last?.transfersFailed).to.be.at.least(2);
    expect(await placesOf(ids)).to.deep.equal(['gate lobby', 'gate lobby']);
    expect(await stateOf('lobby')).to.deep.equal(['DRAINING', 'READY', true]);
  });

  it('goes on after SIGKILL of kelpied, and the node is drained when it is back', async () => {
    await network.server('old');
    await bring(3, 'old');
    proxy.moves = sayNothing;
    for await (const { playersLeft } of api.nodes.drain('old', FAST)) {
      expect(playersLeft).to.equal(3);
      break;
    }
    await network.server('lobby');
    proxy.moves = (asked) => proxy.carryOut(asked);
    const { port } = kelpied;
    await kelpied.kill();
    api.close();
    await start(port);
    await once(async () => (await api.players.list({ server: 'lobby' })).players.length === 3);
    expect(await stateOf('old')).to.deep.equal(['DRAINING', 'READY', true]);
  });

  it('stays with the name: the next process joins as a drained node', async () => {
    const server = await network.server('old');
    const all = await drained('old');
    expect(all.at(-1)?.stage).to.equal('EMPTY');
    await server.client.close();
    await once(async () => (await api.nodes.list()).nodes.every(({ name }) => name !== 'old'));
    await network.server('old', {}, { state: 'STARTING' });
    expect(await stateOf('old')).to.deep.equal(['DRAINING', 'STARTING', true]);
  });

  it('ends when the node leaves, and for each of its callers', async () => {
    const server = await network.server('old');
    await bring(2, 'old');
    const both = [drained('old'), drained('old', { ...FAST, deadlineMs: 60_000 })];
    await once(async () => (await api.nodes.get('old')).drained);
    await server.client.close();
    for (const all of await Promise.all(both)) expect(all.at(-1)?.stage).to.equal('NODE_LEFT');
  });

  it('ends with DRAINING for its caller when kelpied stops', async () => {
    await network.server('old');
    await bring(1, 'old');
    const ended = rejectionOf(KelpieError, drained('old'));
    await once(async () => (await api.nodes.get('old')).drained);
    const { port } = kelpied;
    const stopped = kelpied.stop();
    expect((await ended).reason).to.be.oneOf(['DRAINING', 'UNAVAILABLE']);
    expect(await stopped).to.equal(0);
    api.close();
    await start(port);
    await network.back();
  });

  describe('by kelpie drain', () => {
    const kelpie = (...args: string[]) => runKelpie(['drain', ...args], kelpied.endpoint);

    it('returns at once and names the next commands; --wait shows the progress to the end; --cancel', async () => {
      await network.server('old');
      await network.server('lobby');
      await bring(4, 'old');
      const begun = await kelpie('OLD', '--rate', '0.01/s', '--to', 'lobby');
      expect(begun).to.deep.include({ code: 0, errors: '' });
      expect(begun.output.split('\n')).to.deep.equal([
        'Draining old: 4 players left.',
        'Follow it: the same command with --wait. Cancel it: kelpie drain old --cancel',
      ]);
      const nodes = await runKelpie(['nodes', '--state', 'draining'], kelpied.endpoint);
      expect(nodes.output).to.match(/old +DOWNSTREAM +DRAINING \(drained\)/);
      const waited = await kelpie('old', '--rate', '500/s', '--wait');
      expect(waited.code).to.equal(0);
      expect(waited.output).to.match(/^old: \d moved, \d left/);
      expect(waited.output).to.match(/^old is empty: 4 players moved\.$/m);
      const cancelled = await kelpie('old', '--cancel');
      expect(cancelled.output).to.equal('old is not drained: it is READY.');
      const nobody = await kelpie('olt', '--cancel');
      expect(nobody.code).to.equal(1);
      expect(nobody.errors).to.match(/did you mean old\?/);
    });

    it('prints the output in the guide of the client', async () => {
      await network.server('lobby-1');
      await network.server('lobby-2');
      await bring(3, 'lobby-1');
      const shown = new Document('client/README.md').commands('kelpie drain');
      expect(shown).to.have.length(2);
      for (const { command, output } of shown) {
        const printed = await runKelpie(command.split(' ').slice(1), kelpied.endpoint);
        expect(printed.output, command).to.equal(output.trimEnd());
      }
    });

    it('is in the history, with what the node says of itself meanwhile', async () => {
      const { client } = await network.server('old');
      await drained('old');
      await client.update({ state: 'DRAINING' });
      await api.nodes.cancelDrain('old');
      const { output } = await runKelpie(['history', 'old'], kelpied.endpoint);
      // Earlier drains of the name are before these.
      expect(output.match(/changed: .*/g)?.slice(-3)).to.deep.equal([
        'changed: state READY → DRAINING, drained - → yes',
        'changed: own state READY → DRAINING',
        'changed: drained yes → -, own state DRAINING → -',
      ]);
    });

    it('is completed with the nodes, and the destinations', async () => {
      await network.server('old');
      const propose = (line: string) => runKelpie(['complete-line', line], kelpied.endpoint);
      expect((await propose('kelpie drain o')).output).to.equal('old');
      expect((await propose('kelpie drain old --proxy ga')).output).to.equal('gate');
    });

    it('fails when the deadline passes, and gives JSON a line for each progress', async () => {
      await network.server('lobby');
      await bring(1, 'lobby');
      const late = await kelpie('lobby', '--deadline', '1s', '--wait');
      expect(late.code).to.equal(1);
      const why =
        'no routing rule has an open server for the player; explain it: ' +
        'kelpie routing explain --for fallback --reason drain --from lobby (NO_TARGET)';
      expect(late.errors.trimEnd(), 'while it runs').to.equal(`kelpie: ${why}`);
      expect(late.output.split('\n').slice(-2)).to.deep.equal([
        `The deadline has passed: 1 player left on lobby, 0 players moved. The last transfer that failed: ${why}`,
        'It stays DRAINING, also after a restart, until kelpie drain lobby --cancel',
      ]);
      const [, proposed = ''] = /kelpie (routing .+) \(/.exec(why) ?? [];
      const explained = await runKelpie(proposed.split(' '), kelpied.endpoint);
      expect(explained.output).to.match(/lobby .*the player comes from it/);
      const json = await kelpie('lobby', '--deadline', '1s', '--wait', '--json');
      const stages = json.output
        .split('\n')
        .map((line) => (JSON.parse(line) as { stage: string }).stage);
      expect(stages[0]).to.equal('DRAIN_STAGE_MOVING');
      expect(stages.at(-1)).to.equal('DRAIN_STAGE_DEADLINE_PASSED');
      expect(json.code).to.equal(1);
    });

    it('goes on after Ctrl+C, which says so', async () => {
      await network.server('old');
      await bring(1, 'old');
      const waiting = startKelpie(['drain', 'old', '--wait'], kelpied.endpoint);
      await waiting.line(/1 left/);
      expect(await waiting.stop('SIGINT')).to.equal(1);
      expect(waiting.errors()).to.include(
        'the drain of old goes on; cancel it: kelpie drain old --cancel',
      );
      expect(await stateOf('old')).to.deep.equal(['DRAINING', 'READY', true]);
    });

    it('refuses what it cannot mean', async () => {
      await network.server('old');
      const refusals = [
        [['old', '--rate', '-1'], /5\/s: above 0, at most 1000/],
        [['old', '--deadline', '25h'], /deadlineMs is 90000000.*OUT_OF_RANGE/],
        [['old', '--cancel', '--wait'], /--cancel goes with none/],
        [['old', '--to', 'old'], /the node to empty.*OUT_OF_RANGE/],
        [['old', '--proxy', 'gate-9'], /NODE_NOT_FOUND/],
      ] as const;
      await Promise.all(
        refusals.map(async ([args, error]) => {
          const left = await kelpie(...args);
          expect(left.code, args.join(' ')).to.be.oneOf([1, 2]);
          expect(left.errors, args.join(' ')).to.match(error);
        }),
      );
      expect(await stateOf('old')).to.deep.equal(['READY', undefined, false]);
    });
  });
});

/** Resolves once the coordinator answers so. */
async function once(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves one player; rejects if they do not arrive. */
async function refusal(api: Api, id: string, server: string): Promise<void> {
  for await (const { stage } of api.players.transfer({ player: { id } }, { server })) {
    expect(stage).to.not.equal('UNKNOWN');
  }
}
