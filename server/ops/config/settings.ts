/**
 * Every setting of kelpied, once: its kind, range, default and meaning. The flags, the variables, the keys of
 * kelpie.yaml, the help and the manual's table follow from this table.
 */
import { isIP } from 'node:net';
import { advertisedPlace } from '../advertise.js';
import { parseOwnRetention } from './own-retention.js';
import { type CoordinatorOptions, defaultRedis, defaultRetention } from './options.js';
import { redisAddress } from '../../journal/redis/address.js';
import { bareHost } from '../../core/address.js';
import { defaultTimes } from '../../network/limits.js';

/** One setting. */
export interface Setting<T> {
  /** The placeholder of the value in the help. */
  readonly placeholder: string;
  readonly default: T;
  readonly meaning: string;
  /** The value of a text. Throws a RangeError that says which values are allowed. */
  readonly parse: (text: string) => T;
  /** The value as others may see it. Default: as it is. */
  readonly shown?: (value: T) => T;
}

/** The value of a setting that names no file. */
export const NONE = 'none';

/** The value of a setting whose value kelpied finds. */
const AUTO = 'auto';

/** The settings, in the order of the help. A name contains the unit of its value. */
export const settings = {
  host: address('address to listen on'),
  port: whole('<port>', 0, 65_535, 50_051, 'port to listen on; 0 takes a free one'),
  advertise: advertised(
    'host or host:port that kelpie coordinators shows; auto: host, or one of this machine',
  ),
  tlsCert: file('certificate of kelpied in PEM, which turns TLS on; kelpied certs makes one'),
  tlsKey: file('private key of the certificate, in PEM'),
  tlsClientCa: file('CA in PEM; each peer must then show a certificate of it'),
  insecure: truth('allow addresses that other machines can reach without TLS'),
  dev: truth('for tests of plugins: free ports, all in memory, one line of JSON when ready'),
  journal: choice(
    '<engine>',
    ['file', 'memory', 'redis'],
    'where kelpied keeps history: file, memory, or redis, which several kelpied share',
  ),
  redis: redis(
    'the Redis of the journal in Redis; a password may stand in a variable or a file alone',
  ),
  redisCa: file('CA of that Redis in PEM, for rediss://; without it those that the system trusts'),
  data: text('<directory>', 'data', 'directory of the journal in files'),
  sync: choice(
    '<when>',
    ['commit', 'interval'],
    'when the journal in files is forced to disk: commit or interval',
  ),
  retentionEntries: whole(
    '<count>',
    1,
    100_000_000,
    defaultRetention.entries,
    'entries of history to keep',
  ),
  retentionBytes: whole(
    '<bytes>',
    1024,
    2 ** 40,
    defaultRetention.bytes,
    'bytes of history to keep',
  ),
  retentionHours: whole(
    '<hours>',
    1,
    24 * 365,
    defaultRetention.ageMs / 3_600_000,
    'hours of history to keep',
  ),
  retentionTopics: ownRetention(
    'topics with less history, with all topics below them: chat=10000, metrics.tps=1h, map=64MiB',
  ),
  graceSeconds: whole(
    '<seconds>',
    2,
    3600,
    defaultTimes.graceMs / 1000,
    'how long a lost node may take to come back before it leaves',
  ),
  drainSeconds: whole(
    '<seconds>',
    0,
    3600,
    defaultTimes.drainMs / 1000,
    'how long nodes have to move on when kelpied stops',
  ),
  metricsHost: address('address of /metrics and /healthz'),
  metricsPort: portOrOff(
    9464,
    'port of /metrics and /healthz; 0 takes a free one, off serves neither',
  ),
  logLevel: choice(
    '<level>',
    ['info', 'debug', 'warn', 'error', 'silent'],
    'least level to log: debug, info, warn, error or silent',
  ),
  logFormat: choice(
    '<format>',
    ['auto', 'pretty', 'json'],
    'format of the log: pretty, json, or auto, which is pretty on a terminal',
  ),
};

export type SettingName = keyof typeof settings;

/** The values of all settings. */
export type Settings = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never;
};

/** The names of all settings, in the order of the help. */
export const settingNames = Object.keys(settings) as readonly SettingName[];

