/**
 * The law of presence, of real clients: streams break, and proxies and coordinators stop in any way. Once nothing
 * changes any more, the players of a proxy's plugin, of its client, of the table and of every roster are the same, and
 * no player is in twice.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { ConnectRequest } from '../../../gen/ts/kelpie/v1/session_service.js';
import { faults, kind, weighed } from '../../support/model/sdk-steps.js';
import { NOTHING_LEFT, type Process, SdkWorld } from '../../support/model/sdk-world.js';
import { inSoak } from '../../support/soak.js';

const PROXIES = 2;
const PLAYERS = 3;
const PLACES = 2;
const SERVERS = ['lobby', 'bedwars'] as const;
/** A little longer than the grant of a login holds. */
const LAPSE_MS = 65_000;

const proxy = fc.nat({ max: PROXIES - 1 });
const who = fc.nat({ max: PLAYERS - 1 });
const server = fc.constantFrom(...SERVERS, '');
const steps = fc.array(
  fc.oneof(
    weighed(10, {
      kind: kind('login'),
      proxy,
      who,
      server,
      policy: fc.constantFrom('DENY_NEW' as const, 'KICK_OLD' as const, 'VERIFY_OLD' as const),
    }),
    weighed(4, { kind: kind('quit'), proxy, who }),
    weighed(4, { kind: kind('move'), proxy, who, server }),
    weighed(1, { kind: kind('crash'), proxy }),
    ...faults(PLACES),
  ),
  { minLength: 15, maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;
type Login = Extract<Step, { kind: 'login' }>;

const login = { kind: 'login', who: 0, server: 'lobby' } as const;
const up = { kind: 'deliver', stream: 0, direction: 'up', count: 1 } as const;
/** The grant of an older stream comes after the list of a newer one has brought the player in. */
const LATE_GRANT: Step[] = [
  { kind: 'drain', place: 0 },
  { ...login, proxy: 0, policy: 'DENY_NEW' },
  { kind: 'flow' },
  { kind: 'flow' },
  { ...login, proxy: 0, policy: 'DENY_NEW' },
  ...[up, up, { kind: 'drain', place: 0 } as const, up],
  { kind: 'cut', stream: 0, noticed: 'both' },
  { ...login, proxy: 1, policy: 'KICK_OLD' },
  { ...login, proxy: 0, policy: 'DENY_NEW' },
  { kind: 'pass', ms: 3000 },
  ...[{ kind: 'drain', place: 0 } as const, { kind: 'drain', place: 0 } as const, up],
];

function idOf(index: number): string {
  return `253540000000000${index}`;
}

/** A proxy and its plugin, which has the open connections of its players. */
class Gate {
  readonly name: string;
  readonly #world: SdkWorld;
  process: Process;
  /** The server of each player. */
  guests = new Map<string, string>();
  #logins = new Set<string>();

  constructor(world: SdkWorld, name: string) {
    this.#world = world;
    this.name = name;
    this.process = this.#begin();
  }

  #begin(): Process {
    // Only this process: an eviction for an older one does not concern the next.
    const guests = (this.guests = new Map());
    const logins = (this.#logins = new Set());
    return this.#world.connect({
      name: this.name,
      role: 'PROXY',
      players: {
        onEvicted: ({ id }) => guests.delete(id),
        verify: (id) => ({ connected: guests.has(id) || logins.has(id) }),
      },
      roster: { players: true },
    });
  }

  crash(): void {
    this.#world.crash(this.process);
    this.process = this.#begin();
  }

  login({ who, server, policy }: Login): void {
    const { guests } = this;
    const logins = this.#logins;
    const id = idOf(who);
    if (guests.has(id) || logins.has(id)) return;
    logins.add(id);
    const { players } = this.process.client;
    const facts = { xuid: id, name: `Player ${who}` };
    players.acquire(facts, { policy }).then(
      ({ granted }) => {
        if (!logins.delete(id) || !granted) return;
        guests.set(id, server);
        players.joined({ ...facts, server }).catch((error: unknown) => {
          const { reason } = error as { reason: string };
          if (reason !== 'NODE_NOT_FOUND') guests.delete(id);
        });
      },
      () => logins.delete(id),
    );
  }

  quit(who: number): void {
    const id = idOf(who);
    const { players } = this.process.client;
    if (this.guests.delete(id)) players.left(id).catch(() => undefined);
    else if (this.#logins.delete(id)) players.release(id).catch(() => undefined);
  }

  move(who: number, server: string): void {
    const id = idOf(who);
    if (!this.guests.has(id)) return;
    this.guests.set(id, server);
    this.process.client.players.moved(id, server).catch(() => undefined);
  }

  get held(): { id: string; proxy: string }[] {
    return [...this.guests.keys()].map((id) => ({ id, proxy: this.name }));
  }
}

async function take(world: SdkWorld, gates: Gate[], one: Step): Promise<void> {
  const gate = 'proxy' in one ? gates[one.proxy] : undefined;
  switch (one.kind) {
    case 'login':
      return gate?.login(one);
    case 'quit':
      return gate?.quit(one.who);
    case 'move':
      return gate?.move(one.who, one.server);
    case 'crash':
      return gate?.crash();
    default:
      return world.take(one);
  }
}

function check(world: SdkWorld, gates: Gate[], processes: Process[]): number {
  const { playerRows } = world.town;
  const rows = [...playerRows.entries()].map(([, value]) => value);
  expect(rows.filter(({ loggingIn }) => loggingIn)).to.deep.equal([]);
  const table = rows.map(({ player }) => shown(player));
  for (const { name, guests, process } of gates) {
    const { players } = process.client;
    const row = Array.from({ length: PLAYERS }, (_, index) => players.get(idOf(index)));
    const ids = row.flatMap((player) => player?.id ?? []);
    expect(ids, 'what the client holds is what the plugin has').to.have.members([...guests.keys()]);
    const its = table.filter((player) => player.proxy === name);
    const said = row
      .filter((player) => player !== undefined)
      .map(({ id, server }) => ({ id, proxy: name, server }));
    expect(said, 'the list of the client equals the table').to.have.deep.members(its);
  }
  const proxies = gates.flatMap(({ held }) => held);
  expect(table.map(({ id, proxy }) => ({ id, proxy }))).to.have.deep.members(proxies);
  for (const { client } of processes) {
    expect(client.roster.players().map(shown), 'a roster is the table').to.have.deep.members(table);
  }
  return table.length;
}

function shown({ id, proxy, server }: Player) {
  return { id, proxy, server };
}

function withoutDigest({ frames }: ConnectRequest): ConnectRequest {
  return {
    frames: frames.map(({ requestId, frame }) => {
      if (frame?.$case !== 'heartbeat') return { requestId, frame };
      const value = { ...frame.value, presence: undefined };
      return { requestId, frame: { $case: 'heartbeat', value } };
    }),
  };
}

describe('the presence of real clients', () => {
  it('is the same on all sides once nothing changes any more', async () => {
    const numRuns = inSoak(3000, 60);
    let online = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(2), fc.boolean(), async (plan, turns, digests) => {
        // The digest of a heartbeat repairs the remaining differences.
        const pass = digests ? undefined : withoutDigest;
        const world = await SdkWorld.open(PLACES, { turns: () => turns, ...(pass && { pass }) });
        const roster = { players: true };
        const servers = SERVERS.map((name) => world.connect({ name, role: 'DOWNSTREAM', roster }));
        const gates = ['gate-0', 'gate-1'].map((name) => new Gate(world, name));
        await world.flow();
        for (const one of plan) await take(world, gates, one);
        await world.quiet();
        await world.pass(LAPSE_MS, 2500);
        online += check(world, gates, [...servers, ...gates.map(({ process }) => process)]);
        expect(await world.close()).to.deep.equal(NOTHING_LEFT);
      }),
      { numRuns, examples: [[LATE_GRANT, 0, false]] },
    );
    expect(online, 'players were online').to.be.above(numRuns / 4);
  }).timeout(inSoak(600_000, 60_000));
});
