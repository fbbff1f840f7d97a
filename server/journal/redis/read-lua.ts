/** The script that reads the log and asks for its newest position. */
import { Script } from './connection.js';
import { GUARD } from './guard-lua.js';

/**
 * Arguments: the epoch; the sequence from which runs are wanted; how many entries, and how many bytes, but at least
 * one run if entries are wanted. Answers `OK`, the newest sequence, its tag, and the runs; or `EPOCH` and the part
 * that is wrong.
 */
export const READ = new Script(`#!lua flags=no-writes
${GUARD}
local s, fault = state(true)
if not s then return { 'EPOCH', fault } end
if not s.primary then return redis.error_reply('READONLY this is no primary') end
if s.epoch ~= ARGV[1] then return { 'EPOCH', 'another epoch' } end
local from, entries, bytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local runs, at = {}, from
while entries > 0 and (bytes > 0 or #runs == 0) do
  local page = redis.call('XRANGE', LOG, text(at), '+', 'COUNT', '4')
  for _, run in ipairs(page) do
    if entries > 0 and (bytes > 0 or #runs == 0) then
      runs[#runs + 1] = run
      local last, count = string.match(run[1], '^(%d+)-(%d+)$')
      entries = entries - math.min(tonumber(count), tonumber(last) - from + 1)
      bytes = bytes - #run[2][4]
      at = tonumber(last) + 1
    end
  end
  if #page < 4 then break end
end
return { 'OK', text(s.newest), text(s.tag), runs }
`);
