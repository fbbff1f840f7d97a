/**
 * Sends the other coordinators the newest loads and latencies of the nodes that have streams here, once in each heartbeat
 * interval, and takes theirs. A round names all of them: what a coordinator does not name any more is gone. A message that
 * is lost is made good by a later round.
 */
import type { BodyOf, Exchange } from '../cluster/exchange.js';
import { type Members } from '../cluster/members.js';
import { type Cancel, every } from '../core/clock.js';
import { othersTurn } from '../core/fair-turn.js';
import type { Loads } from '../nodes/loads.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Latencies } from './latencies.js';
import type { SessionRegistry } from './registry.js';
import type { SessionServices } from './services.js';

/** Loads and latencies of one message. */
const MESSAGE_ITEMS = 1000;
/** A node that this many rounds do not name has no stream there any more: one message may be lost. */
const ROUNDS = 2;

type Round = BodyOf<'measurements'>;

export interface MeasurementsParts extends Pick<SessionServices, 'clock' | 'times' | 'onFault'> {
  readonly exchange: Pick<Exchange, 'handle' | 'broadcast' | 'hasOthers'>;
  readonly members: Pick<Members, 'onView'>;
  readonly registry: Pick<SessionRegistry, 'names' | 'latenciesOf'>;
  readonly nodeRows: Pick<NodeRows, 'owners'>;
  readonly loads: Loads;
  readonly latencies: Latencies;
}

export class Measurements {
  readonly #parts: MeasurementsParts;
  /** The round that named a node last, by coordinator and node. */
  readonly #named = new Map<string, Map<string, number>>();
  readonly #ends: Cancel[];
  #round = 0;
  #busy = false;

  constructor(parts: MeasurementsParts) {
    const { exchange, members, clock, times } = parts;
    this.#parts = parts;
    exchange.handle('measurements', (round, { from }) => this.#take(from, round));
    this.#ends = [
      members.onView(({ left }) => {
        for (const { id } of left) this.#forget(id, Infinity);
      }),
      every(clock, times.heartbeatMs, () => this.#send()),
    ];
  }

  #send(): void {
    // A round that takes longer than an interval leaves the next one out.
    if (this.#busy || !this.#parts.exchange.hasOthers) return;
    this.#busy = true;
    this.#sendAll(++this.#round)
      // The engine is away: a later round makes it good.
      .catch(() => undefined)
      .finally(() => (this.#busy = false));
  }

  async #sendAll(round: number): Promise<void> {
    const { registry, exchange } = this.#parts;
    let message = emptyRound(round);
    let items = 0;
    for (const name of registry.names) {
      items += this.#add(message, name);
      if (items < MESSAGE_ITEMS) continue;
      await exchange.broadcast({ $case: 'measurements', value: message });
      await othersTurn();
      message = emptyRound(round);
      items = 0;
    }
    await exchange.broadcast({ $case: 'measurements', value: { ...message, last: true } });
  }

  /** Adds the measurements of a node. Returns how many there are. */
  #add({ loads, latencies }: Round, name: string): number {
    const { registry, loads: known } = this.#parts;
    const load = known.get(name);
    if (load) loads.push({ name, load, reservedSlots: undefined });
    const players = registry.latenciesOf(name);
    if (players.size > 0) {
      const values = { playerIds: [...players.keys()], latenciesMs: [...players.values()] };
      latencies.push({ proxy: name, ...values });
    }
    return 1 + players.size;
  }

  #take(from: string, { round, loads, latencies, last }: Round): void {
    for (const { name, load } of loads) {
      if (!load || !this.#isAt(name, from)) continue;
      this.#name(from, name, round);
      this.#parts.loads.learn(name, load);
    }
    for (const { proxy, playerIds, latenciesMs } of latencies) {
      if (!this.#isAt(proxy, from)) continue;
      this.#name(from, proxy, round);
      this.#parts.latencies.report(proxy, round, playerIds, latenciesMs);
    }
    if (last) this.#forget(from, round - ROUNDS);
  }

  /** Whether the coordinator has the stream of the node, as far as this one has read. */
  #isAt(node: string, coordinatorId: string): boolean {
    return this.#parts.nodeRows.owners.get(node)?.value.coordinatorId === coordinatorId;
  }

  #name(from: string, node: string, round: number): void {
    const named = this.#named.get(from);
    if (named) named.set(node, round);
    else this.#named.set(from, new Map([[node, round]]));
  }

  /** Forgets the nodes of a coordinator that it named last in this round or an earlier one. */
  #forget(from: string, round: number): void {
    const named = this.#named.get(from);
    for (const [node, last] of named ?? []) {
      if (last > round) continue;
      named?.delete(node);
      this.#parts.latencies.forget(node);
      // Its stream may be somewhere else by now, which reports the load.
      if (this.#isAt(node, from)) this.#parts.loads.forget(node);
    }
    if (named?.size === 0) this.#named.delete(from);
  }

  close(): void {
    for (const end of this.#ends) end();
  }
}

function emptyRound(round: number): Round {
  return { round, loads: [], latencies: [], last: false };
}
