/** The text of the setting retention-topics: `chat=10000, chat=6h, map.tiles=64MiB`. */
import { checkOwnRetention } from '../../journal/retention-prefixes.js';
import type { TopicRetention } from '../../journal/journal.js';

const UNITS: Readonly<Record<string, readonly ['ageMs' | 'bytes', number]>> = {
  s: ['ageMs', 1000],
  m: ['ageMs', 60_000],
  h: ['ageMs', 3_600_000],
  d: ['ageMs', 86_400_000],
  KiB: ['bytes', 2 ** 10],
  MiB: ['bytes', 2 ** 20],
  GiB: ['bytes', 2 ** 30],
};

/** The limits of each topic in the text; none for `none`. Throws a RangeError that says which text is right. */
export function parseOwnRetention(text: string): TopicRetention[] {
  if (text.trim() === 'none') return [];
  const limits = new Map<string, TopicRetention>();
  for (const item of text.split(',').map((one) => one.trim())) {
    const { prefix, ...limit } = parseItem(item);
    const former = limits.get(prefix);
    const twice = Object.keys(limit).some((kind) => former && kind in former);
    if (twice)
      throw new RangeError(
        `It limits "${prefix}" twice in the same way; remove "${item}" or the limit before it.`,
      );
    limits.set(prefix, { ...former, prefix, ...limit });
  }
  const topics = [...limits.values()];
  try {
    checkOwnRetention(topics);
  } catch (error) {
    throw new RangeError(`It is not allowed: ${(error as Error).message}.`, { cause: error });
  }
  return topics;
}

function parseItem(item: string): TopicRetention {
  const [, prefix, digits, unit = ''] = /^([^\s=]+)\s*=\s*(\d{1,12})([A-Za-z]*)$/.exec(item) ?? [];
  const [kind, factor] = unit === '' ? (['entries', 1] as const) : (UNITS[unit] ?? []);
  const value = Number(digits) * (factor ?? NaN);
  if (prefix !== undefined && kind && value >= 1 && Number.isSafeInteger(value)) {
    return { prefix, [kind]: value };
  }
  throw new RangeError(
    `It must be none, or a list of <topic>=<limit> with commas between them; a limit is a number of entries (10000), ` +
      `an age (30s, 10m, 6h, 7d) or a size (64KiB, 64MiB, 1GiB). "${item}" is none of these.`,
  );
}
