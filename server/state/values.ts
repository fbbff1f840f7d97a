/**
 * Reads and writes shared values. A write is one transaction. It requires the writer's session, the owner's process,
 * and all values that the writer expects. The tables answer most conflicts, so these cost no write.
 */
import { StateEndReason, type StateValue } from '../../gen/ts/kelpie/v1/event.js';
import type {
  DeleteValueRequest,
  GetValueRequest,
  ListValuesRequest,
  PutValueRequest,
} from '../../gen/ts/kelpie/v1/state_service.js';
import type { Clock } from '../core/clock.js';
import type { Cursor } from '../core/cursor.js';
import { outOfRange } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import { type Page, pageOf } from '../network/pages.js';
import { nodeContested, type NodeRows, notOwner } from '../nodes/rows.js';
import { ValueAdmission, type ValueLimits } from './admission.js';
import { type Condition, conditionsOf, conflict, notThere } from './conditions.js';
import { nameOfValue } from './keys.js';
import { listingOf } from './listing.js';
import { ownerOf, type ValueWriter } from './owner.js';
import { valueOf } from './put.js';
import type { ValueRows } from './rows.js';

/** How often rows that the writer does not expect may change between the check and the write. */
const ATTEMPTS = 8;

/** A value, and the position of the answer. */
export interface FoundValue {
  readonly value: StateValue;
  readonly cursor: Cursor;
}

/** The parts of a network that values use. */
export type ValueNetwork = Pick<Network, 'commit' | 'head' | 'searches'>;

export class SharedValues {
  readonly admission: ValueAdmission;
  readonly #network: ValueNetwork;
  readonly #rows: ValueRows;
  readonly #nodes: NodeRows;
  readonly #limits: ValueLimits;
  readonly #clock: Clock;

  constructor(
    network: ValueNetwork,
    rows: ValueRows,
    nodes: NodeRows,
    limits: ValueLimits,
    clock: Clock,
  ) {
    this.#network = network;
    this.#rows = rows;
    this.#nodes = nodes;
    this.#limits = limits;
    this.#clock = clock;
    this.admission = new ValueAdmission(rows, limits);
  }

  /** Throws KEY_INVALID or VALUE_NOT_FOUND. */
  get(place: GetValueRequest): FoundValue {
    const row = this.#rows.get(nameOfValue(place));
    if (!row) throw notThere(place);
    return { value: { ...row.value.value, sequence: row.sequence }, cursor: this.#network.head };
  }

  /**
   * Lists values in the order of their topics. Long lists take turns with other searches; `asker` is the connection
   * whose turn this uses. Throws KEY_INVALID, OUT_OF_RANGE or PAGE_TOKEN_INVALID.
   */
  async list(request: ListValuesRequest, asker?: unknown): Promise<Page<StateValue>> {
    const { head, searches } = this.#network;
    const pages = pageOf(listingOf(this.#rows, request), head, request, 'values');
    const { items, ...page } = await searches.work(pages, asker);
    return { ...page, items: items.map(({ value }) => value) };
  }

  /**
   * Stores a value, for a session or for a call. Resolves with the sequence of the value. Throws the errors that the
   * contract lists at PutValue. After OUTCOME_UNKNOWN the value may be stored: the writer must read it again.
   */
  async put(request: PutValueRequest, writer?: ValueWriter): Promise<number> {
    const name = nameOfValue(request);
    const conditions = conditionsOf(this.#rows, name, request);
    const content = valueOf(request, this.#limits, this.#time());
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const ofSession = this.#fenceOf(writer);
      const owner = ownerOf(this.#nodes, request.owner, writer);
      const fence = ofSession ?? owner?.fence;
      this.#compare(conditions);
      const value = { ...content, owner: owner?.name ?? '' };
      const draft = this.#rows.putDraft(name, value, owner?.instance, writer?.name);
      const release = this.#admit(name, draft);
      const also = fence ? [fence] : [];
      const stored = await this.#store(draft, conditions, also, writer).finally(release);
      if (stored !== undefined) return stored;
    }
    throw nodeContested(request.owner);
  }

  /** Deletes a value. Throws the errors that the contract lists at DeleteValue. */
  async delete(request: DeleteValueRequest, writer?: ValueWriter): Promise<void> {
    const name = nameOfValue(request);
    const conditions = conditionsOf(this.#rows, name, request);
    if (request.expectedSequence === 0) {
      const message = 'expected_sequence 0 stands for an absent value, which cannot be deleted';
      throw outOfRange('expected_sequence', 1, message);
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const fence = this.#fenceOf(writer);
      const row = this.#rows.get(name);
      if (!row) throw notThere(request);
      this.#compare(conditions);
      const reason = StateEndReason.DELETED;
      const draft = this.#rows.endDraft(name, row.value, reason, this.#time(), writer?.name);
      const also = [...(fence ? [fence] : []), this.#rows.at(name, row.sequence)];
      if ((await this.#store(draft, conditions, also, writer)) !== undefined) return;
    }
    throw conflict(request, this.#rows.get(name)?.sequence ?? 0);
  }

  #admit(name: string, { value }: Draft): () => void {
    return this.admission.take(value?.length ?? 0, this.#rows.get(name)?.value);
  }

  /** The sequence of the stored entry; undefined: a row changed that the writer does not expect, so try again. */
  async #store(
    draft: Draft,
    conditions: readonly Condition[],
    also: readonly Requirement[],
    writer: ValueWriter | undefined,
  ): Promise<number | undefined> {
    const require = [...conditions.map(({ row }) => row), ...also];
    const outcome = await this.#network.commit({ require, entries: [draft] });
    if (outcome.kind === 'stored') return outcome.first;
    if (outcome.kind !== 'conflict') throw new Error('a write without a producer has its number');
    const { key, actual } = outcome;
    const failed = conditions.find(({ row }) => row.key === key && row.sequence !== actual);
    if (failed) throw conflict(failed.place, actual);
    // The next attempt decides about the session again.
    if (writer && key === this.#fenceOf(writer)?.key) throw notOwner(writer);
    return undefined;
  }

  /** The requirement of every write of a session. Throws STALE_GENERATION. */
  #fenceOf(writer: ValueWriter | undefined): Requirement | undefined {
    if (!writer) return undefined;
    const { name, generation } = writer;
    if (this.#nodes.owners.get(name)?.sequence !== generation) throw notOwner(writer);
    return this.#nodes.fence(name, generation);
  }

  #compare(conditions: readonly Condition[]): void {
    for (const { name, row, place } of conditions) {
      const actual = this.#rows.get(name)?.sequence ?? 0;
      if (actual !== row.sequence) throw conflict(place, actual);
    }
  }

  #time(): Date {
    return new Date(this.#clock.wall());
  }
}
