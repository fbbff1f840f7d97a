/** The options of `connect`, and the routes and the Hello that the client makes of them. */
import { randomBytes } from 'node:crypto';
import { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import { text, texts, UINT32, whole } from './core/arguments.js';
import { endpointsOf } from './core/endpoints.js';
import type { StartOption } from './core/start.js';
import type { Load } from './connection/load.js';
import { addressOf } from './connection/own-node.js';
import { Tokens } from './connection/tokens.js';
import type { PlayersOptions } from './players/options.js';
import { type RoleName, roleOf, type SettableState, settableStateOf } from './core/spelling.js';
import { protectionOf, type TlsOptions } from './connection/tls.js';
import { grpcTransport, type Route, type Transport } from './connection/transport.js';
import type { WarningLogger } from './warnings.js';

/** The client keeps its stream where a coordinator that cannot reach its storage asks it to move, and no other one welcomes it. */
const MAY_STAY = 'drain-may-stay';
/** The facts of a node, and how it connects. */
export interface ConnectOptions extends TlsOptions {
  /** The node's name, unique in the network. Letters, digits, `_` and `-`. */
  readonly name: string;
  /** PROXY: players connect to it. DOWNSTREAM: players play on it. SERVICE: any other process. */
  readonly role: RoleName;
  /** The coordinators, each as host:port. Default: KELPIE_ENDPOINTS (a list with commas), else 127.0.0.1:50051. */
  readonly endpoints?: string | readonly string[];
  /** The address where proxies reach this node. Without a host: the address that the coordinator sees. */
  readonly address?: { readonly host?: string; readonly port: number };
  /** The address that a Bedrock transfer names to players. */
  readonly publicAddress?: { readonly host: string; readonly port: number };
  /** Free labels, to select nodes by: at most 64, with names of 1 to 63 bytes and values of at most 255 bytes. */
  readonly labels?: Record<string, string>;
  /** The most players of this node. Left out: the node reports no limit. */
  readonly maxPlayers?: number;
  /** The message of the day, at most 1024 bytes. */
  readonly motd?: string;
  /** The software, for people: `PocketMine-MP`. At most 128 bytes. */
  readonly software?: string;
  /** The version of the software, for people. At most 128 bytes. */
  readonly version?: string;
  /** Where the first stream starts to read. Default SNAPSHOT. Later streams continue where the one before ended. */
  readonly start?: StartOption;
  /**
   * How many milliseconds a handler may take before its event counts as processed. Default 10,000; at most a day.
   */
  readonly handlerTimeoutMs?: number;
  /** Leave out the events that this node published, and the events about this node. Default false. */
  readonly excludeOwn?: boolean;
  /** The state of the node when it joins. Default READY. */
  readonly state?: SettableState;
  /** Called with each heartbeat, every 5 s by default. Others see the load in their rosters. */
  readonly load?: () => Load;
  /**
   * A file for the position up to which the handlers have handled events. The next process continues there; `start`
   * counts only while there is no file. The last handled events may come again.
   */
  readonly cursorFile?: string;
  /** A file for the roster, so that the roster of the next process answers before a coordinator does. */
  readonly rosterFile?: string;
  /** For a proxy, or a server that players join directly: it reports its players with `client.players`. */
  readonly players?: PlayersOptions;
  /** With `players: true` the roster has the online players of the network beside the nodes. Default: false. */
  readonly roster?: { readonly players?: boolean };
  /** Takes the warnings while nobody reads `status()`. Default: `process.emitWarning`, to stderr. */
  readonly logger?: WarningLogger;
  /** The token of the node. Without it and `tokenFile`: KELPIE_TOKEN, or the file of KELPIE_TOKEN_FILE. */
  readonly token?: string;
  /** A file of the token. The client reads it at each connect, so a token can be replaced while the program runs. */
  readonly tokenFile?: string;
  /**
   * If there is no `tokenFile`, the node joins with this token: it draws a token of its own, writes it into the file, for
   * its user alone to read, and the coordinator makes a credential for it. Default: KELPIE_JOIN_TOKEN.
   */
  readonly joinToken?: string;
  /**
   * The network that the node must be in: `test`. If its credential is of another one, the client opens no session, and ends
   * with NETWORK_MISMATCH. Default: KELPIE_NETWORK, else any network.
   */
  readonly network?: string;
  /** Another transport than gRPC. The client does not use `endpoints` and tokens then. */
  readonly transport?: Transport;
}

/** Throws OUT_OF_RANGE, VALUE_INVALID or FILE_INVALID. */
export function routesOf(options: ConnectOptions): Route[] {
  const { name, endpoints, transport, token, tokenFile, joinToken } = options;
  const network = networkOf(options.network);
  if (transport) return [{ endpoint: 'transport', transport, network }];
  const tokens = new Tokens({ token, tokenFile, joinToken }, name);
  const protection = protectionOf(options);
  return endpointsOf(endpoints).map((endpoint) => ({
    endpoint,
    transport: grpcTransport(endpoint, tokens, protection, network),
    network,
    renewed: () => tokens.renewed(),
  }));
}

/** The Hello of this process; topics and start are filled in for each stream. */
export function helloOf(options: ConnectOptions, sdk: string): Hello {
  const { name, role, state, address, publicAddress, labels, maxPlayers } = options;
  const { motd = '', software = '', version = '', excludeOwn = false } = options;
  return {
    name: text('name', name),
    role: roleOf(role),
    state: settableStateOf(state ?? 'READY'),
    instanceId: randomBytes(16),
    address: address && addressOf('address', address),
    publicAddress: publicAddress && addressOf('publicAddress', publicAddress),
    labels: texts('labels', labels ?? {}),
    maxPlayers: maxPlayers === undefined ? undefined : whole('maxPlayers', maxPlayers, 0, UINT32),
    motd: text('motd', motd),
    software: text('software', software),
    version: text('version', version),
    excludeOwn,
    topics: [],
    commands: [],
    features: [MAY_STAY],
    start: undefined,
    window: undefined,
    sdk,
  };
}

/** The network that the program expects. An empty variable counts as none. */
function networkOf(given: string | undefined): string | undefined {
  const { KELPIE_NETWORK: set = '' } = process.env;
  return given ?? (set === '' ? undefined : set);
}
