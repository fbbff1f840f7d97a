/** Builds the services of an open network, in order, and hands each of them exactly what it uses. */
import { Commands } from './commands/commands.js';
import { verifier } from './commands/verify-player.js';
import type { End } from './core/ending.js';
import { LoadFrames } from './delivery/load-frames.js';
import { Pages } from './delivery/pages.js';
import { PatternBudget } from './delivery/pattern-budget.js';
import { SubscriptionIndex } from './delivery/subscription-index.js';
import { commandService } from './edge/grpc/command-service.js';
import { coordinatorService } from './edge/grpc/coordinator-service.js';
import { eventService } from './edge/grpc/event-service.js';
import { nodeService } from './edge/grpc/node-service.js';
import { playerService } from './edge/grpc/player-service.js';
import type { CallServices } from './edge/grpc/server.js';
import type { Network } from './network/network.js';
import { NodeClaims } from './nodes/claims.js';
import { Loads } from './nodes/loads.js';
import { endOrphans, playersOfNodes } from './players/ends.js';
import { PlayerOwnership } from './players/ownership.js';
import { sendEvictions } from './session/evictions.js';
import { sendLoadsRegularly } from './session/load-rounds.js';
import { type SessionObserver, tellAll } from './session/observer.js';
import type { Authorize, SessionPort } from './session/port.js';
import { SessionRegistry } from './session/registry.js';
import { sessionPort } from './session/serve.js';
import type { SessionServices } from './session/services.js';

/** The services of one network. */
export interface Services extends SessionServices {
  /** How edges open sessions. */
  readonly port: SessionPort;
  /** Lets sessions move on by themselves, then ends the rest. */
  drain(): Promise<void>;
}

/** Nobody is asked who they are yet. */
const authorize: Authorize = () => undefined;

/** `ends` gets the end of each service as soon as that is started: what comes after it may fail. */
export async function wire(
  network: Network,
  observers: readonly SessionObserver[],
  ends: End[],
): Promise<Services> {
  const { clock, journal, limits, onFault } = network.options;
  await endOrphans(network);
  const claims = new NodeClaims(network);
  claims.dependents.register(playersOfNodes(network));
  ends.push(() => claims.close());
  const ownership = new PlayerOwnership(network);
  ends.push(() => ownership.close());
  const observer = tellAll(observers, onFault);
  const registry = new SessionRegistry(network, observer);
  sendEvictions(network, registry);
  const commands = new Commands(network, registry);
  const verify = verifier(network, commands, registry);
  const loads = new Loads();
  const loadFrames = new LoadFrames(loads, (name) => network.nodeRows.topicOf(name));
  const stopLoads = sendLoadsRegularly(network, loadFrames, registry);
  const subscriptions = new SubscriptionIndex(network);
  const patterns = new PatternBudget(limits);
  const pages = new Pages(journal, clock);
  const nodesAndPlayers = { network, claims, ownership, verify, commands, loads, loadFrames };
  const services = { ...nodesAndPlayers, registry, pages, subscriptions, patterns, observer };
  const drain = async (): Promise<void> => {
    await registry.drain();
    stopLoads();
  };
  return { ...services, port: sessionPort(services, authorize), drain };
}

/** The services of calls without a session. */
export function callServices(services: Services): CallServices {
  const { network, claims, commands, loads, registry, pages, subscriptions, patterns } = services;
  const draining = registry.drainSignal;
  return {
    nodes: nodeService(network, claims, loads),
    players: playerService(network, commands, registry),
    commands: commandService(commands),
    events: eventService({ network, pages, subscriptions, patterns, draining }),
    coordinator: coordinatorService(network, registry),
  };
}
