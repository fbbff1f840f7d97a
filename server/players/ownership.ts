/**
 * Who holds a player: one process of one proxy at a time, by a grant whose sequence fences all that is
 * said of them later. A grant is not a join; one that is not followed by a join lapses.
 */
import { DuplicatePolicy, type Player, PlayerLeaveReason } from '../../gen/ts/kelpie/v1/player.js';
import type { Cancel } from '../core/clock.js';
import { KelpieError } from '../core/errors.js';
import type { Network } from '../network/network.js';
import { endDraft, isHeld } from './ends.js';
import { playerNotFound } from './player.js';
import { type Holder, isOwn, staleHolder, staleLogin } from './proxy-session.js';
import { GrantBatch, type Identity, loginOf, personOf } from './grants.js';
import type { Held } from './rows.js';
import { commitWrites, writeOf } from './writes.js';

/** Asks the proxy that holds a player whether they are really there. Its session answers, above this layer. */
export type Verify = (held: Held) => Promise<boolean>;

/** What a login got: a generation, or the player as they are held elsewhere. */
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
  /** UUIDs of persons who are held twice, while that is ended. */
  readonly #twins = new Set<string>();
  #closed = false;

  constructor(network: Network) {
    this.#network = network;
    network.players.watch((id, after) => this.#follow(id, after));
    for (const [id, { value }] of network.players.entries()) this.#follow(id, value);
  }

  /**
   * Gives a player to a proxy for their login, or denies it. Throws PLAYER_INVALID, LABELS_INVALID,
   * TEXT_TOO_LONG, PLAYER_LIMIT or STALE_GENERATION.
   */
  async acquire(
    holder: Holder,
    said: Player,
    policy: DuplicatePolicy,
    verify: Verify,
  ): Promise<Acquired> {
    const { clock } = this.#network.options;
    const player = loginOf(holder, said, new Date(clock.wall()));
    const judge = new Judge(this.#network, holder, policy);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const met = await this.#inTurn(player, () => this.#try(holder, player, judge));
      if (met === undefined) continue;
      if (met.kind !== 'verify') return met;
      if (await this.#ask(met.held, verify)) return { kind: 'denied', holder: met.held.player };
      judge.gone.add(met.held.generation);
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
    const { players, tables, playerRoom } = this.#network;
    const decision = judge.decide([...personOf(players, player).values()]);
    if (decision.kind === 'verify') return decision;
    if (decision.kind === 'deny') return { kind: 'denied', holder: decision.holder } as const;
    const { id } = player;
    const fence = tables.fence(holder.name, holder.generation);
    const admission = playerRoom.admit(holder.name);
    try {
      const batch = new GrantBatch(this.#network, holder, admission);
      batch.add(player, true);
      const written = await commitWrites(this.#network, fence, [...batch.writes.values()]);
      if (written === 'stale') throw staleHolder(holder);
      const granted = players.get(id)?.value;
      if (written === 'changed' || !granted) return undefined;
      return { kind: 'granted', id, generation: granted.generation } as const;
    } finally {
      admission.release();
    }
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

  /** Under each of the names of the person. */
  async #inTurn<T>({ id, uuid }: Identity, work: () => Promise<T>): Promise<T> {
    const names = uuid === '' ? [id] : [id, uuid];
    const before = names.map((name) => this.#turns.get(name) ?? Promise.resolve());
    const turn = Promise.all(before).then(work);
    const settled = turn.catch(() => undefined);
    for (const name of names) this.#turns.set(name, settled);
    try {
      return await turn;
    } finally {
      for (const name of names) if (this.#turns.get(name) === settled) this.#turns.delete(name);
    }
  }

  #follow(id: string, after: Held | undefined): void {
    this.#lapses.get(id)?.();
    this.#lapses.delete(id);
    if (this.#network.players.index.sharedUuids.size > 0) this.#endTwins();
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
    // A report that they joined may lie unread after a stall.
    this.#lapses.set(id, this.#network.listening.after(delayMs, lapse));
  }

  async #lapse(id: string, held: Held): Promise<void> {
    const { players } = this.#network;
    // Another login, or a join: its own time runs, or none.
    if (players.get(id)?.value !== held) return;
    const draft = endDraft(this.#network, held, PlayerLeaveReason.LAPSED);
    await commitWrites(this.#network, undefined, [writeOf(players, id, [draft])]);
  }

  /**
   * Two writers that did not know of each other, such as a list and a login, may have held one person
   * under two ids: the newer one holds.
   */
  #endTwins(): void {
    for (const uuid of this.#network.players.index.sharedUuids) {
      if (this.#closed || this.#twins.has(uuid)) continue;
      this.#twins.add(uuid);
      const again = (error: unknown): void => {
        this.#network.options.onFault(error);
        this.#network.options.clock.after(RETRY_MS, () => this.#endTwins());
      };
      void this.#endOlder(uuid)
        .finally(() => this.#twins.delete(uuid))
        .catch(again);
    }
  }

  async #endOlder(uuid: string): Promise<void> {
    const { players } = this.#network;
    // When all rows of the transaction are in the table.
    await Promise.resolve();
    for (;;) {
      const rows = [...personOf(players, { id: uuid, uuid })];
      const newest = Math.max(...rows.map(([, { generation }]) => generation));
      const older = rows.filter(([, { generation }]) => generation < newest);
      const writes = older.map(([id, held]) =>
        writeOf(players, id, [endDraft(this.#network, held, PlayerLeaveReason.REPLACED)]),
      );
      // Refused: somebody wrote one of them meanwhile.
      if ((await commitWrites(this.#network, undefined, writes)) === 'stored') return;
    }
  }

  /** Logins whose time runs, and what is under way for them. */
  get pending(): number {
    return this.#lapses.size + this.#turns.size + this.#questions.size + this.#twins.size;
  }

  /** Stops all timers, for ever. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#lapses.values()) cancel();
    this.#lapses.clear();
  }
}

/** Judges one login against who holds the person. */
class Judge {
  /** Generations that were found not to be there any more. */
  readonly gone = new Set<number>();
  readonly #network: Network;
  readonly #holder: Holder;
  readonly #policy: DuplicatePolicy;

  constructor(network: Network, holder: Holder, policy: DuplicatePolicy) {
    this.#network = network;
    this.#holder = holder;
    this.#policy = policy;
  }

  decide(rows: readonly Held[]): Decision {
    for (const held of rows) {
      if (isOwn(this.#holder, held) || !isHeld(this.#network, held)) continue;
      if (this.#policy === DuplicatePolicy.DENY_NEW) return { kind: 'deny', holder: held.player };
      const given = this.#policy === DuplicatePolicy.KICK_OLD || this.gone.has(held.generation);
      if (!given) return { kind: 'verify', held };
    }
    return { kind: 'grant' };
  }
}

/** What a process holds under a generation. Throws PLAYER_NOT_FOUND or STALE_GENERATION. */
function heldBy(network: Network, holder: Holder, id: string, generation: number): Held {
  const held = network.players.get(id)?.value;
  if (!held) throw playerNotFound(id);
  if (isOwn(holder, held) && held.generation === generation) return held;
  throw staleLogin(id);
}
