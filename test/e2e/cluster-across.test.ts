/** The work that several coordinators on one real Redis share. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { connect, type ConnectOptions, type KelpieClient } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { runKelpie } from '../support/process/cli.js';
import { RedisServer } from '../support/redis/redis-server.js';
import type { Frame } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const PLAYERS = 1000;

describe('coordinators on one Redis', () => {
  let redis: RedisServer;
  let first: Coordinator;
  let second: Coordinator;
  const clients: KelpieClient[] = [];
  const wires: Wire[] = [];

  before(async () => {
    redis = await RedisServer.start();
    [first, second] = await Promise.all([start(), start()]);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    const open = wires.splice(0);
    await Promise.all(open.map((wire) => wire.leave()));
    for (const wire of open) wire.close();
  });
  after(async () => {
    await Promise.all([first.stop(), second.stop()]);
    await redis.stop();
  });

  function start(): Promise<Coordinator> {
    return startCoordinator({ journal: 'redis', redis: { url: redis.url }, port: 0 });
  }

  function join(name: string, at: Coordinator, options: Partial<ConnectOptions> = {}) {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: at.endpoint, ...options });
    clients.push(client);
    return client;
  }

  function wireTo({ endpoint }: Coordinator): Wire {
    const wire = new Wire(endpoint);
    wires.push(wire);
    return wire;
  }

  it('carry commands and their answers to each other', async () => {
    const lobby = join('lobby', second);
    lobby.handle('echo', (content) => content);
    const asker = join('asker', first);
    await Promise.all([lobby.ready(), asker.ready()]);
    await eventually(() => asker.roster.node('lobby') !== undefined);
    expect(await asker.call({ node: 'lobby' }, 'echo', 'hello', { timeoutMs: 10_000 })).to.equal(
      'hello',
    );
  });

  it('kick and show each other’s players, whoever is asked', async () => {
    const gate = await WireNode.proxy(wireTo(second), 'gate');
    await gate.bring({ xuid: '1', name: 'Steve' });
    await eventually(async () => (await runKelpie(['find', 'Steve'], first.endpoint)).code === 0);
    const said = await runKelpie(['say', 'hello', '--player', 'Steve'], first.endpoint);
    expect(said.errors).to.equal('');
    const kicked = await runKelpie(['kick', 'Steve'], first.endpoint);
    expect([said.code, kicked.code]).to.deep.equal([0, 0]);
    expect(gate.asked.map(({ form }) => form)).to.deep.equal(['show_message', 'kick_players']);
  });

  it('are listed by each of them', async () => {
    for (const { endpoint, id } of [first, second]) {
      const { output, code } = await runKelpie(['coordinators'], endpoint);
      expect(code).to.equal(0);
      expect(output).to.match(/^COORDINATOR +ENDPOINT +VERSION +SESSIONS +BEHIND +STATE$/m);
      expect(output).to.include(first.endpoint).and.to.include(second.endpoint);
      expect(output).to.match(new RegExp(`^${id}.* serving, this one$`, 'm'));
    }
    const { output } = await runKelpie(['coordinators', '--json'], first.endpoint);
    const ids = output.split('\n').map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids).to.deep.equal([first.id, second.id].sort());
  });

  for (const policy of ['KICK_OLD', 'DENY_NEW'] as const) {
    it(`give each of ${PLAYERS} players to one of two proxies that race for all: ${policy}`, async () => {
      const racers = await Promise.all([
        Racer.join(wireTo(first), `left-${policy.toLowerCase()}`),
        Racer.join(wireTo(second), `right-${policy.toLowerCase()}`),
      ]);
      await Promise.all(racers.map((racer) => racer.race(policy)));
      // A proxy that lost a player gets an eviction, after its grant.
      await eventually(() => held(racers).length === PLAYERS);
      expect(new Set(held(racers)).size, 'each has one owner').to.equal(PLAYERS);
      console.log(`      ${racers.map(({ held: { size } }) => size).join(' and ')} players`);
      for (const racer of racers) racer.joined();
      const owners = racers.flatMap(({ name, held }) => [...held.keys()].map((id) => [id, name]));
      const expected = new Map(owners as [string, string][]);
      for (const { endpoint } of [first, second]) {
        await eventually(async () => (await listed(endpoint)).size === PLAYERS);
        const wrong = [...(await listed(endpoint))].filter(
          ([id, proxy]) => expected.get(id) !== proxy,
        );
        expect(wrong).to.deep.equal([]);
      }
    }).timeout(60_000);
  }
});

/** The ids of the players whom these proxies hold. */
function held(racers: readonly Racer[]): string[] {
  return racers.flatMap((racer) => [...racer.held.keys()]);
}

/** A proxy that acquires very many players at once. */
class Racer {
  readonly name: string;
  /** The generations of the players that it was granted and that were not taken from it. */
  readonly held = new Map<string, number>();
  #stream: Awaited<ReturnType<Wire['join']>>['stream'] | undefined;
  #answers = 0;

  private constructor(name: string) {
    this.name = name;
  }

  static async join(wire: Wire, name: string): Promise<Racer> {
    const racer = new Racer(name);
    racer.#stream = (await wire.join(name, { role: 'NODE_ROLE_PROXY' })).stream;
    void racer.#read();
    return racer;
  }

  async #read(): Promise<void> {
    for (;;) {
      const frame = await this.#stream?.any().catch(() => undefined);
      if (!frame) return;
      this.#take(frame);
    }
  }

  #take({ player_acquired: acquired, player_evicted: evicted, ...frame }: Frame): void {
    if (frame.frame === 'heartbeat_requested') this.#stream?.send({ heartbeat: {} });
    if (acquired) {
      this.#answers += 1;
      if (acquired.generation) this.held.set(acquired.player_id, acquired.generation);
    }
    if (evicted && this.held.get(evicted.player_id) === evicted.generation) {
      this.held.delete(evicted.player_id);
    }
  }

  /** Acquires all players, and resolves when all answers are there. */
  async race(policy: string): Promise<void> {
    for (let number = 0; number < PLAYERS; number++) {
      const player = { xuid: String(5000 + number), name: `Player ${number}` };
      this.#stream?.send({
        request_id: number + 1,
        acquire_player: { player, policy: `DUPLICATE_POLICY_${policy}` },
      });
    }
    await eventually(() => this.#answers === PLAYERS);
  }

  /** Reports that all its players have joined. */
  joined(): void {
    const reports = Array.from(this.held, ([player_id, generation]) => ({
      ...{ player_id, generation },
      joined: { xuid: player_id, name: `Player ${Number(player_id) - 5000}` },
    }));
    for (let part = 0; part < reports.length; part += 200) {
      this.#stream?.send({ report_players: { reports: reports.slice(part, part + 200) } });
    }
  }
}

/** The proxies of all players, by their ids, as a coordinator lists them. */
async function listed(endpoint: string): Promise<Map<string, string>> {
  const { output } = await runKelpie(['players', '--json'], endpoint);
  const lines = output.split('\n').filter((line) => line !== '');
  const players = lines.map((line) => JSON.parse(line) as { id: string; proxy: string });
  return new Map(
    players
      .sort((left, right) => Number(left.id) - Number(right.id))
      .map(({ id, proxy }) => [id, proxy]),
  );
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error('waited in vain');
    await pause(10);
  }
}
