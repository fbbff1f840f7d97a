/**
 * The list of coordinators in Redis: what each says about itself, and when its beat runs out by the clock of Redis. Both
 * keys may be lost, or of a wrong type: the next beats write them anew.
 */
import { type RedisConnection, Script } from '../../journal/redis/connection.js';
import type { CoordinatorFacts, Membership } from '../membership.js';

/** Of each coordinator the duration of its beat and its facts; and when the beat ends, in milliseconds. */
const KEYS = ['kelpie:{cluster}:coordinators', 'kelpie:{cluster}:coordinators:ends'];

/**
 * A coordinator that beats is alive, also if Redis has no memory left for others. A key of a wrong type is no list.
 */
const BEGIN = `#!lua flags=allow-oom
for at, kind in ipairs({ 'hash', 'zset' }) do
  local found = redis.call('TYPE', KEYS[at]).ok
  if found ~= kind and found ~= 'none' then redis.call('DEL', KEYS[at]) end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;

/** Arguments: the id, the duration of the beat, the facts. */
const BEAT = new Script(`${BEGIN}
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
`);

/** Answers with the facts of each. If the clock of Redis ran back, a beat counts no longer than its duration from now on. */
const ALIVE = new Script(`${BEGIN}
local alive = {}
local ends = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for at = 1, #ends, 2 do
  local id, left = ends[at], tonumber(ends[at + 1]) - now
  local ttl, facts = string.match(redis.call('HGET', KEYS[1], id) or '', '^(%d+) (.*)$')
  if not facts or left <= 0 then
    redis.call('ZREM', KEYS[2], id)
    redis.call('HDEL', KEYS[1], id)
  else
    if left > tonumber(ttl) then redis.call('ZADD', KEYS[2], now + tonumber(ttl), id) end
    alive[#alive + 1] = facts
  end
end
return alive
`);

const LEAVE = new Script(`${BEGIN}
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
`);

/** The connection is shared, and stays open at `close`. */
export function redisMembership(connection: RedisConnection): Membership {
  return {
    beat: async (facts, ttlMs) => {
      await connection.evaluate(BEAT, KEYS, [facts.id, String(ttlMs), JSON.stringify(facts)]);
    },
    alive: async () => {
      const found = (await connection.evaluate(ALIVE, KEYS, [])) as Buffer[];
      return found.map((facts) => JSON.parse(facts.toString()) as CoordinatorFacts);
    },
    leave: async (id) => {
      await connection.evaluate(LEAVE, KEYS, [id]);
    },
    close: async () => undefined,
  };
}
