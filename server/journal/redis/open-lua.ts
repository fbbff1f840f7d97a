/**
 * The script that opens a network, and begins a new epoch where that is needed. Redis runs one script at a time, so
 * one of several coordinators begins the epoch, and the others find it.
 */
import { Script } from './connection.js';
import { GUARD } from './guard-lua.js';

/**
 * Arguments: the epoch that has ended, or nothing; a new epoch; a tag; the highest sequence that the coordinator saw;
 * its calendar clock in microseconds. Answers `OPEN`, or `BEGUN` and why, with the state; or `FORMAT`.
 *
 * A new epoch keeps the rows that are there: they are as new as any data that Redis has. It also keeps the numbers of
 * producers, which count as lower bounds from then on. The log begins empty, above all sequences that were used.
 */
export const OPEN = new Script(`#!lua
${GUARD}
local ended, epoch, tag, seen, clock = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

local function begin()
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local old = redis.pcall('HMGET', META, 'newest', 'life')
  local newest = not old.err and tonumber(old[1] or nil) or 0
  local life = not old.err and tonumber(old[2] or nil) or 0
  local last = 0
  if redis.call('TYPE', LOG).ok == 'stream' then last = tonumber(endOfLog()) end
  local first = math.max(newest + 1, last + 1, seen + 1)
  -- A clock that is wrong by centuries must not use up the numbers below 2^53.
  for _, one in ipairs({ now, clock }) do
    if one < 2 ^ 52 then first = math.max(first, one) end
  end
  redis.call('UNLINK', META, LOG, OWN)
  redis.call('XADD', LOG, 'MAXLEN', '0', text(first) .. '-1', 'h', '')
  for _, key in ipairs({ TABLE, PRODUCERS }) do
    if redis.call('TYPE', key).ok ~= 'hash' then redis.call('UNLINK', key) end
    redis.call('HSET', key, '', epoch)
  end
  redis.call('ZADD', OWN, '0', '#' .. epoch)
  local rid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  redis.call('HSET', META, 'format', '1', 'epoch', epoch, 'rid', rid, 'topics', '{}', 'newest', text(first),
    'tag', tag, 'begin', text(first), 'life', text(life), 'seen', text(math.floor(now / 1000)),
    'floor', text(first), 'floorTag', tag, 'entries', '0', 'bytes', '0', 'latest', '0', 'next', '0',
    'mark', '0', 'markLife', text(life))
end

-- The calls of writers that have not stored anything for the longest time.
local function forget()
  local all, writers = redis.call('HGETALL', META), {}
  for at = 1, #all, 2 do
    local id = string.match(all[at], '^w:(%x+)$')
    if id then writers[#writers + 1] = { id, tonumber(string.match(all[at + 1], ' (%d+)$')) } end
  end
  table.sort(writers, function(a, b) return a[2] > b[2] end)
  for at = 65, #writers do
    local fields = { 'w:' .. writers[at][1] }
    for slot = 0, 7 do fields[#fields + 1] = fields[1] .. ':' .. slot end
    redis.call('HDEL', META, unpack(fields))
  end
end

local format = redis.pcall('HGET', META, 'format')
if type(format) == 'string' and (tonumber(format) or 0) > 1 then return { 'FORMAT', format } end
local s, fault = state(true)
local word = 'OPEN'
if not s or s.epoch == ended then
  begin()
  word = 'BEGUN'
else
  forget()
end
return { word, fault or '', redis.call('HGETALL', META) }
`);
