/** The drivers that drivers.yaml registers. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** The compiled file lies in dist. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Language {
  readonly name: string;
  readonly run: string;
  readonly build: string | undefined;
  /** The programs that are needed and not here. */
  readonly missing: readonly string[];
  /** The features that the library claims; undefined: all. */
  readonly claims: readonly string[] | undefined;
}

interface Written {
  readonly run: string;
  readonly build?: string;
  readonly needs?: readonly string[];
  readonly claims?: readonly string[];
}

/** @param wanted the names of languages; none: all */
export function loadLanguages(wanted: readonly string[]): Language[] {
  const text = readFileSync(`${ROOT}/test/conformance/drivers.yaml`, 'utf8');
  const all = parse(text) as Record<string, Written>;
  const strange = wanted.find((name) => !(name in all));
  if (strange !== undefined)
    throw new Error(`there is no language ${strange}; there are ${Object.keys(all).join(', ')}`);
  return Object.entries(all)
    .filter(([name]) => wanted.length === 0 || wanted.includes(name))
    .map(([name, { run, build, needs = [], claims }]) => {
      return { name, run, build, claims, missing: needs.filter((program) => !isHere(program)) };
    });
}

function isHere(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
