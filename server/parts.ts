/** Builds the services of one network, group by group. */
import type { AuditRecord } from '../gen/ts/kelpie/v1/audit.js';
import { Audit } from './access/audit.js';
import { Exchange } from './cluster/exchange.js';
import { CommandIds } from './commands/command-ids.js';
import { Commands } from './commands/commands.js';
import { PlayerCommands } from './commands/on-players.js';
import { Replies, relayCommands } from './commands/relay.js';
import { Targets } from './commands/targets.js';
import { verifier, verifierAcross } from './commands/verify-player.js';
import type { End } from './core/ending.js';
import type { KelpieError } from './core/errors.js';
import type { CallParts } from './edge/grpc/calls.js';
import { ImportedHistory } from './delivery/imported.js';
import { LoadFrames } from './delivery/load-frames.js';
import { Pages } from './delivery/pages.js';
import { PatternBudget } from './delivery/pattern-budget.js';
import { SubscriptionIndex } from './delivery/subscription-index.js';
import { Tail, type TailLimits } from './delivery/tail.js';
import type { Turns } from './delivery/turns.js';
import type { Journal } from './journal/journal.js';
import { Network } from './network/network.js';
import { NodeClaims } from './nodes/claims.js';
import { Holders } from './nodes/holders.js';
import { Loads } from './nodes/loads.js';
import { NodeQueries } from './nodes/queries.js';
import { NodeRows } from './nodes/rows.js';
import { endOrphans, playersOfNodes } from './players/ends.js';
import { PlayerQueries } from './players/queries.js';
import { PlayerRows } from './players/rows.js';
import { OperatorSettings } from './players/settings.js';
import { Tickets } from './players/tickets.js';
import { PlayerWriter } from './players/writer.js';
import { Explanations } from './routing/explanations.js';
import { LastServers } from './routing/last-servers.js';
import { Picker } from './routing/picker.js';
import { endOrphanReservations, reservationsOfNodes } from './routing/reservation-ends.js';
import { ReservationRows } from './routing/reservation-rows.js';
import { Reservations } from './routing/reservations.js';
import { reportReservedSlots } from './routing/reserved-loads.js';
import { RoutingRows } from './routing/rows.js';
import { RoutingRules } from './routing/rules.js';
import { Latencies } from './session/latencies.js';
import { sendLoadsRegularly } from './session/load-rounds.js';
import { Measurements } from './session/measurements.js';
import type { SessionObserver } from './session/observer.js';
import type { SessionPort } from './session/port.js';
import { endOrphanValues, valueExpiry, valuesOfNodes } from './state/ends.js';
import { ValueRows } from './state/rows.js';
import { SharedValues } from './state/values.js';
import { Drains } from './transfers/drains.js';
import { type GoalParts, Goals } from './transfers/goals.js';
import { NodeCommands } from './transfers/node-commands.js';
import { type TransferParts, Transfers } from './transfers/transfers.js';

