/** The rights that a user of Redis needs for Kelpie, as ACL SETUSER takes them. Redis checks them in scripts too. */
const COMMANDS = `
  ping client|setname select info config|get cluster|keyslot cluster|slots
  subscribe unsubscribe publish pubsub|numsub evalsha script|load
  time type exists del unlink rename
  hget hmget hgetall hset hdel hincrby hlen hrandfield hscan
  xadd xdel xinfo|stream xrange xtrim
  zadd zrange zrangebylex zrem zscore sadd smembers`;

export const REDIS_RIGHTS: readonly string[] = [
  ...['resetkeys', '~kelpie:*', 'resetchannels', '&kelpie:*', '-@all'],
  ...COMMANDS.trim()
    .split(/\s+/)
    .map((command) => `+${command}`),
];
