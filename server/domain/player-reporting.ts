/** Writes what a proxy reports: as many reports in one transaction as there are, in their order. */
import { DuplicatePolicy, type Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import { KelpieError } from '../core/errors.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from './network.js';
import { judge, subjectOf } from './player-reports.js';
import type { Held } from './player-table.js';
import { commitWrites, contested } from './player-writes.js';
import { type Holder, isOwn, type Players, staleHolder } from './players.js';
import { cutText } from '../core/text.js';

/** What became of a report. */
export interface Reported {
  readonly id: string;
  /** The generation that the proxy holds him under now; 0: it does not. */
  readonly generation: number;
  readonly error?: KelpieError;
}

/** How often reports are judged anew because others wrote about the same players. */
const ATTEMPTS = 8;
/** Each report may write the whole player anew. */
const BYTES = 256 * 1024;

/** Takes reports. Throws STALE_GENERATION if the session does not own its node any more. */
export async function report(
  players: Players,
  network: Network,
  holder: Holder,
  reports: readonly PlayerReport[],
): Promise<Reported[]> {
  const results: Reported[] = [];
  while (results.length < reports.length) {
    const rest = reports.slice(results.length);
    const done = await step(network, holder, rest);
    results.push(...done);
    const [next] = rest;
    // What stopped the step at once is a join without a grant: it is made of two transactions.
    if (done.length === 0 && next?.what?.$case === 'joined') {
      results.push(await joinUngranted(players, network, holder, next, next.what.value));
    }
  }
  return results;
}

/** Reports up to the next join without a grant, or as many as one transaction should have. */
async function step(
  network: Network,
  holder: Holder,
  reports: readonly PlayerReport[],
): Promise<Reported[]> {
  const fence = network.tables.fence(holder.name, holder.generation);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const draftBook = new DraftBook(network, holder);
    const results = draftBook.take(reports);
    const written = await commitWrites(network, fence, draftBook.writes);
    if (written === 'stored') return results;
    if (written === 'stale') throw staleHolder(holder);
  }
  throw contested();
}

/** Reports judged one after the other, each against what those before it leave. */
class DraftBook {
  readonly #network: Network;
  readonly #holder: Holder;
  readonly #rows = new Map<string, Held | null>();
  readonly #drafts = new Map<string, Draft[]>();
  #bytes = 0;

  constructor(network: Network, holder: Holder) {
    this.#network = network;
    this.#holder = holder;
  }

  take(reports: readonly PlayerReport[]): Reported[] {
    const results: Reported[] = [];
    for (const one of reports) {
      const result = this.#take(one);
      if (!result) break;
      results.push(result);
      if (this.#bytes > BYTES) break;
    }
    return results;
  }

  /** Undefined for one that cannot be written with the others. */
  #take(one: PlayerReport): Reported | undefined {
    let id = cutText(one.playerId, 255);
    try {
      id = subjectOf(one);
      const held = this.#rowOf(id);
      const verdict = judge(this.#network, this.#holder, one, held);
      if (verdict.kind === 'acquire') return undefined;
      const { generation } = one;
      if (verdict.kind === 'unchanged') return { id, generation };
      const { event, value } = verdict.draft;
      this.#bytes += event.length + (value?.length ?? 0);
      this.#drafts.set(id, [...(this.#drafts.get(id) ?? []), verdict.draft]);
      this.#rows.set(id, verdict.after);
      return { id, generation: verdict.after ? generation : 0 };
    } catch (error) {
      if (error instanceof KelpieError) return { id, generation: this.#generationOf(id), error };
      throw error;
    }
  }

  #generationOf(id: string): number {
    const held = this.#rowOf(id);
    return held && isOwn(this.#holder, held) ? held.generation : 0;
  }

  #rowOf(id: string): Held | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? this.#network.players.get(id)?.value : (row ?? undefined);
  }

  /** Made of the rows as they are now: nothing was awaited since they were judged. */
  get writes() {
    const { players } = this.#network;
    return [...this.#drafts].map(([id, drafts]) => ({ seen: players.seen(id), drafts }));
  }
}

async function joinUngranted(
  players: Players,
  network: Network,
  holder: Holder,
  one: PlayerReport,
  player: Player,
): Promise<Reported> {
  try {
    const nobody = () => Promise.resolve(false);
    const met = await players.acquire(holder, player, DuplicatePolicy.KICK_OLD, nobody);
    if (met.kind === 'denied') throw new Error('KICK_OLD was denied');
    const [result] = await step(network, holder, [{ ...one, generation: met.generation }]);
    if (!result) throw new Error('a join was not taken');
    return result.error ? { ...result, generation: met.generation } : result;
  } catch (error) {
    if (!(error instanceof KelpieError) || error.reason === 'STALE_GENERATION') throw error;
    return { id: one.playerId, generation: 0, error };
  }
}
