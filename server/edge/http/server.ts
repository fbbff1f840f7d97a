/** /metrics for Prometheus and /healthz for supervisors, over HTTP. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { bareHost, endpointOf } from '../../core/address.js';
import type { TelemetryAddress } from '../../ops/config/options.js';
import type { Telemetry } from '../../ops/telemetry.js';

/**
 * Where a coordinator is in its life. Only one that serves is healthy; one whose journal is read-only
 * can be read and keeps its sessions, but must be started again. One that cannot reach its storage keeps its sessions too,
 * and serves again when it can.
 */
export type Health =
  'starting' | 'serving' | 'journal read-only' | 'storage unreachable' | 'draining';

/** Pages that are served. */
export interface TelemetryServer {
  /** The address of /metrics. */
  readonly url: string;
  close(): Promise<void>;
}

/** Scrapers ask for a page in one short request. */
const BOUNDS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5000,
  requestTimeout: 5000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
};

/**
 * Beyond this number the server closes the oldest connection, so there is always room for a new one. A client
 * that holds connections open, or opens many, cannot keep a supervisor from its answer: the server answers within
 * a few turns of the event loop, in which far fewer connections come.
 */
const MOST_CONNECTIONS = 256;

/** Serves the pages. Rejects if it cannot listen. */
export async function serveTelemetry(
  { host, port }: TelemetryAddress,
  telemetry: Telemetry,
  health: () => Health,
): Promise<TelemetryServer> {
  const server = createServer(BOUNDS, (request, response) => {
    answer(request, response, telemetry, health()).catch(() => response.destroy());
  });
  keepRoom(server);
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${endpointOf(bareHost(host), bound)}/metrics`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function keepRoom(server: Server): void {
  // In the order of their opening.
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size <= MOST_CONNECTIONS) return;
    const [oldest] = open;
    oldest?.destroy();
  });
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, bareHost(host));
    await once(server, 'listening');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new Error(
      `${endpointOf(bareHost(host), port)}, where metrics would be, is taken by another process; ` +
        'stop that one, or choose another --metrics-port',
      { cause },
    );
  }
}

async function answer(
  { url = '', method = '' }: IncomingMessage,
  response: ServerResponse,
  { registry }: Telemetry,
  health: Health,
): Promise<void> {
  const [path] = url.split('?');
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  if (path !== '/metrics' && path !== '/healthz') {
    response.writeHead(404).end('There are /metrics and /healthz.\n');
  } else if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end('Pages can be read only.\n');
  } else if (path === '/healthz') {
    response.writeHead(health === 'serving' ? 200 : 503).end(`${health}\n`);
  } else {
    response.setHeader('content-type', registry.contentType);
    response.end(await registry.metrics());
  }
}
