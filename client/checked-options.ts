/** Checks and copies the options of `connect`, at once. */
import { callback, flag, object, oneOf, text, whole } from './core/arguments.js';
import { known } from './core/known.js';
import { tokenOf } from './core/token.js';
import { type StartOption, startOf } from './core/start.js';
import type { ConnectOptions } from './options.js';
import type { PlayersOptions } from './players/options.js';

/** A day: the longest time that events wait for a handler. */
const LONGEST_HANDLING_MS = 24 * 60 * 60 * 1000;

/** The longest wait for a login: a player's client gives up earlier. */
const LONGEST_LOGIN_MS = 60_000;

/** The checks of options, by name. An option that is left out needs no check. */
type Check = (value: unknown, field: string) => unknown;
type Checks<T> = Readonly<Record<keyof Required<T>, Check>>;

const isFlag: Check = (value, field) => flag(field, value);
const isText: Check = (value, field) => text(field, value);
const isFunction: Check = (value, field) => callback(field, value);
const isToken: Check = (value, field) => tokenOf(field, value);
/** `helloOf` and `routesOf` check it. */
const isCheckedLater: Check = () => undefined;

const checks: Checks<ConnectOptions> = {
  name: isText,
  role: isCheckedLater,
  endpoints: isCheckedLater,
  address: isCheckedLater,
  publicAddress: isCheckedLater,
  labels: isCheckedLater,
  maxPlayers: isCheckedLater,
  motd: isCheckedLater,
  software: isCheckedLater,
  version: isCheckedLater,
  state: isCheckedLater,
  players: (value, field) => checked(field, value as PlayersOptions, playersChecks),
  handlerTimeoutMs: (value, field) => whole(field, value, 1, LONGEST_HANDLING_MS),
  start: (value) => startOf(value as StartOption),
  excludeOwn: isFlag,
  cursorFile: isText,
  rosterFile: isText,
  load: isFunction,
  transport: isFunction,
  network: isText,
  token: isToken,
  tokenFile: isText,
  joinToken: isToken,
  ca: isText,
  cert: isText,
  key: isText,
  tls: isFlag,
  insecure: isFlag,
  roster: (value, field) => checked(field, value as object, { players: isFlag }),
  logger: (value, field) => callback(`${field}.warn`, Reflect.get(object(field, value), 'warn')),
};

const playersChecks: Checks<PlayersOptions> = {
  onEvicted: isFunction,
  verify: isFunction,
  latencies: isFunction,
  acquireTimeoutMs: (value, field) => whole(field, value, 1, LONGEST_LOGIN_MS),
  whenAway: (value, field) => oneOf(field, value, { open: 1, deny: 1 }),
};

/**
 * A copy of the options. Throws VALUE_INVALID or OUT_OF_RANGE. `helloOf` checks the facts of the node, and the
 * coordinator checks its own limits.
 */
export function checkedOptions(given: ConnectOptions): ConnectOptions {
  const options = checked('options', given, checks);
  text('name', options.name);
  if (options.players === undefined) return options;
  const players = checked('players', options.players, playersChecks);
  callback('players.onEvicted', players.onEvicted);
  return { ...options, players };
}

/** A copy of an object whose fields pass their checks. */
function checked<T extends object>(field: string, given: T, all: Checks<T>): T {
  const copy: T = { ...known(field, given, all) };
  for (const [name, check] of Object.entries<Check>(all)) {
    const value: unknown = Reflect.get(copy, name);
    if (value !== undefined) check(value, field === 'options' ? name : `${field}.${name}`);
  }
  return copy;
}
