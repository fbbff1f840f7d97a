/**
 * The networks of a coordinator. Each has its own journal, rows, services and sessions. They share the limits of
 * memory and the turns of the event loop, and nothing else. The network main opens first, and without it the
 * coordinator does not start. Others open at the start if the data directory has them, else when a peer comes with a
 * credential of them. A network that cannot open is logged, counted and refused by name. It takes nothing from others.
 */
import type { CoordinatorFacts } from './cluster/membership.js';
import { type MachineAct, recordOfMachine } from './access/machine-acts.js';
import type { EdgeNetwork, EdgeNetworks } from './edge/grpc/networks.js';
import { type End, endAll } from './core/ending.js';
import { KelpieError } from './core/errors.js';
import { isNetworkName, MAIN } from './core/network-name.js';
import type { TailLimits } from './delivery/tail.js';
import { turnsBy } from './delivery/turns.js';
import { callServices } from './edge/grpc/calls.js';
import { healthOf, type NetworkHealth } from './edge/grpc/health.js';
import { contractServices } from './edge/grpc/server.js';
import type { JournalFaults } from './journal/faults.js';
import type { Journal } from './journal/journal.js';
import { epochEnded, networkLimit, unavailable } from './network/errors.js';
import type { Limits } from './network/limits.js';
import { SharedLimits, type Taken } from './network/shared-limits.js';
import type { Identity } from './session/services.js';
import { type Services, type Settings, wire } from './wiring.js';

/** A network that is open. */
export interface OpenNetwork extends EdgeNetwork {
  readonly services: Services;
  /** Resolves with the reason when the epoch of the journal has ended: it stores and reads nothing more. */
  readonly epochEnded: Promise<string>;
  /** Ends the services, then the journal. */
  close(): Promise<void>;
}

/** The observers of one network. */
type NetworkObservers = Pick<
  Settings,
  'onFault' | 'onCommit' | 'onAct' | 'onAuditLost' | 'observers'
>;

export interface NetworksParts extends Pick<
  Settings,
  'members' | 'bus' | 'times' | 'clock' | 'listening'
> {
  readonly identity: Omit<Identity, 'network'>;
  readonly limits: Limits;
  readonly tailLimits: TailLimits;
  /** Opens the journal of a network, and makes it if it is not there. */
  readonly openJournal: (name: string, faults: JournalFaults) => Promise<Journal>;
  readonly observe: (name: string) => NetworkObservers;
  /** Called with each network that has opened. */
  readonly onOpen?: (name: string, services: Services) => void;
  /** Called with the error for which a network did not open. */
  readonly onUnavailable: (name: string, error: KelpieError) => void;
  /** Called with each network whose epoch has ended, and the reason. */
  readonly onEpochEnd?: (name: string, reason: string) => void;
}

/** After a failure the coordinator refuses a network for so long before it tries to open it again. */
const RETRY_MS = 5000;

export class Networks implements EdgeNetworks {
  readonly #parts: NetworksParts;
  readonly #shares: SharedLimits;
  readonly #turns;
  readonly #open = new Map<string, OpenNetwork>();
  /** A network keeps its health when it begins anew: those who watch it stay. */
  readonly #health = new Map<string, NetworkHealth>();
  /** Those that are opening: whoever comes meanwhile waits for the same opening. */
  readonly #opening = new Map<string, Promise<OpenNetwork>>();
  /** Those that did not open. The coordinator gives the same error until it tries again. */
  readonly #failed = new Map<string, { readonly error: KelpieError; readonly untilMs: number }>();
  #stopping = false;

  constructor(parts: NetworksParts) {
    this.#parts = parts;
    this.#shares = new SharedLimits(parts.limits);
    this.#turns = turnsBy(parts.clock);
    parts.members.onCutOff((cutOff) => this.serve(!cutOff && !this.#stopping));
  }

  /** Opens main, then the others. Rejects if main does not open. */
  async start(others: readonly string[]): Promise<void> {
    await this.#begin(MAIN, this.#wire(MAIN));
    await Promise.allSettled(others.map((name) => this.of(name)));
  }

  /** Rejects with NETWORK_LIMIT, NETWORK_UNAVAILABLE or DRAINING. */
  async of(name: string): Promise<OpenNetwork> {
    const found = this.#open.get(name) ?? this.#opening.get(name);
    if (found) return found;
    if (this.#stopping) throw new KelpieError('DRAINING', 'this coordinator is about to stop');
    const refusal = this.#failed.get(name);
    if (refusal && this.#parts.clock.now() < refusal.untilMs) throw refusal.error;
    if (!isNetworkName(name)) throw unavailable(name, RETRY_MS);
    const { networks } = this.#parts.limits;
    const full = this.#open.size + this.#opening.size >= networks;
    if (full) throw this.#refuse(name, networkLimit(networks));
    return this.#begin(name, this.#wireOrRefuse(name));
  }

  async #wireOrRefuse(name: string): Promise<OpenNetwork> {
    return this.#wire(name).catch((cause: unknown) => {
      throw this.#refuse(name, unavailable(name, RETRY_MS, cause));
    });
  }

  /** Remembers and reports why a network does not open. */
  #refuse(name: string, error: KelpieError): KelpieError {
    this.#failed.set(name, { error, untilMs: this.#parts.clock.now() + RETRY_MS });
    this.#parts.onUnavailable(name, error);
    return error;
  }

  /** Records an act in the network of its credential. A network that does not open has no records. */
  readonly recordMachine = (act: MachineAct): void => {
    this.of(act.credential.network).then(
      ({ services }) => services.audit.record(recordOfMachine(act)),
      () => undefined,
    );
  };

