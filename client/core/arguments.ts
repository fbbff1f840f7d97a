/** Checks the arguments of callers at once: a mistake is an error that names the field, and breaks no stream. */
import { KelpieError } from '../errors.js';
import { cutText } from './text.js';

/** The largest number of a uint32 on the wire. */
export const UINT32 = 0xffff_ffff;

/** A whole number within bounds. Throws OUT_OF_RANGE. */
export function whole(
  field: string,
  value: unknown,
  least = 0,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  // `+ 0` turns -0 into 0.
  if (isNumber(value) && Number.isInteger(value) && value >= least && value <= most)
    return value + 0;
  throw outOfRange(field, value, `a whole number from ${least} to ${most}`);
}

/** A number within bounds, with or without a fraction. Throws OUT_OF_RANGE. */
export function amount(field: string, value: unknown, least: number, most: number): number {
  if (isNumber(value) && value >= least && value <= most) return value + 0;
  throw outOfRange(field, value, `a number from ${least} to ${most}`);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function outOfRange(field: string, value: unknown, range: string): KelpieError {
  const message = `${field} is ${shown(value)}; it must be ${range}`;
  return new KelpieError('OUT_OF_RANGE', message, { metadata: { field }, permanent: true });
}

/** One of the names of a table, except UNSPECIFIED. Throws VALUE_INVALID for any other spelling. */
export function oneOf<Name extends string>(
  field: string,
  value: unknown,
  table: Readonly<Partial<Record<Name, unknown>>>,
): Name {
  const names = Object.keys(table).filter((name) => name !== 'UNSPECIFIED');
  if (typeof value === 'string' && names.includes(value)) return value as Name;
  throw invalid(`${field} is ${shown(value)}; it must be one of ${names.join(', ')}`, field);
}

/** Any text, for a look-up. Throws VALUE_INVALID. */
export function anyText(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(`${field} is ${shown(value)}; it must be text`, field);
}

/** Text that UTF-8 can carry unchanged. Throws VALUE_INVALID, also for half of a surrogate pair. */
export function text(field: string, value: unknown): string {
  const checked = anyText(field, value);
  if (checked.isWellFormed()) return checked;
  throw invalid(`${field} has half of a surrogate pair in it; use toWellFormed()`, field);
}

/** Texts by name, copied. Throws VALUE_INVALID. */
export function texts(field: string, value: unknown): Record<string, string> {
  return Object.fromEntries(
    entries(field, value).map(([name, one]) => [name, text(`${field}.${name}`, one)]),
  );
}

/** A list of texts, copied. Throws VALUE_INVALID. */
export function textList(field: string, value: unknown): string[] {
  return listOf(field, value, (one, index) => text(`${field}[${index}]`, one));
}

/** A list whose items pass a check, in its order: a wrong item ends it at once. Throws VALUE_INVALID. */
export function listOf<T>(
  field: string,
  value: unknown,
  item: (one: unknown, index: number) => T,
): T[] {
  if (Array.isArray(value)) return Array.from<unknown, T>(value, item);
  throw invalid(`${field} is ${shown(value)}; it must be a list`, field);
}

/** The entries of a plain object. Throws VALUE_INVALID. */
export function entries(field: string, value: unknown): [string, unknown][] {
  if (!isPlain(value))
    throw invalid(`${field} is ${shown(value)}; it must be a plain object`, field);
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw invalid(`${field} has a symbol as a key; keys are text`, field);
  const all = Object.entries(value);
  for (const [name] of all) {
    if (!name.isWellFormed()) text(`a key of ${field}`, name);
  }
  return all;
}

/** Whether a value is a plain object: `{ … }`, not an instance of a class. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm has another prototype; that prototype has none itself.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Any object except a list. Throws VALUE_INVALID. */
export function object(field: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalid(`${field} is ${shown(value)}; it must be an object`, field);
}

/** The key of an object that has exactly one key, which is one of these. Throws VALUE_INVALID. */
export function onlyKey<Key extends string>(
  field: string,
  value: unknown,
  keys: readonly Key[],
): Key {
  const given = Object.keys(object(field, value));
  const found = keys.find((key) => key === given[0]);
  if (found !== undefined && given.length === 1) return found;
  const has = given.length === 0 ? 'nothing' : given.map(shown).join(' and ');
  const message = `${field} has ${cutText(has, SHOWN)}; it must have exactly one of ${keys.join(', ')}`;
  throw invalid(message, field);
}

/** A function. Throws VALUE_INVALID. */
export function callback(field: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw invalid(`${field} is ${shown(value)}; it must be a function`, field);
}

/** True or false. Throws VALUE_INVALID. */
export function flag(field: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(`${field} is ${shown(value)}; it must be true or false`, field);
}

/** A copy of bytes, so that a later change by the caller does not alter it. Throws VALUE_INVALID. */
export function bytes(field: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw invalid(`${field} is ${shown(value)}; it must be a Uint8Array`, field);
}

export function invalid(message: string, field: string): KelpieError {
  return new KelpieError('VALUE_INVALID', message, { metadata: { field }, permanent: true });
}

/** A message shows at most this many code points of a value. */
const SHOWN = 80;

/** A value in a few words, for a message. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(cutText(value, SHOWN));
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return 'a bigint';
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      return isList(value) ? 'a list' : `an object (${kindOf(value)})`;
    default:
      return String(value);
  }
}

/** A revoked proxy is none. */
function isList(value: object): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function kindOf(value: object): string {
  try {
    const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
    return cutText(kind, SHOWN);
  } catch {
    return 'Proxy';
  }
}
