/**
 * Guards HTTP/2 connections where grpc-js does not: against thousands of streams opened in one tick, timeouts
 * longer than a timer can hold, too many headers, and connections that nobody uses (`connections.ts`).
 *
 * nice-grpc hides the grpc-js server, and grpc-js hides its HTTP/2 servers. The guard meets the one when it
 * binds, and the others when it creates them. No other file knows that.
 */
import {
  constants,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerOptions,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Server as GrpcServer, type ServerCredentials } from '@grpc/grpc-js';
import type { Server } from 'nice-grpc';
import { headersTooLarge, statusHeaders } from './errors.js';
import { CallTurns } from './call-turns.js';
import { type ConnectionRules, Connections } from './connections.js';

/** Streams that wait to be begun; what is above may be tried again at once, says HTTP/2. */
const WAITING_STREAMS = 20_000;
/** A longer path is no method's, and would come back whole in the status. */
const PATH_LENGTH = 255;
/** The longest time of a timer; a call may take 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

const UNIT_MS = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** HTTP/2 itself refuses a stream with so many times the allowed headers, and then its peer gets no error of ours. */
const HEADER_ROOM = 2;
/** HTTP/2 counts so many bytes for a header beside its name and its value. */
const HEADER_BYTES = 32;

/** The parts of a grpc-js server that it hides. */
interface Hidden {
  readonly commonServerOptions: ServerOptions;
  createHttp2Server(credentials: unknown): Http2Server;
}

interface Binding {
  bindAsync: (this: GrpcServer, ...binding: Parameters<GrpcServer['bindAsync']>) => void;
}

export interface GuardRules extends ConnectionRules {
  readonly limits: ConnectionRules['limits'] & { readonly headerBytes: number };
  /** Hears of `headers` too: a call had more of them than the limit. */
  readonly onLimit: (limit: 'connections' | 'idle' | 'headers') => void;
}

type OnConnection = (this: Http2Server, socket: Socket) => void;
type OnStream = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void;

export class Http2Guard {
  readonly connections: Connections;
  readonly #turns: CallTurns;

  readonly #rules: GuardRules;

  constructor(rules: GuardRules) {
    this.#rules = rules;
    this.connections = new Connections(rules);
    this.#turns = new CallTurns(rules.clock);
  }

  /** Listens with a server whose connections are guarded. Returns the port. */
  listen(server: Server, address: string, credentials?: ServerCredentials): Promise<number> {
    const prototype: Binding = GrpcServer.prototype;
    const { bindAsync } = prototype;
    const guard = (met: GrpcServer): void => this.#guard(met);
    prototype.bindAsync = function (...binding) {
      guard(this);
      bindAsync.apply(this, binding);
    };
    // It binds before its first await.
    const port = server.listen(address, credentials);
    prototype.bindAsync = bindAsync;
    return port;
  }

  close(): void {
    this.connections.close();
  }

  #guard(met: GrpcServer): void {
    const server = met as unknown as Hidden;
    const options = server.commonServerOptions;
    const maxHeaderListSize = HEADER_ROOM * this.#rules.limits.headerBytes;
    options.settings = { ...options.settings, maxHeaderListSize };
    const create = server.createHttp2Server.bind(server);
    server.createHttp2Server = (credentials) => this.#guarded(create(credentials));
  }

  #guarded(server: Http2Server): Http2Server {
    server.on('session', (session) => this.connections.began(session));
    const accept = server.listeners('connection') as OnConnection[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      if (this.connections.admit(socket)) for (const one of accept) one.call(server, socket);
    });
    const [begin] = server.listeners('stream') as OnStream[];
    server.removeAllListeners('stream');
    if (begin) server.on('stream', (...one: Parameters<OnStream>) => this.#queue(one, begin));
    return server;
  }

  #queue(one: Parameters<OnStream>, begin: OnStream): void {
    const [stream, headers, , raw] = one;
    this.connections.call(stream);
    // It may break before its turn, and nobody else listens yet.
    stream.on('error', () => undefined);
    if (this.#turns.size >= WAITING_STREAMS) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    // A path that is too long is a method that does not exist.
    const path = headers[':path'] ?? '';
    if (bytesOf(raw) - path.length > this.#rules.limits.headerBytes) return this.#refuse(stream);
    if (path.length > PATH_LENGTH) headers[':path'] = '/a-path-of-nothing';
    if (isTooLong(headers['grpc-timeout'])) delete headers['grpc-timeout'];
    // Node would keep the first token. A proxy before the coordinator may have checked the other one.
    if (countOf('authorization', raw) > 1) headers.authorization = '';
    this.#turns.take(stream.session, () => {
      if (!stream.destroyed) begin(...one);
    });
  }

  #refuse(stream: ServerHttp2Stream): void {
    this.#rules.onLimit('headers');
    stream.respond(statusHeaders(headersTooLarge(this.#rules.limits.headerBytes)), {
      endStream: true,
    });
    stream.close(constants.NGHTTP2_NO_ERROR);
  }
}

/** How often a header came. Names and values take turns. */
function countOf(name: string, rawHeaders: readonly string[]): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text === name).length;
}

function bytesOf(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((sum, text) => sum + text.length + HEADER_BYTES / 2, 0);
}

function isTooLong(timeout: string | string[] | undefined): boolean {
  // As grpc-js reads it.
  const [, number, unit] = /(\d{1,8})\s*([HMSmun])/.exec(String(timeout)) ?? [];
  return Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS] > LONGEST_MS;
}
