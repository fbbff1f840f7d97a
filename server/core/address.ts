/** Addresses to listen on. */
import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address, in any notation. The only name that counts is localhost. */
export function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** For messages: why the host is not accepted as loopback. No name is looked up. */
export function reachOf(host: string): string {
  if (isIP(bareHost(host)) !== 0) return `${host} is reachable from other machines`;
  return `${host} is a name, and of all names only localhost is sure to stand for this machine alone`;
}

/** The host without the brackets that an endpoint has around an IPv6 address. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*:.*)\]$/, '$1');
}

/** The endpoint in the form that clients accept: host:port, or [host]:port for IPv6. */
export function endpointOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `127.0.0.1:4711` or `[::1]:4711` without the port. */
export function hostOf(peer: string): string {
  return peer
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '');
}

/**
 * The block of addresses that one machine may have for itself: an IPv4 address, or the 64 bits of an IPv6 network.
 * Limits count blocks, because a machine may use each address of its block.
 */
export function addressBlock(host: string): string {
  if (isIP(host) !== 6) return host;
  const [head = '', tail] = host.replace(/%.*$/, '').split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const first = groups(head);
  const last = groups(tail ?? '');
  // An IPv4 address at the end takes the place of two groups.
  const missing = 8 - first.length - last.length - (last.at(-1)?.includes('.') ? 1 : 0);
  const all = [...first, ...Array<string>(tail === undefined ? 0 : missing).fill('0'), ...last];
  const network = all.slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** A coordinator does not listen on this address with its settings. */
export class AddressRefused extends RangeError {}
