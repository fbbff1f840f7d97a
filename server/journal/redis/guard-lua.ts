/**
 * The beginning of every script: the keys of a network, and the check that they belong together. All keys of a network
 * lie in one slot.
 *
 * - meta, a hash: epoch, ends, counts, the use of each group of topics (`e:` entries, `b:` bytes), and the last calls
 *   of each writer (`w:`).
 * - log, a stream: runs of entries. A run is what one call stored without a change of retention. Its id is
 *   `<sequence of its last entry>-<entries>`, so the first id at or above a sequence belongs to the run that has it.
 * - table, a hash: the rows, each the sequence of its entry as a double, then the value.
 * - producers, a hash: `<number> <life> <sequence>` of each instance.
 * - own, a sorted set: `<topic> <id>` of each run of a topic with a retention of its own.
 *
 * Table, producers and own carry the epoch too. So a script sees if a key was lost, or comes from elsewhere.
 */

/** How the keys are laid out and written. Another number: another version of Kelpie. */
export const FORMAT = 1;

export interface Keys {
  /** In the order in which scripts expect them. */
  readonly all: readonly string[];
  readonly table: string;
  readonly producers: string;
  readonly meta: string;
  /** The channel that announces entries. */
  readonly bell: string;
}

/** `beside` stands in the names of other keys of the network, in the same slot. */
export function keysOf(network: string, beside = ''): Keys {
  const name = (part: string): string => `kelpie:{${network}}:${beside}${part}`;
  const all = ['meta', 'log', 'table', 'producers', 'own'].map(name);
  const [table, producers, meta] = [name('table'), name('producers'), name('meta')];
  return { all, table, producers, meta, bell: name('bell') };
}

/** The fields of meta that are numbers. `life` is how long appends came, in ms, by a clock that never jumps. */
const NUMBERS = [
  'newest',
  'tag',
  'begin',
  'life',
  'seen',
  'floor',
  'floorTag',
  'entries',
  'bytes',
  'latest',
  'next',
  'mark',
  'markLife',
] as const;

const names = NUMBERS.map((name) => `'${name}'`).join(', ');

/**
 * `state(deep)` returns meta, or nil and the name of the part that is missing or foreign. `deep` also compares the end
 * of the log, which costs more.
 */
export const GUARD = `
local META, LOG, TABLE, PRODUCERS, OWN = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local NUMBERS = { ${names} }

local function text(number)
  return string.format('%.0f', number)
end

local function endOfLog()
  local info = redis.call('XINFO', 'STREAM', LOG)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return string.match(info[at + 1], '^%d+') end
  end
end

local function state(deep)
  local found = redis.pcall('HMGET', META, 'format', 'epoch', 'rid', 'topics', unpack(NUMBERS))
  if found.err or not found[2] then return nil, 'meta' end
  if found[1] ~= '${FORMAT}' then return nil, 'format' end
  local s = { epoch = found[2], former = { topics = found[4] } }
  for at, name in ipairs(NUMBERS) do
    s[name] = tonumber(found[at + 4] or nil)
    if not s[name] then return nil, 'meta' end
    s.former[name] = s[name]
  end
  local right, topics = pcall(cjson.decode, found[4])
  if not right then return nil, 'meta' end
  s.topics = topics
  local replication = redis.call('INFO', 'replication')
  s.primary = string.find(replication, 'role:master', 1, true) ~= nil
  if string.match(replication, 'master_replid:(%x+)') ~= found[3] then return nil, 'replication' end
  if redis.pcall('HGET', TABLE, '') ~= s.epoch then return nil, 'table' end
  if redis.pcall('HGET', PRODUCERS, '') ~= s.epoch then return nil, 'producers' end
  if type(redis.pcall('ZSCORE', OWN, '#' .. s.epoch)) ~= 'string' then return nil, 'own' end
  if redis.call('TYPE', LOG).ok ~= 'stream' then return nil, 'log' end
  if deep and endOfLog() ~= text(s.newest) then return nil, 'log' end
  return s
end

-- The fields of meta that are no longer as they were found.
local function changed(s)
  local fields, topics = {}, cjson.encode(s.topics)
  if topics ~= s.former.topics then fields.topics = topics end
  for _, name in ipairs(NUMBERS) do
    if s[name] ~= s.former[name] then fields[name] = text(s[name]) end
  end
  return fields
end
`;
