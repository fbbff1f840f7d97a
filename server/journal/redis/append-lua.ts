/**
 * The script that stores a call. It first decides everything, then writes: Redis refuses a script before its first
 * line if it may not write (out of memory, replica, failed disk), and nothing ends it between two writes.
 */
import { Script } from './connection.js';
import { GUARD } from './guard-lua.js';
import { TRIM } from './trim-lua.js';

/** Calls of one writer that may be under way at once. Redis keeps the outcomes of so many. */
export const CALLS = 8;

/** How long Redis keeps physically what retention has removed, so that coordinators behind still get it. */
const LAG_MS = 5000;

/**
 * Arguments: 1 the epoch, 2 the writer, 3 the number of its call, 4 the number of its oldest call that is not settled,
 * 5 a tag, 6 the newest sequence that the writer saw, 7 its calendar clock, 8 limits, 9 the transactions, 10 the
 * channel, 11 how many bytes of entries a message may have, then sizes and bytes of entries; see \`call.ts\`.
 *
 * Answers: \`OK\`, first and newest sequence, outcomes, effects, the tag before; \`AGAIN\`, the same without effects, if
 * it was called with this number before; \`STALE\` if it has forgotten that call, or passed it over; \`ORDER\` if an
 * earlier call must come first; \`EPOCH\` and the part that is wrong.
 */
