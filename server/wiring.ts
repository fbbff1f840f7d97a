/** Builds the services of one network in order, and passes each service only the parts that it uses. */
import { Audit } from './access/audit.js';
import type { AuditRecord } from '../gen/ts/kelpie/v1/audit.js';
import { Commands } from './commands/commands.js';
import { PlayerCommands } from './commands/on-players.js';
import { Targets } from './commands/targets.js';
import { verifier } from './commands/verify-player.js';
import type { Cancel } from './core/clock.js';
import type { End } from './core/ending.js';
import type { KelpieError } from './core/errors.js';
import { LoadFrames } from './delivery/load-frames.js';
import { Pages } from './delivery/pages.js';
import { PatternBudget } from './delivery/pattern-budget.js';
import { SubscriptionIndex } from './delivery/subscription-index.js';
import { type Turns, turnsBy } from './delivery/turns.js';
import { Tail, type TailLimits } from './delivery/tail.js';
import type { CallParts } from './edge/grpc/calls.js';
import { CallPublisher } from './events/publish-once.js';
import type { Journal } from './journal/journal.js';
import type { Limits } from './network/limits.js';
import { Network } from './network/network.js';
import { NodeClaims } from './nodes/claims.js';
import { Loads } from './nodes/loads.js';
import { NodeQueries } from './nodes/queries.js';
import { NodeRows } from './nodes/rows.js';
import { endOrphans, playersOfNodes } from './players/ends.js';
import { PlayerOwnership } from './players/ownership.js';
import { PlayerQueries } from './players/queries.js';
import { PlayerRows } from './players/rows.js';
import { OperatorSettings } from './players/settings.js';
import { Tickets } from './players/tickets.js';
import { PlayerWriter } from './players/writer.js';
import { endOrphanReservations, reservationsOfNodes } from './routing/reservation-ends.js';
import { ReservationRows } from './routing/reservation-rows.js';
import { reportReservedSlots } from './routing/reserved-loads.js';
import { Reservations } from './routing/reservations.js';
import { Explanations } from './routing/explanations.js';
import { LastServers } from './routing/last-servers.js';
import { Picker } from './routing/picker.js';
import { RoutingRows } from './routing/rows.js';
import { RoutingRules } from './routing/rules.js';
import { sendEvictions } from './session/evictions.js';
import { sendLoadsRegularly } from './session/load-rounds.js';
import { type SessionObserver, allObservers } from './session/observer.js';
import type { SessionPort } from './session/port.js';
import { SessionRegistry } from './session/registry.js';
import { sessionPort } from './session/serve.js';
import { endOrphanValues, valueExpiry, valuesOfNodes } from './state/ends.js';
import { ValueRows } from './state/rows.js';
import { SharedValues } from './state/values.js';
import { Drains } from './transfers/drains.js';
import { type GoalParts, Goals } from './transfers/goals.js';
import { NodeCommands } from './transfers/node-commands.js';
import { type TransferParts, Transfers } from './transfers/transfers.js';

/** The services of one network. */
export interface Services extends CallParts {
  readonly playerRows: PlayerRows;
  readonly valueRows: ValueRows;
  readonly tickets: Tickets;
  readonly audit: Audit;
  /** Edges open sessions here. */
  readonly port: SessionPort;
  /** Asks sessions to move to another coordinator, then ends the remaining sessions. */
  drain(): Promise<void>;
  /** Ends all sessions, commands and transfers at once. Sessions get the error. */
  end(error: () => KelpieError): void;
}

/** The settings and ports of the services. */
export type Settings = Pick<
  Services,
  'identity' | 'members' | 'bus' | 'limits' | 'times' | 'clock' | 'listening' | 'onFault'
> & {
  readonly journal: Journal;
  readonly tailLimits: TailLimits;
  /** Default: turns of its own. */
  readonly turns?: Turns;
  /** Called with the time that the journal took for each transaction. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
  /** Called with the record of each act. */
  readonly onAct?: ((record: AuditRecord) => void) | undefined;
  /** Called with the number of records of acts that were lost. */
  readonly onAuditLost?: ((records: number) => void) | undefined;
  /** Makes the observers of sessions. */
  readonly observers?: (
    parts: Pick<Services, 'network' | 'nodeRows' | 'clock'>,
  ) => readonly (SessionObserver | undefined)[];
};

