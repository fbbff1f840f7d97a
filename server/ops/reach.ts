/** Whether a coordinator may and can listen where its options say: what other machines reach needs TLS and credentials. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { AddressRefused, bareHost, isLoopback, reachOf } from '../core/address.js';
import type { CoordinatorOptions } from './config/options.js';

/** Other machines reach a coordinator by TLS alone, and never its metrics, unless the options are `insecure`. */
export function checkReach({ host, metrics, tls, insecure = false }: CoordinatorOptions): void {
  const hosts = [tls ? undefined : host, metrics?.host].filter((one) => one !== undefined);
  const open = insecure ? undefined : hosts.find((one) => !isLoopback(bareHost(one)));
  if (open === undefined) return;
  throw new AddressRefused(
    open === host
      ? `${reachOf(open)}. Without TLS others could read and change what nodes send. Give the option tls ` +
          '(kelpied certs makes certificates), listen on 127.0.0.1, or set insecure: true on a network that you trust'
      : `${reachOf(open)}. Others could read the metrics. Serve them on 127.0.0.1, or set insecure: true on a ` +
          'network that you trust',
  );
}

/** Whether a coordinator may listen only if it asks for credentials: other machines reach it, and it is not `insecure`. */
export function mustAsk({ host, insecure = false }: CoordinatorOptions): boolean {
  return !insecure && host !== undefined && !isLoopback(bareHost(host));
}

export function checkAsking(
  options: CoordinatorOptions,
  { asks }: { readonly asks: boolean },
): void {
  const { host = '' } = options;
  if (asks || !mustAsk(options)) return;
  throw new AddressRefused(
    `${reachOf(host)}. Without credentials anybody could join and publish. Make one first ` +
      '(kelpied token create), listen on 127.0.0.1, or give --insecure (insecure: true) on a network that you trust',
  );
}

/** Rejects if the coordinator could not listen at its port. It listens last, and a start that fails should leave nothing. */
export async function checkFree({ host, port = 0 }: CoordinatorOptions): Promise<void> {
  if (port === 0) return;
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}
