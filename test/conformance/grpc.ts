/**
 * A gRPC server on HTTP/2 by hand: it knows each connection, so that it can cut it between two frames, and it passes on
 * bytes, so that it can send what no library would.
 */
import { EventEmitter, once } from 'node:events';
import {
  createServer as createHttp2,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTls, type TlsOptions } from 'node:tls';
import { DETAILS, detailsOf, statusText } from '../../server/edge/grpc/errors.js';
import type { KelpieError } from '../../server/core/errors.js';
import { grpcMessage } from '../support/wire/raw-peer.js';

const PREFIX_BYTES = 5;
/** HTTP/2's code for a stream that its peer does not want any more. */
const CANCEL = 8;

/** A call or stream of a client. Emits `message` with bytes, and `end` when the client sends no more. */
export class Call extends EventEmitter<{ message: [Buffer]; end: []; close: [] }> {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The client broke it off, or its connection is gone. */
  broken = false;
  readonly #stream: ServerHttp2Stream;
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);
  #trailers: Record<string, string> = { 'grpc-status': '0' };

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, socket: Socket) {
    super();
    this.#stream = stream;
    this.#socket = socket;
    this.headers = headers;
    this.path = headers[':path'] ?? '';
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.emit('end'));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.broken ||= stream.rstCode === CANCEL || stream.aborted;
      this.emit('close');
    });
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers));
  }

  #take(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + this.#pending.readUInt32BE(1);
      if (this.#pending.length < end) return;
      const bytes = this.#pending.subarray(PREFIX_BYTES, end);
      this.#pending = this.#pending.subarray(end);
      this.emit('message', bytes);
    }
  }

  /** Sends the headers, so that the client sees that its call has arrived. */
  respond(): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return;
    const headers = { ':status': 200, 'content-type': 'application/grpc' };
    this.#stream.respond(headers, { waitForTrailers: true });
  }

  /** Resolves when the bytes have left. */
  async send(bytes: Buffer): Promise<void> {
    this.respond();
    if (this.#stream.destroyed) return;
    await new Promise<void>((resolve) => this.#stream.write(grpcMessage(bytes), () => resolve()));
  }

  /** Ends it: in order, as a method that the server does not have, or with the error. */
  end(error?: KelpieError | 'unimplemented'): void {
    if (this.#stream.destroyed || this.#stream.writableEnded) return;
    if (error === 'unimplemented') this.#trailers = { 'grpc-status': '12' };
    else if (error) {
      this.#trailers = {
        'grpc-status': String(error.code),
        'grpc-message': encodeURIComponent(statusText(error.message)),
        [DETAILS]: Buffer.from(detailsOf(error)).toString('base64'),
      };
    }
    this.respond();
    this.#stream.end();
  }

  /** Closes the connection, after the frames that were sent. */
  cut(): void {
    this.#socket.end();
  }
}

export interface GrpcServer {
  readonly port: number;
  /** When connections were closed at once, in milliseconds. */
  readonly attemptsAway: readonly number[];
  /** New connections are closed at once, and the open ones now. */
  away(): void;
  back(): void;
  stop(): Promise<void>;
}

/** With `tls` it speaks TLS alone. */
export async function serveGrpc(
  onCall: (call: Call) => void,
  tls?: TlsOptions,
): Promise<GrpcServer> {
  const http2 = createHttp2();
  const sockets = new Set<Socket>();
  const attemptsAway: number[] = [];
  let isAway = false;
  http2.on('sessionError', () => undefined);
  const connected = (socket: Socket): void => {
    socket.on('error', () => undefined);
    if (isAway) {
      attemptsAway.push(performance.now());
      return void socket.destroy();
    }
    socket.setNoDelay(true);
    http2.once('session', (session) => {
      session.on('stream', (stream, headers) => onCall(new Call(stream, headers, socket)));
    });
    http2.emit('connection', socket);
    socket.on('close', () => socket.destroy());
  };
  const server: Server = tls
    ? createTls({ ...tls, ALPNProtocols: ['h2'] }, connected)
    : createServer({ allowHalfOpen: false }, connected);
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    attemptsAway,
    port: (server.address() as AddressInfo).port,
    away: () => {
      isAway = true;
      drop();
    },
    back: () => {
      isAway = false;
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      drop();
      await closed;
    },
  };
}
