/** The services that sessions use. The coordinator builds them. */
import type { Audit } from '../access/audit.js';
import type { Bus } from '../cluster/bus.js';
import type { Members } from '../cluster/members.js';
import type { Commands } from '../commands/commands.js';
import type { Replies } from '../commands/relay.js';
import type { LoadFrames } from '../delivery/load-frames.js';
import type { Pages } from '../delivery/pages.js';
import type { PatternBudget } from '../delivery/pattern-budget.js';
import type { SubscriptionIndex } from '../delivery/subscription-index.js';
import type { Clock } from '../core/clock.js';
import type { Tail } from '../delivery/tail.js';
import type { EngineFacts } from '../journal/engine-facts.js';
import type { Limits, Times } from '../network/limits.js';
import type { Network } from '../network/network.js';
import type { LivenessProbe, NodeClaims } from '../nodes/claims.js';
import type { NodeRows } from '../nodes/rows.js';
import type { Loads } from '../nodes/loads.js';
import type { Latencies } from './latencies.js';
import type { PlayerOwnership, Verify } from '../players/ownership.js';
import type { PlayerWriter } from '../players/writer.js';
import type { Reservations } from '../routing/reservations.js';
import type { Transfers } from '../transfers/transfers.js';
import type { PlayerCommands } from '../commands/on-players.js';
import type { SharedValues } from '../state/values.js';
import type { SessionObserver } from './observer.js';
import type { SessionRegistry } from './registry.js';

/** Which coordinator this is. */
export interface Identity {
  /** The name of its network. */
  readonly network: string;
  /** New for each start. */
  readonly coordinatorId: string;
  /** Of the software. */
  readonly version: string;
  /** When the coordinator started, by its monotonic clock. */
  readonly startedMs: number;
  /** On which it keeps its journals. */
  readonly engine?: EngineFacts;
}

export interface SessionServices {
  readonly network: Network;
  readonly tail: Tail;
  readonly nodeRows: NodeRows;
  readonly registry: SessionRegistry;
  readonly claims: NodeClaims;
  readonly probe: LivenessProbe;
  readonly playerWriter: PlayerWriter;
  readonly ownership: PlayerOwnership;
  readonly verify: Verify;
  readonly reservations: Reservations;
  readonly transfers: Transfers;
  readonly playerCommands: PlayerCommands;
  readonly commands: Commands;
  readonly replies: Replies;
  readonly values: SharedValues;
  readonly loads: Loads;
  readonly latencies: Latencies;
  readonly loadFrames: LoadFrames;
  readonly pages: Pages;
  readonly subscriptions: SubscriptionIndex;
  readonly patterns: PatternBudget;
  readonly audit: Pick<Audit, 'ofFrame'>;
  readonly observer: SessionObserver;
  readonly identity: Identity;
  /** The coordinators on the engine, and the messages between them. */
  readonly members: Members;
  readonly bus: Bus;
  readonly limits: Limits;
  readonly times: Times;
  readonly clock: Clock;
  /** The time in which this coordinator listened: by it peers are judged. */
  readonly listening: Clock;
  /** Hears of faults in work that nobody waits for. */
  readonly onFault: (error: unknown) => void;
}
