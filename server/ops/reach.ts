/** Whether a coordinator may listen where its options say: what other machines reach needs TLS and credentials. */
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

/** Other machines reach a coordinator that asks for credentials alone, unless the options are `insecure`. */
export function checkAsking(
  { host, insecure = false }: CoordinatorOptions,
  { asks }: { readonly asks: boolean },
): void {
  if (insecure || asks || host === undefined || isLoopback(bareHost(host))) return;
  throw new AddressRefused(
    `${reachOf(host)}. Without credentials anybody could join and publish. Make one first ` +
      '(kelpied token create), listen on 127.0.0.1, or give --insecure (insecure: true) on a network that you trust',
  );
}
