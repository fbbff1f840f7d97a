/** Many calls that all come whole in one moment, each on a connection of its own. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type IncomingHttpHeaders } from 'node:http2';
import { grpcMessage, requestHeaders } from './raw-peer.js';

/** How a call ended: its status, or undefined if it was reset without one. */
export type Status = number | undefined;

export class HeldCalls {
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #streams: ClientHttp2Stream[] = [];
  readonly #lasts: Buffer[] = [];
  readonly statuses: Promise<Status>[] = [];

  constructor(endpoint: string, path: string, request: Buffer, count: number) {
    const message = grpcMessage(request);
    for (let call = 0; call < count; call++) {
      const session = connect(`http://${endpoint}`);
      session.on('error', () => undefined);
      const stream = session.request({ ...requestHeaders(), ':path': path });
      stream.on('error', () => undefined);
      stream.resume();
      stream.write(message.subarray(0, -1));
      this.#sessions.push(session);
      this.#streams.push(stream);
      this.#lasts.push(message.subarray(-1));
      this.statuses.push(statusOf(stream));
    }
  }

  /** Resolves when all but the last byte of each has gone out, or its call has ended. */
  async held(): Promise<void> {
    const gone = (stream: ClientHttp2Stream) => stream.writableLength === 0 || stream.destroyed;
    while (!this.#streams.every(gone)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  release(): void {
    this.#streams.forEach((stream, index) => {
      if (!stream.destroyed) stream.end(this.#lasts[index]);
    });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

async function statusOf(stream: ClientHttp2Stream): Promise<Status> {
  let status: Status;
  const listen = ({ 'grpc-status': value }: IncomingHttpHeaders): void => {
    if (value !== undefined) status = Number(value);
  };
  stream.on('response', listen);
  stream.on('trailers', listen);
  if (!stream.closed) await once(stream, 'close');
  return status;
}
