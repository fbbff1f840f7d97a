/** Patterns of frames, answers and observations. */
import { type Json, isName } from './contract.js';

/** The values that a scenario has captured, by name. */
export type Captured = Map<string, unknown>;

/**
 * Compares a value with a pattern. Returns undefined if it fits, else what is different. An object fits if it has the
 * fields of the pattern, a list if it is as long and each item fits. `$name` takes any value the first time, and later
 * the same one. `/…/` is a regular expression. null fits a value that is missing or empty.
 */
export function difference(
  pattern: unknown,
  value: unknown,
  captured: Captured,
  path = '',
): string | undefined {
  const where = path === '' ? 'it' : path;
  if (isName(pattern)) {
    if (captured.has(pattern)) return difference(captured.get(pattern), value, captured, path);
    if (value === undefined) return `${where} is missing`;
    captured.set(pattern, value);
    return undefined;
  }
  if (pattern === null || pattern === '') {
    return isEmpty(value) ? undefined : `${where} is ${shown(value)} and should not be there`;
  }
  if (Array.isArray(pattern)) return listDifference(pattern, value, captured, path);
  if (typeof pattern === 'object') return objectDifference(pattern as Json, value, captured, path);
  if (typeof pattern === 'string' && /^\/.*\/$/.test(pattern)) {
    const fits = new RegExp(pattern.slice(1, -1)).test(String(value));
    return fits ? undefined : `${where} is ${shown(value)} and does not match ${pattern}`;
  }
  if (value === undefined && (pattern === 0 || pattern === false)) return undefined;
  // A 64-bit number is a text in JSON.
  if (textOf(value) === textOf(pattern)) return undefined;
  return `${where} is ${shown(value)} instead of ${shown(pattern)}`;
}

function listDifference(
  pattern: readonly unknown[],
  value: unknown,
  captured: Captured,
  path: string,
): string | undefined {
  const items: unknown[] = Array.isArray(value) ? value : [];
  if (items.length !== pattern.length)
    return `${path} has ${items.length} items instead of ${pattern.length}`;
  for (const [index, one] of pattern.entries()) {
    const found = difference(one, items[index], captured, `${path}[${index}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function objectDifference(
  pattern: Json,
  value: unknown,
  captured: Captured,
  path: string,
): string | undefined {
  if (typeof value !== 'object' || value === null)
    return `${path === '' ? 'it' : path} is ${shown(value)} instead of ${shown(pattern)}`;
  for (const [key, one] of Object.entries(pattern)) {
    const inner = path === '' ? key : `${path}.${key}`;
    const found = difference(one, (value as Json)[key], captured, inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether the whole value fits the pattern. Only then it captures values. */
export function fits(pattern: unknown, value: unknown, captured: Captured): boolean {
  const trial: Captured = new Map(captured);
  if (difference(pattern, value, trial) !== undefined) return false;
  for (const [name, one] of trial) captured.set(name, one);
  return true;
}

/** The value with the captured ones in place of their names. */
export function filled(value: unknown, captured: Captured): unknown {
  if (isName(value)) {
    if (!captured.has(value)) throw new Error(`nothing has captured ${value}`);
    return captured.get(value);
  }
  if (typeof value === 'string')
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) =>
      textOf(filled(`$${name}`, captured)),
    );
  if (Array.isArray(value)) return value.map((one) => filled(one, captured));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, filled(one, captured)]),
  );
}

/** A value inside of a text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || [0, '0', '', false].includes(value as string);
}

export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
