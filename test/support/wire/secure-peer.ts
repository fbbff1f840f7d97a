/**
 * gRPC over TLS by node:http2 alone, so that a test chooses the token of each call and the address that it comes from.
 * It reads the first message of an answer, or the reason of its error.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { Metadata, status } from '@grpc/grpc-js';
import {
  ConnectRequest,
  ConnectResponse,
  type CoordinatorFrame,
  type NodeFrame,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { endOf } from './status.js';

/** The end of a call: `OK`, or the reason of its error. The message is the first one. */
export interface Answer {
  readonly reason: string;
  readonly message?: Buffer;
}

const PREFIX_BYTES = 5;

export class SecurePeer {
  readonly #session: ClientHttp2Session;

  /** `from`: the address of this machine that the connection comes from. */
  constructor(port: number, ca: string, from = '127.0.0.1') {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port, ca, localAddress: from, ALPNProtocols: ['h2'] },
      servername: 'localhost',
    });
    this.#session = connect(`https://localhost:${port}`, { createConnection: () => socket });
    this.#session.on('error', () => undefined);
  }

  /** Calls a method. An answer that is a stream is cancelled after its first message. */
  call(path: string, request: Uint8Array, token?: string): Promise<Answer> {
    const stream = this.open(path, token);
    stream.end(framed(request));
    return new Promise((resolve) => {
      let message: Buffer | undefined;
      readMessages(stream, (one) => {
        message ??= one;
        // A unary answer ends by itself.
        setImmediate(() => {
          if (stream.closed) return;
          resolve({ reason: 'OK', message: one });
          stream.close();
        });
      });
      onEnd(stream, (reason) => resolve({ reason, ...(message && { message }) }));
    });
  }

  open(path: string, token?: string): ClientHttp2Stream {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    });
    stream.on('error', () => undefined);
    return stream;
  }

  close(): void {
    this.#session.destroy();
  }
}

/** The stream of a node. */
export class SecureSession {
  readonly #stream: ClientHttp2Stream;
  readonly #waiting = new Set<(frame: CoordinatorFrame | undefined) => void>();
  #requests = 0;
  #reason: string | undefined;
  /** Resolves with the reason of the end. */
  readonly ended: Promise<string>;

  constructor(peer: SecurePeer, token: string | undefined) {
    this.#stream = peer.open('/kelpie.v1.SessionService/Connect', token);
    readMessages(this.#stream, (bytes) => {
      for (const frame of ConnectResponse.decode(bytes).frames) {
        for (const take of [...this.#waiting]) take(frame);
      }
    });
    this.ended = new Promise((resolve) => {
      onEnd(this.#stream, (reason) => {
        this.#reason = reason;
        for (const take of [...this.#waiting]) take(undefined);
        resolve(reason);
      });
    });
  }

  /** Sends a frame. Resolves with what `read` makes of a frame that comes, or with the reason of the end. */
  async ask<Result>(
    frame: NodeFrame['frame'],
    read: (frame: CoordinatorFrame, requestId: number) => Result | undefined,
  ): Promise<Result | string> {
    const requestId = ++this.#requests;
    if (this.#reason !== undefined) return this.#reason;
    const answer = new Promise<Result | string>((resolve) => {
      const take = (one: CoordinatorFrame | undefined): void => {
        const result = one ? read(one, requestId) : (this.#reason ?? 'OK');
        if (result === undefined) return;
        this.#waiting.delete(take);
        resolve(result);
      };
      this.#waiting.add(take);
    });
    this.#stream.write(framed(ConnectRequest.encode({ frames: [{ requestId, frame }] }).finish()));
    return answer;
  }

  close(): void {
    this.#stream.close();
  }
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function readMessages(stream: ClientHttp2Stream, take: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + rest.readUInt32BE(1);
      if (rest.length < end) return;
      take(Buffer.from(rest.subarray(PREFIX_BYTES, end)));
      rest = rest.subarray(end);
    }
  });
}

function onEnd(stream: ClientHttp2Stream, ended: (reason: string) => void): void {
  let headers: IncomingHttpHeaders = {};
  const take = (more: IncomingHttpHeaders): void => void (headers = { ...headers, ...more });
  stream.on('response', take);
  stream.on('trailers', take);
  // A stream that the coordinator has ended is open until this side ends it too.
  stream.on('end', () => stream.end());
  stream.on('close', () => ended(reasonIn(headers)));
}

function reasonIn(headers: IncomingHttpHeaders): string {
  if (headers['grpc-status'] === '0') return 'OK';
  const metadata = Metadata.fromHttp2Headers(headers);
  const details = String(headers['grpc-message']);
  return endOf({ code: status.UNKNOWN, details, metadata }).info?.reason ?? details;
}
