/** Settles what a proxy has with what the table says it has. */
import { PlayerLeaveReason, type Player } from '../../gen/ts/kelpie/v1/player.js';
import type { SyncPlayers } from '../../gen/ts/kelpie/v1/presence.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from './network.js';
import { endDraft, isHeld } from './player-ends.js';
import { idOf, playerOf } from './player-facts.js';
import { Change, type Verdict } from './player-reports.js';
import type { Reported } from './player-reporting.js';
import type { Held } from './player-table.js';
import { commitWrites, contested, type PlayerWrite, writeOf } from './player-writes.js';
import { checkRoom, grantDrafts, type Holder, isOwn, staleHolder } from './players.js';

/** What a part of a list got. */
export interface Synced {
  readonly results: readonly Reported[];
  /** Ids of players whom the proxy must kick. */
  readonly kicked: readonly string[];
}

const ATTEMPTS = 8;

/** Takes a part of a list. Throws STALE_GENERATION if the session does not own its node any more. */
export async function sync(network: Network, holder: Holder, part: SyncPlayers): Promise<Synced> {
  const fence = network.tables.fence(holder.name, holder.generation);
  const granted = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS;) {
    const plan = new Plan(network, holder, part, granted);
    const grants = plan.grants.length > 0;
    const written = await commitWrites(network, fence, grants ? plan.grants : plan.writes);
    if (written === 'stale') throw staleHolder(holder);
    if (written === 'changed') attempt += 1;
    else if (!grants) return plan;
  }
  throw contested();
}

/** What is to be done about a part, as the table is now. */
class Plan implements Synced {
  readonly #results = new Map<string, Reported>();
  readonly kicked: string[] = [];
  /** First: players who must be given to the proxy. */
  readonly grants: PlayerWrite[] = [];
  /** Then, when all are its own: what differs. */
  readonly writes: PlayerWrite[] = [];
  readonly #network: Network;
  readonly #holder: Holder;
  readonly #asOf: number;
  readonly #granted: Set<string>;

  constructor(network: Network, holder: Holder, part: SyncPlayers, granted: Set<string>) {
    this.#network = network;
    this.#holder = holder;
    // What was granted on a stream before this one can be told no more: the list knows better.
    this.#asOf = Math.max(part.asOf, holder.generation);
    this.#granted = granted;
    const told = new Set<string>();
    for (const player of part.players) {
      const id = this.#idOf(player);
      if (id === undefined || told.has(id)) continue;
      told.add(id);
      this.#settle(id, player);
    }
    for (const id of network.players.byHolder.get(holder.name)) {
      if (!told.has(id) && id > part.afterId && (part.upToId === '' || id <= part.upToId))
        this.#leave(id);
    }
  }

  get results(): Reported[] {
    return [...this.#results.values()];
  }

  #idOf(player: Player): string | undefined {
    return this.#attempt(player.id, () => idOf(player));
  }

  #settle(id: string, said: Player): void {
    const held = this.#network.players.get(id)?.value;
    const lives = held && isHeld(this.#network, held);
    if (lives && isOwn(this.#holder, held)) this.#update(id, said, held);
    // Granted once already: somebody else was given him since.
    else if (this.#granted.has(id)) this.kicked.push(id);
    // A login that the proxy got no grant for, or in another history, is taken for the newer one.
    else if (!lives || said.generation === 0 || said.generation > held.generation)
      this.#grant(id, said, held);
    else this.kicked.push(id);
  }

  #grant(id: string, said: Player, held: Held | undefined): void {
    const { name: proxy, instance } = this.#holder;
    this.#attempt(id, () => {
      if (!held) checkRoom(this.#network, this.grants.length);
      const player = playerOf(said, {
        proxy,
        server: '',
        serverUnregistered: false,
        generation: 0,
        joinTime: undefined,
      });
      const drafts = grantDrafts(this.#network, held, player, instance);
      this.grants.push(writeOf(this.#network.players, id, drafts));
      this.#granted.add(id);
    });
  }

  #update(id: string, said: Player, held: Held): void {
    const { generation } = held;
    this.#results.set(id, { id, generation });
    // A login that began after the list was made: what the list says is of the one before.
    if (this.#isLater(id, held) && said.generation !== generation) return;
    const change = new Change(this.#network, held);
    const verdict = this.#attempt(id, () => change.join(said)) ?? this.#without(id, said, change);
    if (verdict?.kind === 'write') this.#write(id, verdict);
  }

  /** He is there, whatever is wrong with the server that is named. */
  #without(id: string, said: Player, change: Change): Verdict | undefined {
    return this.#attempt(id, () => change.join({ ...said, server: '' }));
  }

  #leave(id: string): void {
    const held = this.#network.players.get(id)?.value;
    if (!held || this.#isLater(id, held)) return;
    const draft = endDraft(this.#network, held, PlayerLeaveReason.SYNC);
    this.writes.push(writeOf(this.#network.players, id, [draft]));
  }

  #isLater(id: string, { generation }: Held): boolean {
    return generation > this.#asOf && !this.#granted.has(id);
  }

  #write(id: string, { draft }: Verdict & { kind: 'write' }): void {
    this.writes.push(writeOf(this.#network.players, id, [draft]));
  }

  /** What cannot be is told beside its player, whom the proxy then holds if it held him before. */
  #attempt<T>(id: string, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof KelpieError)) throw error;
      const generation = this.#results.get(id)?.generation ?? 0;
      this.#results.set(id, { id, generation, error });
      return undefined;
    }
  }
}