  /** The networks that are open, by name. */
  get all(): ReadonlyMap<string, OpenNetwork> {
    return this.#open;
  }

  /** The facts about its networks that the coordinator gives to the others. */
  get facts(): Pick<CoordinatorFacts, 'sessions' | 'lagEntries' | 'draining'> {
    let [sessions, lagEntries] = [0, 0];
    for (const { services } of this.#open.values()) {
      sessions += services.registry.size;
      lagEntries += services.network.journal.lagEntries ?? 0;
    }
    return { sessions, lagEntries, draining: this.#stopping };
  }

  /** Networks that could not be opened. */
  get failed(): number {
    return this.#failed.size;
  }

  /** Whether the journal of a network stores nothing more, until the coordinator is started again. */
  get readOnly(): boolean {
    return [...this.#open.values()].some(({ services }) => services.network.readOnly);
  }

  /** Sets the answer to the health checks of all networks: whether peers should come. */
  serve(serving: boolean): void {
    for (const health of this.#health.values()) health.serve(serving);
  }

  /** Asks the sessions of all networks to move to another coordinator, then ends the remaining sessions. */
  async drain(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#opening.values());
    this.serve(false);
    await inParallel([...this.#open.values()].map(({ services }) => services.drain()));
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#opening.values());
    await inParallel([...this.#open.values()].map((network) => network.close()));
  }

  async #begin(name: string, opening: Promise<OpenNetwork>): Promise<OpenNetwork> {
    this.#opening.set(name, opening);
    try {
      const network = await opening;
      this.#open.set(name, network);
      this.#failed.delete(name);
      this.#healthOf(name).serve(!this.#stopping && !this.#parts.members.cutOff);
      void network.epochEnded.then((reason) => this.#restart(name, network, reason));
      return network;
    } finally {
      this.#opening.delete(name);
    }
  }

  /** Begins a network anew, on the new epoch of its journal. Peers that come meanwhile wait. */
  #restart(name: string, network: OpenNetwork, reason: string): void {
    if (this.#stopping) return;
    this.#parts.onEpochEnd?.(name, reason);
    this.#open.delete(name);
    this.#healthOf(name).serve(false);
    const { onFault } = this.#parts.observe(name);
    network.services.end(epochEnded);
    const opening = network
      .close()
      .catch(onFault)
      .then(() => this.#wireOrRefuse(name));
    this.#begin(name, opening).catch(() => this.#retry(name));
  }

  /** Opens a network that was open before. No peer may come, because the answer to health checks keeps them away. */
  #retry(name: string): void {
    this.#parts.clock.after(RETRY_MS, () => {
      if (!this.#stopping) this.of(name).catch(() => this.#retry(name));
    });
  }

  #healthOf(name: string): NetworkHealth {
    const health = this.#health.get(name) ?? healthOf(contractServices);
    this.#health.set(name, health);
    return health;
  }

  async #wire(name: string): Promise<OpenNetwork> {
    const { identity, onOpen, observe, ...parts } = this.#parts;
    const tailLimits = partOf(parts.tailLimits, this.#shares);
    const share = this.#shares.join();
    const ends: End[] = [() => share.leave()];
    try {
      const observers = observe(name);
      const { faults, epochEnded } = this.#faultsOf(name, observers);
      const journal = await parts.openJournal(name, faults);
      ends.push(() => journal.close());
      const own = { ...observers, tailLimits, journal, identity: { ...identity, network: name } };
      const { limits } = share;
      const services = await wire({ ...parts, ...own, limits, turns: this.#turns }, ends);
      share.count(takenBy(services));
      onOpen?.(name, services);
      const calls = { ...callServices(services), health: this.#healthOf(name).service };
      const { port, audit } = services;
      return { services, port, audit, calls, epochEnded, close: () => endAll(ends) };
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  /** The listeners for one journal of a network. */
  #faultsOf(name: string, { onFault }: NetworkObservers) {
    let onEpochEnd: JournalFaults['onEpochEnd'] = () => undefined;
    const epochEnded = new Promise<string>((resolve) => (onEpochEnd = resolve));
    const onReadOnly = (error: unknown): void => {
      onFault(error);
      // The network can still be read here, but its peers should prefer another coordinator.
      this.#healthOf(name).serve(false);
    };
    return { faults: { onFault, onReadOnly, onEpochEnd }, epochEnded };
  }
}

/** The share that a network takes now of each shared limit. */
function takenBy(services: Services): Taken {
  const { registry, patterns, playerWriter, reservations, transfers, tickets } = services;
  const { valueRows, commands, network } = services;
  return {
    sessions: () => registry.admittedSessions,
    patternMemory: () => patterns.taken,
    playerBytes: () => playerWriter.rows.index.bytes,
    reservations: () => reservations.rows.table.size,
    transfers: () => transfers.pending,
    transferBytes: () => transfers.bytes,
    ticketBytes: () => tickets.bytes,
    valueRowBytes: () => valueRows.bytes,
    commands: () => commands.asks,
    commandBytes: () => commands.bytes,
    backlogEntries: () => network.backlog.entries,
    backlogBytes: () => network.backlog.bytes,
  };
}

/** Each network has an equal part of the newest history in memory. */
function partOf(tail: TailLimits, shares: SharedLimits): TailLimits {
  return {
    get entries() {
      return Math.floor(tail.entries / shares.networks);
    },
    get bytes() {
      return Math.floor(tail.bytes / shares.networks);
    },
  };
}

/** Ends all, then throws the first error. */
async function inParallel(ends: Promise<void>[]): Promise<void> {
  await Promise.allSettled(ends);
  await Promise.all(ends);
}
