/** Parsers of options. Each error says what is wrong with the text. */
import { InvalidArgumentError } from 'commander';
import { fromThrown } from '../../errors.js';
import { endpointsOf } from '../../core/endpoints.js';

/** Of commands, as the coordinator has it. */
const LONGEST_TIMEOUT_MS = 300_000;

export function endpoints(text: string): string[] {
  try {
    return endpointsOf(text);
  } catch (error) {
    throw new InvalidArgumentError(fromThrown(error).message);
  }
}

export function age(text: string): number {
  const [, count, unit] = /^(\d{1,9})(s|m|h|d)$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ''];
  if (unitMs === undefined) throw new InvalidArgumentError('Write it as 90s, 10m, 2h or 1d.');
  return Number(count) * unitMs;
}

/** How long something takes, in milliseconds. */
export function span(text: string): number {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? [];
  const unitMs = { ms: 1, s: 1000, m: 60_000 }[unit ?? ''];
  if (unitMs === undefined) throw new InvalidArgumentError('Write it as 500ms, 10s or 5m.');
  return Math.round(Number(count) * unitMs);
}

/** How long a command may take, in milliseconds. */
export function timeout(text: string): number {
  const ms = span(text);
  if (ms >= 1 && ms <= LONGEST_TIMEOUT_MS) return ms;
  throw new InvalidArgumentError('It must be above 0 and at most 5m.');
}

export function count(text: string): number {
  const number = Number(text);
  if (/^\d{1,9}$/.test(text) && number > 0) return number;
  throw new InvalidArgumentError('It must be a number from 1 on.');
}

/** A name; an empty one, of a variable that is not set, must not stand for everybody. */
export function name(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It must not be empty.');
}

/** How many a second. */
export function rate(text: string): number {
  const [, count] = /^(\d{1,4}(?:\.\d{1,3})?)(?:\/s)?$/.exec(text) ?? [];
  const perSecond = Number(count);
  if (perSecond > 0 && perSecond <= 1000) return perSecond;
  throw new InvalidArgumentError('Write it as 5/s: above 0, at most 1000/s.');
}

export function interval(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.');
}

/** Names that stand for one thing each, of an option that may be repeated. */
export function names(text: string, before: readonly string[]): string[] {
  return [...before, name(text)];
}

/** Names of an enum, in any case, which may be repeated. */
export function oneOf<Name extends string>(names: Readonly<Record<Name | 'UNSPECIFIED', number>>) {
  const all = Object.keys(names).filter((name) => name !== 'UNSPECIFIED') as Exclude<
    Name,
    'UNSPECIFIED'
  >[];
  return (text: string, before: typeof all): typeof all => {
    const found = all.find((name) => name === text.toUpperCase());
    if (found) return [...before, found];
    throw new InvalidArgumentError(`It must be one of ${all.join(', ').toLowerCase()}.`);
  };
}

export function pair(text: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Write it as name=value.');
  }
  return { ...before, [name]: value };
}
