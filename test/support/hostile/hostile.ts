/** Values that broke programs of this kind, each with a description. Every test of hostile input uses these. */
import { readFileSync } from 'node:fs';

interface Strings {
  readonly strings: Record<string, string>;
  readonly repeated: Record<string, { readonly repeat: string; readonly times: number }>;
}

// Read from the sources, because the compiler copies no data.
const folder = new URL('../../../../test/support/hostile/', import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
const { strings, repeated } = read('strings.json') as Strings;

export const hostileStrings: Readonly<Record<string, string>> = {
  ...strings,
  ...Object.fromEntries(
    Object.entries(repeated).map(([name, { repeat, times }]) => [name, repeat.repeat(times)]),
  ),
};

/** As text, since JSON has no NaN: for a number use `Number`, for a bigint those that are whole. */
export const hostileNumbers: readonly string[] = (
  read('numbers.json') as { readonly numbers: readonly string[] }
).numbers;