/** Starts the services, and adds the end of each service to `ends` at once, because a later service may fail. */
export async function wire(settings: Settings, ends: End[]): Promise<Services> {
  const { identity, members, bus, limits, times, clock, listening, onFault } = settings;
  const common = { identity, members, bus, limits, times, clock, listening, onFault };
  const { turns = turnsBy(clock) } = settings;
  const stored = openNetwork(settings, turns);
  const { network, nodeRows, playerRows, playerWriter } = stored;
  await network.load();
  const audit = openAudit(network, settings, ends);
  const { claims, reservations, tickets } = await openClaims({ ...common, ...stored }, ends);
  const { operatorSettings } = stored;
  const ownership = new PlayerOwnership(playerWriter, { ...common, ...times, operatorSettings });
  ends.push(() => ownership.close());
  const observer = allObservers(
    settings.observers?.({ ...stored, clock }).filter((one) => one !== undefined) ?? [],
    onFault,
  );
  const registry = new SessionRegistry(network, nodeRows, { ...common, observer });
  sendEvictions(network, playerRows, registry);
  const asking = openCommands({ ...common, ...stored, registry });
  const routing = openRouting({ ...common, ...stored, ...asking, reservations });
  const moving = { ...common, ...stored, ...asking, ...routing, claims, reservations, tickets };
  const { transfers, drains } = openTransfers(moving, ends);
  const { stopLoads, ...loads } = openLoads(stored, registry, common);
  const services = {
    ...{ ...common, ...stored, ...asking, claims, ownership, tickets, reservations, observer },
    ...{ ...routing, transfers, drains },
    ...openDelivery(network, limits, turns),
    ...{ registry, ...loads, audit },
    callPublisher: new CallPublisher(network, limits, clock),
  };
  const endings = endingsOf(services, stopLoads);
  return { ...services, port: sessionPort(services), ...endings };
}

/** The two ways in which the services of a network end their work. */
function endingsOf(
  { drains, transfers, commands, registry }: Omit<Services, 'port' | 'drain' | 'end'>,
  stopLoads: Cancel,
): Pick<Services, 'drain' | 'end'> {
  const drain = async (): Promise<void> => {
    drains.close();
    transfers.drain();
    await registry.drain();
    transfers.close();
    stopLoads();
  };
  const end = (error: () => KelpieError): void => {
    drains.close();
    transfers.close();
    commands.close();
    registry.end(error);
    stopLoads();
  };
  return { drain, end };
}

/** Begins to record acts. */
function openAudit(network: Network, settings: Settings, ends: End[]): Audit {
  const { clock, onFault, onAct: onRecord, onAuditLost: onLost } = settings;
  const audit = new Audit({ network, clock, onFault, onRecord, onLost });
  ends.push(() => audit.close());
  return audit;
}

/** Builds the network and its rows. The tail registers its listener first, because later listeners wake its readers. */
function openNetwork(settings: Settings, { searches, syncs }: Turns) {
  const { limits, clock, tailLimits } = settings;
  const network = new Network({ ...settings, searches });
  const tail = Tail.of(network, tailLimits);
  const nodeRows = new NodeRows(network);
  const playerRows = new PlayerRows(network);
  const routingRows = new RoutingRows(network);
  const playerWriter = new PlayerWriter(network, playerRows, nodeRows, limits, clock, syncs);
  const operatorSettings = new OperatorSettings(network, clock);
  const reservationRows = new ReservationRows(network);
  const valueRows = new ValueRows(network);
  const values = new SharedValues(network, valueRows, nodeRows, limits, clock);
  const rows = { nodeRows, playerRows, routingRows, reservationRows, valueRows };
  return { network, tail, ...rows, playerWriter, operatorSettings, values };
}

