/** The rights that a user of Redis needs for Kelpie, as ACL SETUSER takes them. Redis checks them in scripts too. */
import { JournalError } from '../error.js';
import { type RedisConnection, Script } from './connection.js';
import { RIGHTS_ADVICE } from './fault.js';

const COMMANDS = `
  ping client|setname select info config|get cluster|keyslot cluster|slots
  subscribe unsubscribe publish pubsub|numsub evalsha script|load
  time type exists del unlink rename
  hget hmget hgetall hset hdel hincrby hlen hrandfield hscan
  xadd xdel xinfo|stream xrange xtrim
  zadd zrange zrangebylex zrem zscore sadd smembers`
  .trim()
  .split(/\s+/);

/** A connection gives these itself, or must give them only to a Redis Cluster. Without config|get a setting stays unseen. */
const UNCHECKED = /^(ping|client|info|config|cluster|evalsha|script)\b/;

export const REDIS_RIGHTS: readonly string[] = [
  ...['resetkeys', '~kelpie:*', 'resetchannels', '&kelpie:*', '-@all'],
  ...COMMANDS.map((command) => `+${command}`),
];

/** For keys and for channels. */
const SAMPLE = 'kelpie:{cluster}:rights';

/**
 * Answers with those of the commands that the user may not give, and gives none of them. Each command has the most arguments
 * that one of them needs: Redis 7.0 crashes if it must check a command that lacks the arguments with its keys.
 */
const LACKING = new Script(`#!lua flags=no-writes
local lacking = {}
for _, name in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(name, '[^|]+') do words[#words + 1] = word end
  for _ = 1, 4 do words[#words + 1] = KEYS[1] end
  if not redis.acl_check_cmd(unpack(words)) then lacking[#lacking + 1] = name end
end
return lacking
`);

/**
 * Rejects with a JournalError that names the commands which the user lacks. The coordinator needs some of them much later
 * than at its start, and would fail then.
 */
export async function checkRights(connection: RedisConnection): Promise<void> {
  const checked = COMMANDS.filter((command) => !UNCHECKED.test(command));
  const lacking = (await connection.evaluate(LACKING, [SAMPLE], checked)) as Buffer[];
  if (lacking.length === 0) return;
  const names = lacking.map((command) => `+${command.toString()}`).join(' ');
  throw new JournalError('SETTINGS', `the user of Redis lacks ${names}; ${RIGHTS_ADVICE}`);
}
