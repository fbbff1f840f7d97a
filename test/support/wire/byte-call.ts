/** One gRPC call whose bytes and headers are written by hand, on a connection of its own. */
import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { CONNECT_PATH, requestHeaders } from './raw-peer.js';

/** Longer than any call takes: a test that waits this long waits for a status that never comes. */
const CEILING_MS = 30_000;

/** How a call ended. */
export interface Outcome {
  /** undefined: the stream was reset without a status. */
  readonly status: number | undefined;
  readonly message: string;
  /** The bytes of the DATA frames. */
  readonly body: Buffer;
}

/**
 * Sends the pieces unchanged, and waits for the status. With `open` this does not end the request, so only the
 * coordinator can end the call.
 */
export async function byteCall(
  endpoint: string,
  pieces: readonly Buffer[],
  options: { headers?: Record<string, string>; path?: string; open?: boolean } = {},
): Promise<Outcome> {
  const { headers = {}, path = CONNECT_PATH, open = false } = options;
  const session = connect(`http://${endpoint}`);
  // The stream has the same error, and the outcome shows it.
  session.on('error', () => undefined);
  const stream = session.request({ ...requestHeaders(headers), ':path': path });
  stream.on('error', () => undefined);
  let heard: IncomingHttpHeaders = {};
  const body: Buffer[] = [];
  const listen = (more: IncomingHttpHeaders): void => void (heard = { ...heard, ...more });
  stream.on('response', listen);
  stream.on('trailers', listen);
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  const over = new Promise((resolve) => stream.once('end', resolve).once('close', resolve));
  for (const piece of pieces) stream.write(piece);
  if (!open) stream.end();
  const ceiling = setTimeout(() => session.destroy(), CEILING_MS);
  await over;
  clearTimeout(ceiling);
  session.destroy();
  if (!session.closed) await once(session, 'close');
  const status = heard['grpc-status'];
  return {
    status: status === undefined ? undefined : Number(status),
    message: decodeURI(String(heard['grpc-message'] ?? '')),
    body: Buffer.concat(body),
  };
}
