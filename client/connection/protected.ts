/** Whether a token can be sent without encryption. */
import { BlockList, isIP } from 'node:net';
import { KelpieError } from '../errors.js';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Throws TOKEN_UNPROTECTED where other machines could read the token on its way. */
export function checkProtected(endpoint: string): void {
  const host = endpoint.slice(0, endpoint.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  const version = isIP(host);
  if (version === 0 && host.toLowerCase() === 'localhost') return;
  if (version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6')) return;
  const message =
    `the token is not sent to ${endpoint}: Kelpie has no TLS yet, so others on the way could read it; ` +
    'leave the token out, or connect to this machine (127.0.0.1) through a tunnel such as ssh -L';
  throw new KelpieError('TOKEN_UNPROTECTED', message, { permanent: true });
}
