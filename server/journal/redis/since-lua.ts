/** The script that finds the entries of an age. */
import { Script } from './connection.js';
import { GUARD } from './guard-lua.js';

/**
 * Arguments: the epoch; sequence and tag before the oldest entry; sequence of the head; a time. Answers `OK` with the
 * position of the last entry before those that were stored at that time or later; or `EPOCH` and the part that is
 * wrong. Each run has the latest time of all up to it, so it can search by halves.
 */
export const SINCE = new Script(`#!lua flags=no-writes
${GUARD}
local s, fault = state(false)
if not s then return { 'EPOCH', fault } end
if s.epoch ~= ARGV[1] then return { 'EPOCH', 'another epoch' } end
local low, tag, high, time = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
while low < high do
  local middle = math.floor((low + high) / 2)
  local found = redis.call('XRANGE', LOG, text(middle + 1), '+', 'COUNT', '1')[1]
  local last, count = string.match(found and found[1] or '', '^(%d+)-(%d+)$')
  local head = found and cjson.decode(found[2][2])
  if head and tonumber(last) <= high and head.l < time then
    low, tag = tonumber(last), text(head.t)
  elseif head then
    high = math.max(low, math.min(middle, tonumber(last) - tonumber(count)))
  else
    high = middle
  end
end
return { 'OK', text(low), tag }
`);
