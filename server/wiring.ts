/** Builds the services of one network in order, and passes each service only the parts that it uses. */
import { Commands } from './commands/commands.js';
import { PlayerCommands } from './commands/on-players.js';
import { Targets } from './commands/targets.js';
import { verifier } from './commands/verify-player.js';
import type { End } from './core/ending.js';
import { LoadFrames } from './delivery/load-frames.js';
import { Pages } from './delivery/pages.js';
import { PatternBudget } from './delivery/pattern-budget.js';
import { SubscriptionIndex } from './delivery/subscription-index.js';
import { Tail, type TailLimits } from './delivery/tail.js';
import { commandService } from './edge/grpc/command-service.js';
import { coordinatorService } from './edge/grpc/coordinator-service.js';
import { eventService } from './edge/grpc/event-service.js';
import { nodeService } from './edge/grpc/node-service.js';
import { playerService } from './edge/grpc/player-service.js';
import type { CallServices } from './edge/grpc/server.js';
import { CallPublisher } from './events/publish-once.js';
import type { Journal } from './journal/journal.js';
import { Network } from './network/network.js';
import { NodeClaims } from './nodes/claims.js';
import { Loads } from './nodes/loads.js';
import { NodeQueries } from './nodes/queries.js';
import { NodeRows } from './nodes/rows.js';
import { endOrphans, playersOfNodes } from './players/ends.js';
import { PlayerOwnership } from './players/ownership.js';
import { PlayerQueries } from './players/queries.js';
import { PlayerRows } from './players/rows.js';
import { Tickets } from './players/tickets.js';
import { PlayerWriter } from './players/writer.js';
import { endOrphanReservations, reservationsOfNodes } from './routing/reservation-ends.js';
import { ReservationRows } from './routing/reservation-rows.js';
import { Reservations } from './routing/reservations.js';
import { Servers } from './routing/servers.js';
import { sendEvictions } from './session/evictions.js';
import { sendLoadsRegularly } from './session/load-rounds.js';
import { type SessionObserver, allObservers } from './session/observer.js';
import type { Authorize, SessionPort } from './session/port.js';
import { SessionRegistry } from './session/registry.js';
import { sessionPort } from './session/serve.js';
import type { SessionServices } from './session/services.js';
import { Goals } from './transfers/goals.js';
import { NodeCommands } from './transfers/node-commands.js';
import { type TransferParts, Transfers } from './transfers/transfers.js';

/** The services of one network. */
export interface Services extends SessionServices {
  readonly playerRows: PlayerRows;
  readonly nodeQueries: NodeQueries;
  readonly playerQueries: PlayerQueries;
  readonly tickets: Tickets;
  readonly playerCommands: PlayerCommands;
  readonly callPublisher: CallPublisher;
  /** Edges open sessions here. */
  readonly port: SessionPort;
  /** Asks sessions to move to another coordinator, then ends the remaining sessions. */
  drain(): Promise<void>;
}

/** The settings and ports of the services. */
export type Settings = Pick<
  Services,
  'identity' | 'limits' | 'times' | 'clock' | 'listening' | 'onFault'
> & {
  readonly journal: Journal;
  readonly tailLimits: TailLimits;
  /** Called with the time that the journal took for each transaction. */
  readonly onCommit?: ((durationMs: number) => void) | undefined;
  /** Makes the observers of sessions. */
  readonly observers?: (
    parts: Pick<Services, 'network' | 'nodeRows' | 'clock'>,
  ) => readonly (SessionObserver | undefined)[];
};

/** Kelpie has no credentials yet: every peer may open a session. */
const authorize: Authorize = () => undefined;

