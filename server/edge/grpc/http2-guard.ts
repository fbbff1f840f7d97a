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
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { Server as GrpcServer, type ServerCredentials } from '@grpc/grpc-js';
import type { Server } from 'nice-grpc';
import { CallTurns } from './call-turns.js';
import { type ConnectionRules, Connections } from './connections.js';

/** Streams that wait to be begun; what is above may be tried again at once, says HTTP/2. */
const WAITING_STREAMS = 20_000;
/** A longer path is no method's, and would come back whole in the status. */
const PATH_LENGTH = 255;
/** The longest time of a timer; a call may take 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

const UNIT_MS = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

interface Binding {
  bindAsync: (this: GrpcServer, ...binding: Parameters<GrpcServer['bindAsync']>) => void;
}

type OnConnection = (this: Http2Server, socket: Socket) => void;
type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export class Http2Guard {
  readonly connections: Connections;
  readonly #turns: CallTurns;

  constructor(rules: ConnectionRules) {
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
    const server = met as unknown as { createHttp2Server(credentials: unknown): Http2Server };
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
    if (begin) server.on('stream', (stream, headers) => this.#queue(stream, headers, begin));
    return server;
  }

  #queue(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, begin: OnStream): void {
    this.connections.call(stream);
    // It may break before its turn, and nobody else listens yet.
    stream.on('error', () => undefined);
    if (this.#turns.size >= WAITING_STREAMS) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if ((headers[':path'] ?? '').length > PATH_LENGTH) headers[':path'] = '/a-path-of-nothing';
    if (isTooLong(headers['grpc-timeout'])) delete headers['grpc-timeout'];
    this.#turns.take(stream.session, () => {
      if (!stream.destroyed) begin(stream, headers);
    });
  }
}

function isTooLong(timeout: string | string[] | undefined): boolean {
  // As grpc-js reads it.
  const [, number, unit] = /(\d{1,8})\s*([HMSmun])/.exec(String(timeout)) ?? [];
  return Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS] > LONGEST_MS;
}
