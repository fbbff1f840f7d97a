/** The gRPC server: services, middleware, and the channel options that keep it safe. */
import { logVerbosity, type ServerOptions, setLogVerbosity } from '@grpc/grpc-js';
import {
  createServer,
  type Server,
  type ServiceDefinition,
  type ServiceImplementation,
} from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import { AccessServiceDefinition } from '../../../gen/ts/kelpie/v1/access_service.js';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { CoordinatorServiceDefinition } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';
import { NetworkServiceDefinition } from '../../../gen/ts/kelpie/v1/network_service.js';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import { PlayerServiceDefinition } from '../../../gen/ts/kelpie/v1/player_service.js';
import { RoutingServiceDefinition } from '../../../gen/ts/kelpie/v1/routing_service.js';
import { SessionServiceDefinition } from '../../../gen/ts/kelpie/v1/session_service.js';
import { StateServiceDefinition } from '../../../gen/ts/kelpie/v1/state_service.js';
import { endpointOf } from '../../core/address.js';
import type { Certificates } from '../../core/certificates.js';
import type { Authorize } from '../../access/access.js';
import { type PeerLimit, PeerLimits, type PeerRules } from '../../access/peer-limits.js';
import type { SessionPort } from '../../session/port.js';
import type { Identity } from '../../session/services.js';
import { admitCalls } from './admit.js';
import { CallTurns } from './call-turns.js';
import { EventService, ofContract, SessionService } from './definitions.js';
import { HealthService } from './health.js';
import { type GuardRules, Http2Guard } from './http2-guard.js';
import { byNetwork, type CallServices, type EdgeNetworks } from './networks.js';
import { OpenCalls } from './open-calls.js';
import { type CallObserver, observeCalls } from './observe.js';
import { addReflection } from './reflection.js';
import { sessionService } from './session-service.js';
import { TlsCredentials } from './tls.js';

/** The names of the services of the contract. */
export const contractServices = [
  SessionServiceDefinition,
  NodeServiceDefinition,
  PlayerServiceDefinition,
  CommandServiceDefinition,
  EventServiceDefinition,
  RoutingServiceDefinition,
  NetworkServiceDefinition,
  CoordinatorServiceDefinition,
  StateServiceDefinition,
  AccessServiceDefinition,
].map(({ fullName }) => fullName);

function serverOptions(messageBytes: number, calls: OpenCalls): ServerOptions {
  return {
    interceptors: [calls.interceptor],
    'grpc.max_receive_message_length': messageBytes,
    // Without it one connection could open streams without end.
    'grpc.max_concurrent_streams': 256,
    // Off by default, and then a frozen peer is never noticed.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5000,
    // It keeps a trace of every call, which nobody reads here.
    'grpc.enable_channelz': 0,
    // No max_connection_age: a GOAWAY ends long streams at the client's next ping (grpc-node #3068).
  };
}

/** The edge of a coordinator. */
export interface Edge {
  /** Listens. Returns the port, which matters if it was 0. */
  listen(host: string, port: number): Promise<number>;
  /** New handshakes get these certificates. */
  readonly renew: (certificates: Certificates) => void;
  /** Stops listening and ends what is still open. */
  stop(): Promise<void>;
}

/** How long the last frames of streams that have ended may take to get out. */
const FLUSH_MS = 1000;

/**
 * A peer that is frozen does not close its connection, and one that was asked to close is not broken
 * off by force either: it is waited for no longer, and its socket goes with it or with the process.
 */
async function endStreams(server: Server): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const force = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, FLUSH_MS);
  });
  await Promise.race([server.shutdown(), force]);
  clearTimeout(timer);
}

/** The parts of the coordinator that the edge uses, and the observer of its calls. */
export interface EdgeParts extends GuardRules, PeerRules {
  readonly authorize: Authorize;
  readonly networks: EdgeNetworks;
  readonly access: ServiceImplementation<AccessServiceDefinition>;
  readonly limits: SessionPort['limits'] & GuardRules['limits'] & PeerRules['limits'];
  readonly onLimit: (limit: PeerLimit | 'connections' | 'idle' | 'headers') => void;
  readonly identity: Pick<Identity, 'coordinatorId' | 'version'>;
  /** Without them the edge encrypts nothing. */
  readonly certificates?: Certificates | undefined;
  readonly onCall: CallObserver;
  readonly onFault: (error: unknown) => void;
}

export function createEdge(parts: EdgeParts): Edge {
  const { clock, limits, identity, certificates, onCall, onFault } = parts;
  const { coordinatorId, version } = identity;
  // grpc-js would print on stderr that a port is taken; it throws that as well.
  setLogVerbosity(logVerbosity.NONE);
  const calls = new OpenCalls(clock, limits);
  const guard = new Http2Guard(parts);
  const { connections } = guard;
  const peers = new PeerLimits(parts);
  const credentials = certificates && new TlsCredentials(certificates);
  const server: Server = createServer(serverOptions(limits.messageBytes, calls))
    .use(observeCalls(clock, version, onCall, onFault))
    .use(admitCalls({ ...parts, calls, connections, peers, turns: new CallTurns(clock) }));
  server.add(ofContract(AccessServiceDefinition), parts.access);
  addServices(server, sessionService(coordinatorId, calls));
  addReflection(server, [...contractServices, HealthDefinition.fullName]);
  return {
    listen: (host, port) => guard.listen(server, endpointOf(host, port), credentials),
    renew: (newer) => credentials?.renew(newer),
    stop: async () => {
      await endStreams(server);
      calls.close();
      guard.close();
      peers.close();
    },
  };
}

/** Adds the services of the contract. Calls get their answers from their network. */
function addServices(server: Server, sessions: ServiceImplementation<typeof SessionService>): void {
  const add = <Service extends ServiceDefinition>(
    methods: Service,
    of: (calls: CallServices) => ServiceImplementation<Service>,
  ) => server.add(methods, byNetwork(methods, of));
  server.add(SessionService, sessions);
  add(ofContract(NodeServiceDefinition), ({ nodes }) => nodes);
  add(ofContract(PlayerServiceDefinition), ({ players }) => players);
  add(ofContract(CommandServiceDefinition), ({ commands }) => commands);
  add(EventService, ({ events }) => events);
  add(ofContract(RoutingServiceDefinition), ({ routing }) => routing);
  add(ofContract(NetworkServiceDefinition), ({ network }) => network);
  add(ofContract(CoordinatorServiceDefinition), ({ coordinator }) => coordinator);
  add(ofContract(StateServiceDefinition), ({ state }) => state);
  add(HealthService, ({ health }) => health);
}