/** Ends what former processes left behind, and builds what ends with a node: it ends when the node does. */
async function openClaims(
  services: ReturnType<typeof openNetwork> &
    Pick<Services, 'identity' | 'limits' | 'times' | 'clock' | 'listening' | 'onFault'>,
  ends: End[],
) {
  const { network, nodeRows, playerWriter, reservationRows, identity } = services;
  await endOrphans(playerWriter);
  await endOrphanValues(services);
  const reservations = new Reservations(reservationRows, services);
  ends.push(() => reservations.close());
  await endOrphanReservations(reservations, nodeRows);
  const claims = new NodeClaims(network, nodeRows, { ...services, ...identity });
  claims.dependents.register(playersOfNodes(playerWriter));
  claims.dependents.register(reservationsOfNodes(reservations, nodeRows));
  claims.dependents.register(valuesOfNodes(services));
  ends.push(() => claims.close());
  const expiry = valueExpiry(services, services);
  ends.push(() => expiry.close());
  const tickets = new Tickets(network, playerWriter, services);
  claims.dependents.register(tickets.ofNodes);
  ends.push(() => tickets.close());
  return { claims, reservations, tickets };
}

/** Builds the queries, and the commands that use them to find nodes and players. */
function openCommands(
  services: Pick<
    Services,
    | 'network'
    | 'nodeRows'
    | 'playerRows'
    | 'registry'
    | 'limits'
    | 'times'
    | 'clock'
    | 'onFault'
    | 'listening'
  >,
) {
  const { network, nodeRows, playerRows, registry, times } = services;
  const nodeQueries = new NodeQueries(network, nodeRows);
  const playerQueries = new PlayerQueries(network, playerRows, nodeQueries);
  const targets = new Targets(nodeRows, nodeQueries, playerRows);
  const commands = new Commands({ ...services, nodes: nodeRows, targets, carrier: registry });
  const verify = verifier(commands, registry, { ...services, ...times });
  const { searches } = network;
  const playerCommands = new PlayerCommands(
    searches,
    commands,
    playerRows,
    playerQueries,
    nodeQueries,
  );
  return { nodeQueries, playerQueries, commands, verify, playerCommands };
}

/** Begins to send the loads of nodes to readers. */
function openLoads(
  { nodeRows, reservationRows }: ReturnType<typeof openNetwork>,
  registry: SessionRegistry,
  common: Pick<Services, 'clock' | 'times' | 'onFault'>,
) {
  const loads = new Loads();
  reportReservedSlots(reservationRows, nodeRows, loads);
  const loadFrames = new LoadFrames(loads, (name) => nodeRows.nodes.topicOf(name));
  return { loads, loadFrames, stopLoads: sendLoadsRegularly(loadFrames, registry, common) };
}

/** Builds the parts by which readers get entries. */
function openDelivery(network: Network, limits: Limits, { reading }: Turns) {
  return {
    subscriptions: new SubscriptionIndex(network),
    patterns: new PatternBudget(limits),
    pages: new Pages(network.journal, reading),
  };
}

/** Builds the parts that find servers for players. */
function openRouting({
  network,
  nodeRows,
  playerRows,
  routingRows,
  playerQueries,
  reservations,
  clock,
}: Pick<Services, 'network' | 'nodeRows' | 'playerRows' | 'playerQueries' | 'clock'> & {
  readonly routingRows: RoutingRows;
  readonly reservations: Reservations;
}) {
  const { servers } = reservations;
  const picker = new Picker(routingRows, nodeRows, servers);
  const lastServers = new LastServers(playerRows);
  const routingRules = new RoutingRules(network, routingRows, clock);
  const explanations = new Explanations(network, routingRows, picker, playerQueries, lastServers);
  return { servers, picker, lastServers, routingRules, explanations };
}

/** Builds the transfers of players, and the drains that use them. */
function openTransfers(
  services: Omit<TransferParts, 'goals' | 'nodeCommands'> &
    Omit<GoalParts, 'nodeRows'> &
    Pick<Services, 'commands' | 'claims'>,
  ends: End[],
) {
  const { commands, claims, clock, onFault } = services;
  const nodeCommands = new NodeCommands(commands, clock, onFault);
  const transfers = new Transfers({ ...services, goals: new Goals(services), nodeCommands });
  ends.push(() => transfers.close());
  const drains = new Drains({ ...services, transfers, stored: claims.drains });
  ends.push(() => drains.close());
  return { transfers, drains };
}
