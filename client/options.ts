/** Options of `connect`, with every default in one place. */
import { randomBytes } from 'node:crypto';
import { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import { text, texts, UINT32, whole } from './core/arguments.js';
import { endpointsOf } from './core/endpoints.js';
import type { StartOption } from './core/start.js';
import type { Load } from './connection/load.js';
import { addressOf } from './connection/own-node.js';
import type { PlayersOptions } from './players/options.js';
import { type RoleName, roleOf, type SettableState, settableStateOf } from './core/spelling.js';
import { grpcTransport, type Route, type Transport } from './connection/transport.js';
import type { WarningLogger } from './warnings.js';

/** What a node says of itself, and how it connects. */
export interface ConnectOptions {
  /** The node's name, unique in the network. Letters, digits, `_` and `-`. */
  readonly name: string;
  readonly role: RoleName;
  /** Coordinators as host:port. Default: KELPIE_ENDPOINTS (with commas), else 127.0.0.1:50051. */
  readonly endpoints?: string | readonly string[];
  /** Where proxies reach this node. Without a host: the address that the coordinator sees. */
  readonly address?: { readonly host?: string; readonly port: number };
  /** The address that a Bedrock transfer names to players. */
  readonly publicAddress?: { readonly host: string; readonly port: number };
  /** Free marks to select nodes by. */
  readonly labels?: Record<string, string>;
  /** How many players fit. */
  readonly maxPlayers?: number;
  readonly motd?: string;
  /** The software and its version, for people. */
  readonly software?: string;
  readonly version?: string;
  /** Where the first stream starts to read. Default SNAPSHOT. Later ones go on where it was. */
  readonly start?: StartOption;
  /** How long a handler may take before its event counts as processed. Default 10,000, at most a day. */
  readonly handlerTimeoutMs?: number;
  /** Leave out the events that this node published itself, and those about it. Default false. */
  readonly excludeOwn?: boolean;
  /** What the node is up to when it joins. Default READY. */
  readonly state?: SettableState;
  /** Asked with each heartbeat; others see it in their rosters. */
  readonly load?: () => Load;
  /**
   * A file in which the node keeps how far its handlers have got, so that its next process goes on
   * there; `start` counts only while there is none. What was handled last may come again.
   */
  readonly cursorFile?: string;
  /** A file in which the roster is kept, so that it answers before a coordinator does. */
  readonly rosterFile?: string;
  /** For a proxy, or a server that players join directly: it reports its players by `client.players`. */
  readonly players?: PlayersOptions;
  /** What the roster has beside the nodes. Players: everybody who is online. Default: not. */
  readonly roster?: { readonly players?: boolean };
  /** Takes warnings, while nobody reads `status()`. Default: `process.emitWarning`, to stderr. */
  readonly logger?: WarningLogger;
  /** Another way to a coordinator than gRPC; `endpoints` is not used then. */
  readonly transport?: Transport;
}

export function routesOf({ endpoints, transport }: ConnectOptions): Route[] {
  if (transport) return [{ endpoint: 'transport', transport }];
  return endpointsOf(endpoints).map((endpoint) => ({
    endpoint,
    transport: grpcTransport(endpoint),
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
    features: [],
    start: undefined,
    window: undefined,
    sdk,
  };
}

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
