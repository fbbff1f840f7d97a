/**
 * Who holds a player: one process of one proxy at a time, by a grant whose sequence fences all that is
 * said of him later. A grant is not a join; one that is not followed by a join lapses.
 */
import { DuplicatePolicy, type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Cancel } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { KelpieError } from '../core/errors.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from './network.js';
import { endDraft, isHeld } from './player-ends.js';
import { playerNotFound, playerOf } from './player-facts.js';
import type { Held } from './player-table.js';
import { commitWrites, writeOf } from './player-writes.js';

/** A proxy's session. */
export interface Holder {
  readonly name: string;
  readonly instance: Uint8Array;
  /** The fencing token of the session. */
  readonly generation: number;
}

/** Asks the proxy that holds a player whether he is really there. Its session answers, above this layer. */
export type Verify = (held: Held) => Promise<boolean>;

/** What a login got: a generation, or the player as he is held elsewhere. */
export type Acquired =
  | { readonly kind: 'granted'; readonly id: string; readonly generation: number }
  | { readonly kind: 'denied'; readonly holder: Player };

type Decision =
  | { readonly kind: 'grant' }
  | { readonly kind: 'deny'; readonly holder: Player }
  | { readonly kind: 'verify'; readonly held: Held };

/** Logins that fight for a player are decided by the journal; nobody loses this often. */
const ATTEMPTS = 8;
/** When a lapse is tried again that the journal could not tell. */
const RETRY_MS = 1000;

export class Players {
  readonly #network: Network;
  readonly #lapses = new Map<string, Cancel>();
  /** Logins of one player, one after another; those of others do not wait. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Questions under way, by the generation that they are about. */
  readonly #questions = new Map<number, Promise<boolean>>();
  #closed = false;

