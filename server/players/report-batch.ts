/** Writes the reports of a proxy in their order, many in one transaction. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport } from '../../gen/ts/kelpie/v1/presence.js';
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';
import type { Draft, Requirement } from '../journal/journal.js';
import { grantJoins, type Grants } from './grants.js';
import { type ProxySession, holds } from './proxy-session.js';
import { notOwner } from '../nodes/rows.js';
import { judge, subjectOf } from './reports.js';
import type { Admission } from './admission.js';
import type { PlayerRow } from './rows.js';
import { contested, type PlayerWrite, type PlayerWriter } from './writer.js';

/** The result of one report. */
export interface Reported {
  readonly id: string;
  /** The generation under which the proxy holds the player now; 0: the proxy does not hold them. */
  readonly generation: number;
  readonly error?: KelpieError;
}

/** How often this checks reports again because another writer changed the same players. */
const ATTEMPTS = 8;
/** The bytes of one transaction: each report may write the whole row of a player. */
const BYTES = 256 * 1024;

/** Stores reports. Throws STALE_GENERATION if another session owns the node. */
export async function report(
  writer: PlayerWriter,
  session: ProxySession,
  reports: readonly PlayerReport[],
): Promise<Reported[]> {
  const results: Reported[] = [];
  const frame = new Frame();
  while (results.length < reports.length) {
    const rest = reports.slice(results.length);
    frame.granted(await grantJoins(writer, session, frame.joinsOf(rest)));
    const done = await step(writer, session, frame, rest);
    for (const one of rest.slice(0, done.length)) frame.done(one);
    results.push(...done);
  }
  return results;
}

/** The joins without a grant in one frame. They get their grants before the reports are written, many together. */
class Frame {
  /** By id. Later reports in the frame about the same player use this generation. */
  readonly #grants: Grants = new Map();
  /** Ids of granted joins that are not written yet. */
  readonly #open = new Set<string>();

  /**
   * The joins that can be granted now: no earlier report of the frame is about the same person. If the first
   * report is a join without a grant, it is among them.
   */
  joinsOf(reports: readonly PlayerReport[]): Player[] {
    const mentioned = new Set<string>();
    const joins: Player[] = [];
    for (const one of reports) {
      const names = namesIn(one);
      const first = !names.some((name) => mentioned.has(name));
      for (const name of names) mentioned.add(name);
      const [id] = names;
      const player = ungranted(one);
      if (id !== undefined && first && player && !this.#open.has(id)) joins.push({ ...player, id });
    }
    return joins;
  }

  granted(grants: Grants): void {
    for (const [id, grant] of grants) {
      this.#grants.set(id, grant);
      this.#open.add(id);
    }
  }

  /** The generation or the error of a join without a grant; undefined if it has neither yet. */
  grantOf(id: string): number | KelpieError | undefined {
    return this.#open.has(id) ? this.#grants.get(id) : undefined;
  }

  /** The generation that a report is about. */
  generationOf(id: string, { generation }: PlayerReport): number {
    const grant = this.#grants.get(id);
    return generation === 0 && typeof grant === 'number' ? grant : generation;
  }

  /** Call it after the report was stored or refused. */
  done(report: PlayerReport): void {
    const [id] = namesIn(report);
    if (id !== undefined && ungranted(report)) this.#open.delete(id);
  }
}

/** The player of a join without a grant. */
function ungranted({ what, generation }: PlayerReport): Player | undefined {
  return what?.$case === 'joined' && generation === 0 ? what.value : undefined;
}

/** The player's id, then their UUID. Empty for an invalid report; `judge` throws its error later. */
function namesIn(report: PlayerReport): string[] {
  const { what } = report;
  try {
    const names = [subjectOf(report)];
    if (what?.$case === 'joined' && what.value.uuid !== '')
      names.push(what.value.uuid.toLowerCase());
    return names;
  } catch {
    return [];
  }
}

/** Stores reports up to the next join that needs a grant first, or as many as fit into one transaction. */
async function step(
  writer: PlayerWriter,
  session: ProxySession,
  frame: Frame,
  reports: readonly PlayerReport[],
): Promise<Reported[]> {
  const fence = writer.fence(session);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const admission = writer.admit(session);
    try {
      const draftBook = new DraftBook(writer, session, frame, admission);
      const results = draftBook.take(reports);
      const written = await writer.commit(fence, draftBook.writes);
      if (written === 'stored') return results;
      if (written === 'stale') throw notOwner(session);
    } finally {
      admission.release();
    }
  }
  throw contested();
}

/** Checks reports one after another, each against the rows as the earlier reports leave them. */
class DraftBook {
  readonly #writer: PlayerWriter;
  readonly #session: ProxySession;
  readonly #frame: Frame;
  readonly #admission: Admission;
  readonly #rows = new Map<string, PlayerRow | null>();
  readonly #written = new Map<string, { drafts: Draft[]; also: Requirement[] }>();
  /** Ids of joins that have used their grant. */
  readonly #joined = new Set<string>();
  #bytes = 0;

  constructor(writer: PlayerWriter, session: ProxySession, frame: Frame, admission: Admission) {
    this.#writer = writer;
    this.#session = session;
    this.#frame = frame;
    this.#admission = admission;
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

  /** Undefined for a join that needs a grant first. */
  #take(one: PlayerReport): Reported | undefined {
    let id = cutText(one.playerId, 255);
    try {
      id = subjectOf(one);
      if (ungranted(one)) {
        const grant = this.#joined.has(id) ? undefined : this.#frame.grantOf(id);
        if (grant === undefined) return undefined;
        this.#joined.add(id);
        if (grant instanceof KelpieError) throw grant;
      }
      const generation = this.#frame.generationOf(id, one);
      const after = this.#judge(id, one, generation);
      return { id, generation: after ? generation : 0 };
    } catch (error) {
      if (error instanceof KelpieError) return { id, generation: this.#generationOf(id), error };
      throw error;
    }
  }

  /** The player's row after the report. */
  #judge(id: string, one: PlayerReport, generation: number): PlayerRow | null | undefined {
    const row = this.#rowOf(id);
    const verdict = judge(this.#writer, this.#session, one, generation, row);
    if (verdict.kind === 'unchanged') return row;
    const { draft, after, server } = verdict;
    // A move changes few bytes, and a full coordinator must still store it.
    if (after && one.what?.$case !== 'movedTo') this.#admission.take(id, row, after.bytes);
    this.#bytes += draft.event.length + (draft.value?.length ?? 0);
    const written = this.#written.get(id) ?? { drafts: [], also: [] };
    written.drafts.push(draft);
    if (server) written.also.push(server);
    this.#written.set(id, written);
    this.#rows.set(id, after);
    return after;
  }

  #generationOf(id: string): number {
    const row = this.#rowOf(id);
    return row && holds(this.#session, row) ? row.generation : 0;
  }

  #rowOf(id: string): PlayerRow | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? this.#writer.rows.get(id) : (row ?? undefined);
  }

  /** The writes require the rows as they are now: nothing was awaited since the check. */
  get writes(): PlayerWrite[] {
    const { rows } = this.#writer;
    return [...this.#written].map(([id, written]) => ({ seen: rows.seen(id), ...written }));
  }
}
