/** Where a Redis is, as its URL says. */

export interface Host {
  readonly host: string;
  readonly port: number;
}

export interface RedisAddress {
  /** `single`: the hosts name the one Redis. `sentinel`: they name sentinels. `cluster`: nodes of a Redis Cluster. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly hosts: readonly Host[];
  /** The name under which sentinels watch the primary; empty without sentinels. */
  readonly primary: string;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

const FORM =
  /^redis(?<tls>s)?(?:\+(?<mode>sentinel|cluster))?:\/\/(?:(?<username>[^:@/]+)?(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)\/?(?<path>.*)$/;
const PORT = 6379;
const SENTINEL_PORT = 26379;

/**
 * Reads `redis://user:password@host:port/database`. `rediss` instead of `redis` means TLS. Also
 * `redis+sentinel://host:port,host:port/primary` and `redis+cluster://host:port,host:port`. Throws a RangeError that
 * does not show the URL, because it may contain a password.
 */
export function redisAddress(url: string): RedisAddress {
  const parts = FORM.exec(url)?.groups;
  if (!parts) throw new RangeError(`the address of Redis is no URL; ${EXAMPLES}`);
  const { tls, mode, username, password, hosts = '', path = '' } = parts;
  const kind = (mode ?? 'single') as RedisAddress['kind'];
  checkPath(kind, path);
  const port = kind === 'sentinel' ? SENTINEL_PORT : PORT;
  return {
    kind,
    hosts: hosts.split(',').map((host) => hostOf(host, port)),
    primary: kind === 'sentinel' ? path : '',
    tls: tls !== undefined,
    username: decoded(username),
    password: decoded(password),
    database: kind === 'single' ? databaseOf(path) : 0,
  };
}

function checkPath(kind: RedisAddress['kind'], path: string): void {
  if (kind === 'single' || (kind === 'sentinel') === (path !== '')) return;
  throw new RangeError(`sentinels need the name of a primary, a cluster needs none; ${EXAMPLES}`);
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : decodeURIComponent(text);
}

function databaseOf(path: string): number {
  if (/^\d{0,5}$/.test(path)) return Number(path);
  throw new RangeError(`the path in the address of Redis is no number of a database; ${EXAMPLES}`);
}

const EXAMPLES =
  'write redis://host:6379, rediss://user:password@host:6379, redis+sentinel://host:26379,host:26379/primary or redis+cluster://host:6379';

function hostOf(text: string, defaultPort: number): Host {
  const [, bare, bracketed, port] = /^(?:([^:[\]]+)|\[([^\]]+)\])(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bare ?? bracketed;
  if (host === undefined)
    throw new RangeError(`a host in the address of Redis is none; ${EXAMPLES}`);
  return { host, port: port === undefined ? defaultPort : Number(port) };
}