  constructor(network: Network) {
    this.#network = network;
    network.players.watch((id, after) => this.#follow(id, after));
    for (const [id, { value }] of network.players.entries()) this.#follow(id, value);
  }

  /**
   * Gives a player to a proxy for his login, or denies it. Throws PLAYER_INVALID, LABELS_INVALID,
   * TEXT_TOO_LONG, PLAYER_LIMIT or STALE_GENERATION.
   */
  async acquire(
    holder: Holder,
    said: Player,
    policy: DuplicatePolicy,
    verify: Verify,
  ): Promise<Acquired> {
    const place = {
      proxy: holder.name,
      server: '',
      serverUnregistered: false,
      generation: 0,
      joinTime: undefined,
    };
    const player = playerOf(said, place);
    const { id } = player;
    const judge = new Judge(this.#network, holder, policy);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const met = await this.#inTurn(id, () => this.#try(holder, player, judge));
      if (met === undefined) continue;
      if (met.kind !== 'verify') return met;
      if (await this.#ask(met.held, verify)) return { kind: 'denied', holder: met.held.player };
      judge.gone = met.held.generation;
    }
    throw new KelpieError(
      'OUTCOME_UNKNOWN',
      'too many logins of the player at once; try again',
      {},
      { retryAfterMs: 1000 },
    );
  }

  /** Undefined: somebody else was faster. */
  async #try(holder: Holder, player: Player, judge: Judge) {
    const { players, tables } = this.#network;
    const { id } = player;
    const held = players.get(id)?.value;
    const decision = judge.decide(held);
    if (decision.kind === 'verify') return decision;
    if (decision.kind === 'deny') return { kind: 'denied', holder: decision.holder } as const;
    if (!held) checkRoom(this.#network);
    const fence = tables.fence(holder.name, holder.generation);
    const drafts = grantDrafts(this.#network, held, player, holder.instance);
    const written = await commitWrites(this.#network, fence, [writeOf(players, id, drafts)]);
    if (written === 'stale') throw staleHolder(holder);
    const granted = players.get(id)?.value;
    if (written === 'changed' || !granted) return undefined;
    return { kind: 'granted', id, generation: granted.generation } as const;
  }

  /** Ends what a proxy holds of a player, in its own name. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
  async release(holder: Holder, id: string, generation: number): Promise<void> {
    const { players, tables } = this.#network;
    for (;;) {
      const held = heldBy(this.#network, holder, id, generation);
      const draft = endDraft(this.#network, held, PlayerLeaveReason.QUIT);
      const fence = tables.fence(holder.name, holder.generation);
      const written = await commitWrites(this.#network, fence, [writeOf(players, id, [draft])]);
      if (written === 'stored') return;
      if (written === 'stale') throw staleHolder(holder);
    }
  }

  #ask(held: Held, verify: Verify): Promise<boolean> {
    const { generation } = held;
    let question = this.#questions.get(generation);
    if (!question) {
      question = verify(held).finally(() => this.#questions.delete(generation));
      this.#questions.set(generation, question);
    }
    return question;
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    this.#turns.set(id, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === settled) this.#turns.delete(id);
    }
  }

  #follow(id: string, after: Held | undefined): void {
    this.#lapses.get(id)?.();
    this.#lapses.delete(id);
    if (after?.loggingIn) this.#lapseAfter(this.#network.options.times.loginMs, id, after);
  }

  #lapseAfter(delayMs: number, id: string, held: Held): void {
    if (this.#closed) return;
    const lapse = (): void => {
      this.#lapses.delete(id);
      this.#lapse(id, held).catch((error: unknown) => {
        this.#network.options.onFault(error);
        if (!this.#lapses.has(id)) this.#lapseAfter(RETRY_MS, id, held);
      });
    };
    this.#lapses.set(id, this.#network.options.clock.after(delayMs, lapse));
  }

  async #lapse(id: string, held: Held): Promise<void> {
    const { players } = this.#network;
    // Another login, or a join: its own time runs, or none.
    if (players.get(id)?.value !== held) return;
    const draft = endDraft(this.#network, held, PlayerLeaveReason.LAPSED);
    await commitWrites(this.#network, undefined, [writeOf(players, id, [draft])]);
  }

  /** Logins whose time runs, and what is under way for them. */
  get pending(): number {
    return this.#lapses.size + this.#turns.size + this.#questions.size;
  }

  /** Stops all timers, for ever. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#lapses.values()) cancel();
    this.#lapses.clear();
  }
}

/** Judges one login against who holds the player. */
class Judge {
  /** The generation that was found not to be there any more. */
  gone = 0;
  readonly #network: Network;
  readonly #holder: Holder;
  readonly #policy: DuplicatePolicy;

  constructor(network: Network, holder: Holder, policy: DuplicatePolicy) {
    this.#network = network;
    this.#holder = holder;
    this.#policy = policy;
  }

  decide(held: Held | undefined): Decision {
    if (!held || isOwn(this.#holder, held) || !isHeld(this.#network, held))
      return { kind: 'grant' };
    if (this.#policy === DuplicatePolicy.DENY_NEW) return { kind: 'deny', holder: held.player };
    const given = this.#policy === DuplicatePolicy.KICK_OLD;
    if (given || held.generation === this.gone) return { kind: 'grant' };
    return { kind: 'verify', held };
  }
}

/** The entries that give a player to a proxy, and end the presence that he had. */
export function grantDrafts(
  network: Network,
  held: Held | undefined,
  player: Player,
  instance: Uint8Array,
): Draft[] {
  const end = held && endDraft(network, held, PlayerLeaveReason.REPLACED);
  const grant = network.players.grantDraft(player, instance);
  return end ? [end, grant] : [grant];
}

/** Whether this process holds the player. */
export function isOwn({ name, instance }: Holder, held: Held): boolean {
  return held.proxy === name && sameBytes(held.instance, instance);
}

/** What a process holds under a generation. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
function heldBy(network: Network, holder: Holder, id: string, generation: number): Held {
  const held = network.players.get(id)?.value;
  if (!held) throw playerNotFound(id);
  if (isOwn(holder, held) && held.generation === generation) return held;
  throw staleLogin(id);
}

/** The error for what is said of a login that is not the newest. */
export function staleLogin(id: string): KelpieError {
  return new KelpieError('STALE_GENERATION', `a newer login of "${id}" holds`, { player: id });
}

/** The error for a session that does not own its node any more. */
export function staleHolder({ name }: Holder): KelpieError {
  return new KelpieError('STALE_GENERATION', `a newer stream owns "${name}"`, { name });
}

/** Throws PLAYER_LIMIT if nobody else fits, beside those who are about to come. */
export function checkRoom({ players, options }: Network, coming = 0): void {
  const limit = options.limits.players;
  if (players.size + coming < limit) return;
  const message = `${limit} players are there; no more fit into this network`;
  throw new KelpieError('PLAYER_LIMIT', message, { limit: String(limit) });
}
