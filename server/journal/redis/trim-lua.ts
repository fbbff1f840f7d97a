/**
 * The part of the append script that removes old entries. Removal is exact at once, entry by entry: positions in meta
 * say which entries are gone. The stream loses whole runs, some seconds later.
 */

import { MARK_BYTES } from './marks.js';

/** Removals of one call: more than it adds, and few enough that it stays short. */
const AT_ONCE = 1000;

/**
 * `trim()` counts the call's entries, decides what is over a limit, and returns the effects as JSON: floor, counts, and
 * the removed entries of each group. It writes nothing. `recount(fields, gone)` names the fields of the use of groups
 * that change, `sweep(lagMs)` removes runs from the stream.
 */
export const TRIM = `
local function member(topic, sequence)
  return topic .. ' ' .. string.format('%016.0f', sequence)
end

local function parsed(id, fields)
  local last, count = string.match(id, '^(%d+)-(%d+)$')
  local run = cjson.decode(fields[2])
  run.m = fields[6]
  run.last = tonumber(last)
  run.first = run.last - tonumber(count) + 1
  return run
end

-- The first run that ends after a sequence: of the stream, or else of this call.
local function runAfter(sequence)
  local found = redis.call('XRANGE', LOG, text(sequence + 1), '+', 'COUNT', '1')
  if found[1] then return parsed(found[1][1], found[1][2]) end
  for _, run in ipairs(runs) do
    if run.last > sequence then return run end
  end
end

local function ownRunAfter(topic, sequence)
  local from, to = '[' .. member(topic, sequence + 1), '[' .. topic .. ' ~'
  local found = redis.call('ZRANGEBYLEX', OWN, from, to, 'LIMIT', '0', '1')
  if found[1] then
    local id = string.match(found[1], '(%d+%-%d+)$')
    id = string.gsub(id, '^0+', '')
    local run = redis.call('XRANGE', LOG, id, id)
    if run[1] then return parsed(id, run[1][2]) end
  end
  for _, run in ipairs(runs) do
    if run.c == topic and run.last > sequence then return run end
  end
end

local function ownOf(topic)
  if topic == '' then return nil end
  local own = s.topics[topic]
  if not own then
    own = { n = 0, b = 0, next = 0, r = '0', t = 0, l = 0, mark = '0' }
    s.topics[topic] = own
  end
  return own
end

-- The use of groups that this call adds and removes; what it removes.
local change, removed, budget = {}, {}, 0

local function count(group, entries, bytes)
  local sum = change[group] or { 0, 0 }
  change[group] = { sum[1] + entries, sum[2] + bytes }
end

local function remove(run, sequence)
  local name, size = struct.unpack('<I2I4', run.m, (sequence - run.first) * ${MARK_BYTES} + 1)
  local group, own = run.G[name], ownOf(run.c)
  s.entries, s.bytes = s.entries - 1, s.bytes - size
  if own then own.n, own.b = own.n - 1, own.b - size end
  count(group, -1, -size)
  local sum = removed[group] or { 0, 0 }
  removed[group] = { sum[1] + 1, sum[2] + size }
  budget = budget - 1
end

-- The last entry of a run that is gone.
local function goneIn(run)
  local own = run.c ~= '' and s.topics[run.c]
  return math.max(s.floor, run.first - 1, own and tonumber(own.r) or 0)
end

local function over(used, limit, oldest)
  if used.n == 0 then return false end
  return used.n > (limit.entries or math.huge) or used.b > (limit.bytes or math.huge)
    or now - oldest > (limit.ageMs or math.huge)
end

local function trimOwn(topic, own, limit)
  local at, run = math.max(s.floor, tonumber(own.r)), nil
  while budget > 0 and over(own, limit, own.next) do
    if not run or at >= run.last then
      run = ownRunAfter(topic, at)
      if not run then return end
      own.next = run.a or now
      at = goneIn(run)
    else
      at = at + 1
      remove(run, at)
      own.r, own.t, own.l = text(at), run.t, run.l or s.latest
    end
  end
end

local function trimAll(limit)
  local at, run = s.floor, nil
  while budget > 0 and over({ n = s.entries, b = s.bytes }, limit, s.next) do
    if not run or at >= run.last then
      run = runAfter(at)
      if not run then return end
      budget = budget - 1
      at = goneIn(run)
      if at < run.last then s.next = run.a or now else at = run.last end
    else
      at = at + 1
      remove(run, at)
      s.floor, s.floorTag = at, run.t
    end
  end
end

local function trim()
  for _, run in ipairs(runs) do
    local own = ownOf(run.c)
    for _, use in ipairs(run.uses) do
      local entries, size = use[2], use[3]
      s.entries, s.bytes = s.entries + entries, s.bytes + size
      if own then own.n, own.b = own.n + entries, own.b + size end
      count(run.G[use[1]], entries, size)
    end
  end
  budget = ${AT_ONCE} + 2 * (s.newest - before)
  for _, limit in ipairs(limits.topics or {}) do
    local own = s.topics[limit.prefix]
    if own then trimOwn(limit.prefix, own, limit) end
  end
  trimAll(limits)
  local owns = {}
  for topic, own in pairs(s.topics) do owns[topic] = { own.n, own.b, own.r, own.t, own.l } end
  return cjson.encode({ f = text(s.floor), t = s.floorTag, n = s.entries, b = s.bytes, o = owns, m = removed })
end

local function recount(fields, gone)
  for group, sum in pairs(change) do
    local used = redis.call('HMGET', META, 'e:' .. group, 'b:' .. group)
    for at, name in ipairs({ 'e:' .. group, 'b:' .. group }) do
      local left = (tonumber(used[at] or nil) or 0) + sum[at]
      if left > 0 then
        fields[#fields + 1] = name
        fields[#fields + 1] = text(left)
      else
        gone[#gone + 1] = name
      end
    end
  end
end

local function sweep(lagMs)
  for topic, own in pairs(s.topics) do
    local upTo = math.max(tonumber(own.mark), s.mark)
    local to = '[' .. member(topic, upTo) .. '~'
    local some = redis.call('ZRANGEBYLEX', OWN, '[' .. topic .. ' ', to, 'LIMIT', '0', text(8 + 2 * #runs))
    for _, one in ipairs(some) do
      redis.call('XDEL', LOG, (string.gsub(string.match(one, '(%d+%-%d+)$'), '^0+', '')))
      redis.call('ZREM', OWN, one)
    end
  end
  if s.life - s.markLife < lagMs then return end
  if s.mark > 0 then redis.call('XTRIM', LOG, 'MINID', '~', text(s.mark + 1), 'LIMIT', '0') end
  for _, own in pairs(s.topics) do own.mark = own.r end
  s.mark, s.markLife = s.floor, s.life
end
`;
