/**
 * The address at which others reach a coordinator, for `kelpie coordinators`. Nobody connects to an address that stands
 * for all addresses of a machine, so a coordinator that listens there shows one of these.
 */
import { isIP } from 'node:net';
import { hostname, networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { bareHost, endpointOf } from '../core/address.js';

/** The addresses that stand for all addresses of a machine. */
const ALL = ['0.0.0.0', '::'];

/** A host, perhaps with a port. */
interface Place {
  readonly host: string;
  readonly port: number | undefined;
}

/** Reads a host, or host:port. Throws a RangeError that says which texts are allowed. */
export function advertisedPlace(text: string): Place {
  const given = text.trim();
  const [, name = '', port] = /^(\[[^\]]+\]|[^\s:]+)(?::(\d{1,5}))?$/.exec(given) ?? [];
  const host = isIP(given) === 6 ? given : bareHost(name);
  const number = port === undefined ? undefined : Number(port);
  const fits = number === undefined || (number > 0 && number <= 65_535);
  if (host !== '' && !host.startsWith('[') && fits) return { host, port: number };
  throw new RangeError('It must be a name or an IP address, alone or with a port: host:50051.');
}

/** The address of a coordinator that listens on `host` and `port`. */
export function advertisedEndpoint(
  host: string,
  port: number,
  advertise?: string,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): string {
  const place = advertise === undefined ? undefined : advertisedPlace(advertise);
  if (place) return endpointOf(place.host, place.port ?? port);
  return endpointOf(ALL.includes(host) ? ownHost(host, interfaces) : host, port);
}

/** An address of this machine for others, of IPv4 if it has one; else its name. */
function ownHost(host: string, interfaces: ReturnType<typeof networkInterfaces>): string {
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter((one) => !one.internal && !isLinkLocal(one));
  const v4 = outside.find(({ family }) => family === 'IPv4');
  const found = v4 ?? (host === '::' ? outside[0] : undefined);
  return found?.address ?? hostname();
}

/** Such an address means something on its own link alone. */
function isLinkLocal({ address }: NetworkInterfaceInfo): boolean {
  return /^(fe80:|169\.254\.)/i.test(address);
}