/** The services of one network. */
export interface Services extends CallParts {
  readonly exchange: Exchange;
  readonly holders: Holders;
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

/** The parts by which the coordinators of the network work together. */
interface Across {
  readonly exchange: Exchange;
  readonly holders: Holders;
}

/** Begins to record acts. */
export function openAudit(network: Network, settings: Settings, ends: End[]): Audit {
  const { clock, onFault, onAct: onRecord, onAuditLost: onLost } = settings;
  const audit = new Audit({ network, clock, onFault, onRecord, onLost });
  ends.push(() => audit.close());
  return audit;
}

/** Builds the network and its rows. The tail registers its listener first, because later listeners wake its readers. */
export function openNetwork(settings: Settings, { searches, syncs }: Turns) {
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
  const imported = new ImportedHistory(network);
  const values = new SharedValues(network, valueRows, nodeRows, limits, clock);
  const rows = { nodeRows, playerRows, routingRows, reservationRows, valueRows };
  return { network, tail, ...rows, playerWriter, operatorSettings, values, imported };
}

/** Builds the parts by which the coordinators of the network work together. */
export async function openExchange(
  services: Pick<
    Services,
    'identity' | 'network' | 'nodeRows' | 'members' | 'bus' | 'clock' | 'onFault'
  >,
  ends: End[],
) {
  const exchange = new Exchange({ ...services, network: services.identity.network });
  ends.push(() => exchange.close());
  const holders = new Holders(services);
  ends.push(() => holders.close());
  await holders.refresh();
  return { exchange, holders };
}

/** Ends what former processes left behind, and builds what ends with a node: it ends when the node does. */
export async function openClaims(
  services: ReturnType<typeof openNetwork> &
    Pick<Services, 'limits' | 'times' | 'clock' | 'listening' | 'members' | 'onFault'> &
    Across,
  ends: End[],
) {
  const { network, nodeRows, playerWriter, reservationRows, holders, onFault } = services;
  const reservations = new Reservations(reservationRows, services);
  ends.push(() => reservations.close());
  const ending = { ...services, reservations };
  const endAllOrphans = async (): Promise<void> => {
    await endOrphans(playerWriter);
    await endOrphanValues(services);
    await endOrphanReservations(ending);
  };
  await endAllOrphans();
  // A coordinator that died may have left some. The first writer ends them.
  ends.push(holders.onLeft(() => void endAllOrphans().catch(onFault)));
  const claims = new NodeClaims(network, nodeRows, services);
  claims.dependents.register(playersOfNodes(playerWriter));
  claims.dependents.register(reservationsOfNodes(ending));
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
export function openCommands(
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
    | 'members'
  > &
    Across,
) {
  const { network, nodeRows, playerRows, registry, times, exchange, onFault } = services;
  const nodeQueries = new NodeQueries(network, nodeRows);
  const playerQueries = new PlayerQueries(network, playerRows, nodeQueries);
  const targets = new Targets(nodeRows, nodeQueries, playerRows);
  const commandIds = new CommandIds(services.members);
  const sending = { commandIds, nodes: nodeRows, targets, carrier: registry };
  const commands = new Commands({ ...services, ...sending });
  relayCommands(exchange, commands, onFault);
  const replies = new Replies(commands, commandIds, exchange);
  const verifyHere = verifier(commands, registry, { ...services, ...times });
  const verify = verifierAcross(verifyHere, { ...services, players: playerRows }, times);
  const { searches } = network;
  const playerCommands = new PlayerCommands(
    searches,
    commands,
    playerRows,
    playerQueries,
    nodeQueries,
  );
  return { nodeQueries, playerQueries, commands, replies, verify, playerCommands };
}

/** Begins to send the loads of nodes to readers, and to share them with other coordinators. */
export function openLoads(
  services: ReturnType<typeof openNetwork> &
    Pick<Services, 'registry' | 'members' | 'clock' | 'times' | 'onFault'> &
    Across,
  ends: End[],
) {
  const { nodeRows, reservationRows, registry } = services;
  const loads = new Loads();
  reportReservedSlots(reservationRows, nodeRows, loads);
  const latencies = new Latencies(registry);
  const measurements = new Measurements({ ...services, loads, latencies });
  const loadFrames = new LoadFrames(loads, (name) => nodeRows.nodes.topicOf(name));
  const stopSending = sendLoadsRegularly(loadFrames, registry, services);
  const stopLoads = (): void => {
    measurements.close();
    stopSending();
  };
  // A network that fails to open is not drained.
  ends.push(stopLoads);
  return { loads, latencies, loadFrames, stopLoads };
}

/** Builds the parts by which readers get entries. */
export function openDelivery(
  { network, imported }: Pick<ReturnType<typeof openNetwork>, 'network' | 'imported'>,
  { limits, clock }: Pick<Services, 'limits' | 'clock'>,
  { reading }: Turns,
) {
  return {
    subscriptions: new SubscriptionIndex(network),
    patterns: new PatternBudget(limits),
    pages: new Pages(network.journal, reading, clock, imported),
  };
}

/** Builds the parts that find servers for players. */
export function openRouting({
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
export function openTransfers(
  services: Omit<TransferParts, 'goals' | 'nodeCommands'> &
    Omit<GoalParts, 'nodeRows'> &
    Pick<Services, 'commands' | 'claims' | 'holders'>,
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
