/** Options of `connect`, with every default in one place. */
import { randomBytes } from 'node:crypto';
import { Hello } from '../gen/ts/kelpie/v1/session_service.js';
import { type Start, StartAt } from '../gen/ts/kelpie/v1/cursor.js';
import type { Cursor } from '../gen/ts/kelpie/v1/cursor.js';
import {
  amount,
  bytes,
  object,
  oneOf,
  shown,
  text,
  textList,
  texts,
  UINT32,
  whole,
} from './core/arguments.js';
import { durationOf } from './core/duration.js';
import { KelpieError } from './errors.js';
import type { Load } from './connection/load.js';
import type { PlayersOptions } from './players/players.js';
import { type RoleName, roleOf, type SettableState, settableStateOf } from './core/spelling.js';
import { grpcTransport, type Transport } from './connection/transport.js';
import type { WarningLogger } from './warnings.js';

/** Where kelpied listens unless it is told otherwise. */
export const DEFAULT_ENDPOINT = '127.0.0.1:50051';

/** Where reading starts: what is there now, all history, only the future, or a position. */
export type StartOption =
  'SNAPSHOT' | 'EARLIEST' | 'LATEST' | { readonly after: Cursor } | { readonly sinceMs: number };

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
  /** For a proxy that has players: it says who they are, by `client.players`. */
  readonly players?: PlayersOptions;
  /** What the roster has beside the nodes. Players: everybody who is online. Default: not. */
  readonly roster?: { readonly players?: boolean };
  /** Takes warnings, while nobody reads `status()`. Default: `process.emitWarning`, to stderr. */
  readonly logger?: WarningLogger;
  /** Another way to a coordinator than gRPC; `endpoints` is not used then. */
  readonly transport?: Transport;
}

/** A way to a coordinator, and its name for people. */
export interface Route {
  readonly endpoint: string;
  readonly transport: Transport;
}

/** The coordinators as given, or by the environment. */
export function endpointsOf(given: string | readonly string[] | undefined): string[] {
  // An empty variable is one that is not set.
  const variable = process.env['KELPIE_ENDPOINTS'];
  const all = given ?? (variable === '' ? undefined : variable) ?? DEFAULT_ENDPOINT;
  const endpoints = (typeof all === 'string' ? all.split(',') : textList('endpoints', all)).map(
    (one) => one.trim(),
  );
  const odd = endpoints.find((one) => !isEndpoint(one));
  if (odd === undefined && endpoints.length > 0) return endpoints;
  throw new KelpieError(
    'OUT_OF_RANGE',
    `${shown(odd ?? '')} is no endpoint; an endpoint is host:port, as in 127.0.0.1:50051`,
    { permanent: true },
  );
}

function isEndpoint(text: string): boolean {
  const [, port] = /^(?:\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
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
    start: undefined,
    window: undefined,
    sdk,
  };
}

function addressOf(field: string, address: { readonly host?: string; readonly port: number }) {
  const { host = '', port } = address;
  return { host: text(`${field}.host`, host), port: whole(`${field}.port`, port, 1, 65_535) };
}

/** Where reading starts. Throws VALUE_INVALID or OUT_OF_RANGE. */
export function startOf(option: StartOption): Start {
  if (typeof option === 'string') {
    const place = oneOf<'SNAPSHOT' | 'EARLIEST' | 'LATEST'>('start', option, StartAt);
    return { place: { $case: 'at', value: StartAt[place] } };
  }
  const start = object('start', option) as typeof option;
  if ('after' in start) return { place: { $case: 'after', value: cursorOf(start.after) } };
  // As far back as a wall clock can be.
  const sinceMs = amount('start.sinceMs', start.sinceMs, 0, Number.MAX_SAFE_INTEGER);
  return { place: { $case: 'since', value: durationOf(sinceMs) } };
}

function cursorOf(given: Cursor): Cursor {
  const { epoch, sequence, tag } = object('start.after', given) as Cursor;
  return {
    epoch: bytes('start.after.epoch', epoch),
    sequence: whole('start.after.sequence', sequence),
    tag: whole('start.after.tag', tag, 0, UINT32),
  };
}