export const APPEND = new Script(`#!lua
${GUARD}
local s, fault = state(false)
if not s then return { 'EPOCH', fault } end
if s.epoch ~= ARGV[1] then return { 'EPOCH', 'another epoch' } end
if s.newest < tonumber(ARGV[6]) then return { 'EPOCH', 'a sequence that ran back' } end

local writer, number, tag = 'w:' .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local slot = writer .. ':' .. (number % ${CALLS})
local former = redis.call('HMGET', META, writer, slot)
local lastNumber = tonumber(string.match(former[1] or '0', '^%d+'))
if number <= lastNumber then
  local again = { string.match(former[2] or '', '^(%d+) (%d+) (%d+) (.*)$') }
  if tonumber(again[1]) ~= number then return { 'STALE' } end
  return { 'AGAIN', again[2], again[3], again[4] }
end
if number ~= lastNumber + 1 and number ~= tonumber(ARGV[4]) then return { 'ORDER' } end

local limits, call = cjson.decode(ARGV[8]), cjson.decode(ARGV[9])
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- By a clock that is ahead, all history would be too old: neither the one of the writer nor that of Redis counts alone.
local now = math.max(0, math.min(tonumber(ARGV[7]), clock))
s.life = s.life + math.min(math.max(clock - s.seen, 0), 60000)
s.seen = clock
local before, previousTag = s.newest, s.tag

-- What the transactions decided so far have written.
local sequences, values, numbers, moved = {}, {}, {}, {}
local runs, outcomes, refused, size = {}, {}, false, 0

local function whole(parts)
  return #parts == 1 and parts[1] or table.concat(parts)
end

local function sequenceOf(key)
  if not sequences[key] then
    local row = redis.call('HGET', TABLE, key)
    sequences[key] = row and struct.unpack('<d', row) or 0
  end
  return sequences[key]
end

local function numberOf(id)
  if numbers[id] == nil then
    local last, life, sequence = string.match(redis.call('HGET', PRODUCERS, id) or '', '^(%d+) (%d+) (%d+)$')
    local known = last and s.life - tonumber(life) < 86400000
    numbers[id] = known and { last = tonumber(last), former = tonumber(sequence) < s.begin } or false
  end
  return numbers[id]
end

local function refusal(transaction)
  local require = transaction.r or {}
  for at = 1, #require, 2 do
    local actual = sequenceOf(require[at])
    if actual ~= require[at + 1] then return '1:' .. ((at - 1) / 2) .. ':' .. text(actual) end
  end
  local producer = transaction.p
  local known = producer and numberOf(producer[1])
  -- Of a producer of a former epoch, Redis may have lost the last numbers.
  if known and (known.last > producer[2] or (known.last < producer[2] and not known.former)) then
    return '2:' .. text(known.last)
  end
end

local function store(transaction, blob)
  local producer, first = transaction.p, s.newest + 1
  if producer then
    numbers[producer[1]] = { last = producer[3], former = false }
    moved[#moved + 1] = producer[1]
  end
  for at, segment in ipairs(transaction.s) do
    local run = runs[#runs]
    if not run or run.c ~= segment[1] then
      run = { c = segment[1], t = tag, first = s.newest + 1, G = call.g, uses = {}, sizes = {}, blobs = {} }
      runs[#runs + 1] = run
    end
    for _, use in ipairs(segment[2]) do
      run.uses[#run.uses + 1] = use
      s.newest = s.newest + use[2]
    end
    run.last = s.newest
    run.sizes[#run.sizes + 1] = ARGV[blob + 2 * at - 2]
    run.blobs[#run.blobs + 1] = ARGV[blob + 2 * at - 1]
    size = size + #ARGV[blob + 2 * at - 1]
  end
  for _, write in ipairs(transaction.w or {}) do
    local key, sequence = write[2], first + write[1]
    local value = write[4] and string.sub(ARGV[blob + 2 * write[3] + 1], write[4], write[5])
    sequences[key] = value and sequence or 0
    values[key] = value and struct.pack('<d', sequence) .. value or false
  end
end

local blob = 12
for at, transaction in ipairs(call.t) do
  outcomes[at] = refusal(transaction)
  if outcomes[at] then
    refused = true
  else
    outcomes[at] = '0'
    store(transaction, blob)
  end
  blob = blob + 2 * #transaction.s
end
for _, run in ipairs(runs) do run.m = whole(run.sizes) end
${TRIM}
local effects = ''
if #runs > 0 then
  s.tag = tag
  s.latest = math.max(s.latest, now)
  effects = trim()
end

-- Everything is decided. The first write fails if the log is not the one of this epoch.
local message = { ARGV[2] }
local isShort = size > tonumber(ARGV[11])
for at, run in ipairs(runs) do
  local bytes, count = whole(run.blobs), run.last - run.first + 1
  local head = { t = tag, p = previousTag, a = now, l = s.latest, c = run.c, G = run.G }
  if at == #runs then head.e = effects end
  local id, json = text(run.last) .. '-' .. count, cjson.encode(head)
  local added = redis.pcall('XADD', LOG, 'NOMKSTREAM', id, 'h', json, 'd', bytes, 'm', run.m)
  if type(added) ~= 'string' and at == 1 then return { 'EPOCH', 'log' } end
  if run.c ~= '' then redis.call('ZADD', OWN, '0', member(run.c, run.last) .. '-' .. count) end
  message[#message + 1] = id .. ' ' .. (isShort and '-' or #bytes) .. ' ' .. json .. '\\n'
  if not isShort then
    message[#message + 1] = run.m
    message[#message + 1] = bytes
  end
end

local function inChunks(command, key, words)
  for at = 1, #words, 1000 do
    redis.call(command, key, unpack(words, at, math.min(at + 999, #words)))
  end
end

local set, gone = {}, {}
for key, value in pairs(values) do
  if value then
    set[#set + 1] = key
    set[#set + 1] = value
  else
    gone[#gone + 1] = key
  end
end
inChunks('HSET', TABLE, set)
inChunks('HDEL', TABLE, gone)

local producers, stamp = {}, ' ' .. text(s.life) .. ' ' .. text(s.newest)
for _, id in ipairs(moved) do
  producers[#producers + 1] = id
  producers[#producers + 1] = text(numbers[id].last) .. stamp
end
inChunks('HSET', PRODUCERS, producers)
-- Of some producers, the one that wrote least recently goes. One of the hash's fields is the epoch.
for _ = 1, math.min(#moved, redis.call('HLEN', PRODUCERS) - 100001) do
  local some, eldest, least = redis.call('HRANDFIELD', PRODUCERS, '16', 'WITHVALUES'), nil, math.huge
  for at = 1, #some, 2 do
    local life = tonumber(string.match(some[at + 1], '^%d+ (%d+) %d+$') or nil)
    if some[at] ~= '' and life and life < least then eldest, least = some[at], life end
  end
  if eldest then redis.call('HDEL', PRODUCERS, eldest) end
end

local outcome = refused and table.concat(outcomes, ',') or ''
local answer = text(before + 1) .. ' ' .. text(s.newest) .. ' ' .. outcome
local fields = { writer, text(number) .. ' ' .. text(s.life), slot, text(number) .. ' ' .. answer }
local unused = {}
if #runs > 0 then
  recount(fields, unused)
  sweep(${LAG_MS})
end
for name, value in pairs(changed(s)) do
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
inChunks('HSET', META, fields)
inChunks('HDEL', META, unused)

if #runs > 0 then redis.call('PUBLISH', ARGV[10], table.concat(message)) end
return { 'OK', text(before + 1), text(s.newest), outcome, effects, text(previousTag) }
`);
