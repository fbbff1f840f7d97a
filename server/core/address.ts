/** Addresses to listen on. */
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches it, in whatever form it is written. Of names that is localhost alone. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Without the brackets in which an IPv6 address stands in an endpoint. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*:.*)\]$/, '$1');
}

/** As clients take it: host:port, [host]:port of IPv6. */
export function endpointOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