/** Starts the services, and adds the end of each service to `ends` at once, because a later service may fail. */
export async function wire(settings: Settings, ends: End[]): Promise<Services> {
  const { identity, limits, times, clock, listening, onFault, observers = () => [] } = settings;
  const common = { identity, limits, times, clock, listening, onFault };
  const stored = openNetwork(settings);
  const { network, nodeRows, playerRows, playerWriter } = stored;
  await network.load();
  await endOrphans(playerWriter);
  const reservations = new Reservations(stored.reservationRows, { ...common, ...stored });
  ends.push(() => reservations.close());
  await endOrphanReservations(reservations, nodeRows);
  const claims = new NodeClaims(network, nodeRows, { ...common, ...identity });
  claims.dependents.register(playersOfNodes(playerWriter));
  claims.dependents.register(reservationsOfNodes(reservations, nodeRows));
  ends.push(() => claims.close());
  const ownership = new PlayerOwnership(playerWriter, { ...common, ...times });
  ends.push(() => ownership.close());
  const tickets = new Tickets(network, playerWriter, common);
  claims.dependents.register(tickets.ofNodes);
  ends.push(() => tickets.close());
  const observer = allObservers(
    observers({ ...stored, clock }).filter((one) => one !== undefined),
    onFault,
  );
  const registry = new SessionRegistry(network, nodeRows, { ...common, observer });
  sendEvictions(network, playerRows, registry);
  const asking = openCommands({ ...common, ...stored, registry });
  const transfers = openTransfers({ ...common, ...stored, ...asking, reservations, tickets });
  ends.push(() => transfers.close());
  const loads = new Loads();
  const loadFrames = new LoadFrames(loads, (name) => nodeRows.nodes.topicOf(name));
  const stopLoads = sendLoadsRegularly(loadFrames, registry, common);
  const services = {
    ...{
      ...common,
      ...stored,
      ...asking,
      claims,
      ownership,
      tickets,
      reservations,
      transfers,
      observer,
    },
    registry,
    ...{ loads, loadFrames },
    subscriptions: new SubscriptionIndex(network),
    patterns: new PatternBudget(limits),
    pages: new Pages(network.journal, clock),
    callPublisher: new CallPublisher(network, limits, clock),
  };
  const drain = async (): Promise<void> => {
    transfers.drain();
    await registry.drain();
    transfers.close();
    stopLoads();
  };
  return { ...services, port: sessionPort(services, authorize), drain };
}

/** Builds the network and its rows. The tail registers its listener first, because later listeners wake its readers. */
function openNetwork(settings: Settings) {
  const { limits, clock, tailLimits } = settings;
  const network = new Network(settings);
  const tail = Tail.of(network, tailLimits);
  const nodeRows = new NodeRows(network);
  const playerRows = new PlayerRows(network);
  const playerWriter = new PlayerWriter(network, playerRows, nodeRows, limits, clock);
  const reservationRows = new ReservationRows(network);
  return { network, tail, nodeRows, playerRows, playerWriter, reservationRows };
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

/** Builds the transfers of players. */
function openTransfers(
  services: Omit<TransferParts, 'goals' | 'nodeCommands'> &
    Pick<Services, 'commands' | 'reservations'>,
): Transfers {
  const { nodeRows, playerRows, reservations, commands, clock, onFault } = services;
  const servers = new Servers(nodeRows, playerRows, (name) => reservations.reservedOn(name));
  const route = (): undefined => undefined;
  const goals = new Goals({ nodeRows, servers, reservations, route, lastServerOf: () => '' });
  const nodeCommands = new NodeCommands(commands, clock, onFault);
  return new Transfers({ ...services, goals, nodeCommands });
}

/** The services behind calls, which need no session. */
export function callServices(services: Services): CallServices {
  const { network, claims, loads, registry, nodeQueries, playerQueries, commands } = services;
  const { playerCommands, callPublisher, identity } = services;
  const reading = { ...services, draining: registry.drainSignal };
  return {
    nodes: nodeService(network, nodeQueries, claims, loads),
    players: playerService(network, playerQueries, playerCommands, registry, services.transfers),
    commands: commandService(commands),
    events: eventService(reading, callPublisher, identity.coordinatorId),
    coordinator: coordinatorService(services),
  };
}
