/** The rights that a user of Redis needs for Kelpie, as ACL SETUSER takes them. Redis checks them in scripts too. */
export const REDIS_RIGHTS: readonly string[] = [
  'resetkeys',
  '~kelpie:*',
  'resetchannels',
  '&kelpie:*',
  '-@all',
  ...[
    'ping',
    'client|setname',
    'cluster|keyslot',
    'cluster|slots',
    'select',
    'subscribe',
    'unsubscribe',
    'publish',
  ].map(allow),
  ...['evalsha', 'script|load', 'info', 'time', 'type', 'unlink'].map(allow),
  ...['hget', 'hmget', 'hgetall', 'hset', 'hdel', 'hincrby', 'hlen', 'hrandfield', 'hscan'].map(
    allow,
  ),
  ...['xadd', 'xdel', 'xinfo|stream', 'xrange', 'xtrim'].map(allow),
  ...['zadd', 'zrangebylex', 'zrem', 'zscore'].map(allow),
];

function allow(command: string): string {
  return `+${command}`;
}