/** The setting's key in kelpie.yaml, which is also its flag without the dashes: grace-seconds. */
export function keyOf(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The setting's variable: KELPIE_GRACE_SECONDS. */
export function variableOf(name: SettingName): string {
  return `KELPIE_${keyOf(name).replaceAll('-', '_').toUpperCase()}`;
}

/** The values as others may see them: without secrets. */
export function shownSettings(values: Settings): Settings {
  const show = <T>({ shown = (value) => value }: Setting<T>, value: T): T => shown(value);
  const entries = settingNames.map((name) => [
    name,
    show(settings[name] as Setting<unknown>, values[name]),
  ]);
  return Object.fromEntries(entries) as Settings;
}

/** The defaults that --dev changes. */
export const devDefaults: Partial<Settings> = { port: 0, metricsPort: 0, journal: 'memory' };

/** The coordinator's options for these settings. */
export function toOptions(settings: Settings): CoordinatorOptions {
  const { host, port, insecure, journal, data, sync, metricsHost, metricsPort } = settings;
  const { tlsCert, tlsKey, tlsClientCa, redis, redisCa, advertise } = settings;
  const clientCa = tlsClientCa === NONE ? undefined : tlsClientCa;
  return {
    host,
    port,
    advertise: advertise === AUTO ? undefined : advertise,
    tls: tlsCert === NONE ? undefined : { certificate: tlsCert, key: tlsKey, clientCa },
    insecure,
    journal,
    redis: { url: redis, ca: redisCa === NONE ? undefined : redisCa },
    data,
    sync,
    metrics: metricsPort === 'off' ? undefined : { host: metricsHost, port: metricsPort },
    retention: {
      entries: settings.retentionEntries,
      bytes: settings.retentionBytes,
      ageMs: settings.retentionHours * 3_600_000,
      topics: parseOwnRetention(settings.retentionTopics),
    },
    times: { graceMs: settings.graceSeconds * 1000, drainMs: settings.drainSeconds * 1000 },
  };
}

function text(placeholder: string, byDefault: string, meaning: string): Setting<string> {
  const parse = (given: string): string => {
    if (given.trim() !== '') return given;
    throw new RangeError('It must not be empty.');
  };
  return { placeholder, default: byDefault, meaning, parse };
}

function redis(meaning: string): Setting<string> {
  const parse = (given: string): string => {
    redisAddress(given);
    return given;
  };
  const shown = (url: string): string => url.replace(/:[^:@/]*@/, ':***@');
  return { placeholder: '<url>', default: defaultRedis.url, meaning, parse, shown };
}

function file(meaning: string): Setting<string> {
  return text('<file>', NONE, meaning);
}

/** A name or an IP address. An IPv6 address may have brackets around it, as in endpoints. */
function address(meaning: string): Setting<string> {
  const parse = (given: string): string => {
    const host = bareHost(given.trim());
    if (host === '') throw new RangeError('It must not be empty.');
    if (isIP(host) !== 0 || /^[^\s:[\]]+$/.test(host)) return host;
    throw new RangeError('It must be a name or an IP address, without a port.');
  };
  return { placeholder: '<address>', default: '127.0.0.1', meaning, parse };
}

function advertised(meaning: string): Setting<string> {
  const parse = (given: string): string => {
    if (given !== AUTO) advertisedPlace(given);
    return given;
  };
  return { placeholder: '<address>', default: AUTO, meaning, parse };
}

/** Checks the text and returns it unchanged, so that people see their own text in `kelpied config`. */
function ownRetention(meaning: string): Setting<string> {
  const parse = (given: string): string => {
    parseOwnRetention(given);
    return given;
  };
  return { placeholder: '<list>', default: 'none', meaning, parse };
}

function whole(
  placeholder: string,
  least: number,
  most: number,
  byDefault: number,
  meaning: string,
): Setting<number> {
  const parse = (given: string): number => {
    const value = Number(given);
    if (/^\d+$/.test(given) && value >= least && value <= most) return value;
    throw new RangeError(`It must be a whole number from ${least} to ${most}.`);
  };
  return { placeholder, default: byDefault, meaning, parse };
}

function portOrOff(byDefault: number, meaning: string): Setting<number | 'off'> {
  const parse = (given: string): number | 'off' => {
    if (given === 'off') return given;
    if (/^\d{1,5}$/.test(given) && Number(given) <= 65_535) return Number(given);
    throw new RangeError('It must be off or a whole number from 0 to 65535.');
  };
  return { placeholder: '<port>', default: byDefault, meaning, parse };
}

/** The first choice is the default. */
function choice<const Choice extends string>(
  placeholder: string,
  choices: readonly [Choice, ...Choice[]],
  meaning: string,
): Setting<Choice> {
  const parse = (given: string): Choice => {
    const chosen = choices.find((one) => one === given);
    if (chosen !== undefined) return chosen;
    throw new RangeError(`It must be one of ${choices.join(', ')}.`);
  };
  return { placeholder, default: choices[0], meaning, parse };
}

/** The flag needs no value; the variable needs one: KELPIE_INSECURE=true. */
function truth(meaning: string): Setting<boolean> {
  const parse = (given: string): boolean => {
    if (['true', '1', 'yes'].includes(given)) return true;
    if (['false', '0', 'no', ''].includes(given)) return false;
    throw new RangeError('It must be true or false.');
  };
  return { placeholder: '[true|false]', default: false, meaning, parse };
}
