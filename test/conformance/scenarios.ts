/** The scenarios: files of YAML documents. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { check } from './check.js';
import { textOf } from './match.js';

/** The compiled file lies in dist. */
const FOLDER = fileURLToPath(new URL('../../../test/conformance/scenarios', import.meta.url));

/** A step: one action, whose name is the first key, and what goes with it. */
export interface Step {
  readonly [action: string]: unknown;
  /** The name of a stream, or of a request. */
  readonly as?: string;
  /** The stream; left out: the one that was accepted last. */
  readonly on?: string;
  /** The endpoint; left out: `a`. */
  readonly at?: string;
  /** `peer`: the step is one of the peer, and not of the driver. */
  readonly by?: 'peer';
  /** How long the step may take. */
  readonly withinMs?: number;
}

export interface Scenario {
  readonly name: string;
  /** The rule of the contract that it proves, in one sentence. */
  readonly proves: string;
  /** The features that a library must have. */
  readonly needs: readonly string[];
  /** The frames that the coordinator does not answer by itself. */
  readonly manual: readonly string[];
  /** A real coordinator behind a relay, and a peer; else the runner plays the coordinator. */
  readonly isReal: boolean;
  readonly steps: readonly Step[];
}

interface Written {
  readonly name: string;
  readonly proves: string;
  readonly needs?: readonly string[];
  readonly coordinator?: 'real';
  readonly manual?: readonly string[];
  /** The scenario runs once with each of these sets of values. */
  readonly each?: readonly (Readonly<Record<string, unknown>> & { readonly as?: string })[];
  readonly steps: readonly Step[];
}

/** All scenarios whose names match one of the patterns: `resume/*`, `hello*`. */
export function loadScenarios(patterns: readonly string[] = []): Scenario[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
  const all = files.sort().flatMap((file) => {
    const text = readFileSync(`${FOLDER}/${file}`, 'utf8');
    return parseAllDocuments(text, { merge: true }).flatMap((document) => {
      if ('errors' in document && document.errors[0])
        throw new Error(`${file}: ${document.errors[0].message}`);
      const written: unknown = document.toJS();
      check(file, written);
      return each(file.replace('.yaml', ''), written as Written);
    });
  });
  const wanted = patterns.map(regular);
  return all.filter(({ name }) => wanted.length === 0 || wanted.some((one) => one.test(name)));
}

/** `*` stands for any characters. A pattern without a slash names a file. */
function regular(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}${pattern.includes('/') ? '' : '(/.*)?'}$`);
}

function each(subject: string, { each: sets = [{}], ...written }: Written): Scenario[] {
  return sets.map((set) => {
    const values = Object.entries(set).filter(([name]) => name !== 'as');
    const given = new Map(values.map(([name, value]) => [`$${name}`, value]));
    const short = values.map(([, one]) => (typeof one === 'string' ? one : JSON.stringify(one)));
    const label = values.length > 0 ? ` (${set.as ?? short.join(', ')})` : '';
    return {
      name: `${subject}/${written.name}${label}`,
      proves: written.proves,
      needs: written.needs ?? [],
      manual: written.manual ?? [],
      isReal: written.coordinator === 'real',
      steps: given.size > 0 ? (fill(written.steps, given) as Step[]) : written.steps,
    };
  });
}

/** Puts the values of a set in place of their names, and leaves the names that the scenario captures. */
function fill(value: unknown, given: ReadonlyMap<string, unknown>): unknown {
  if (typeof value === 'string' && given.has(value)) return given.get(value);
  if (typeof value === 'string')
    return value.replaceAll(/\$\{\w+\}/g, (name) =>
      textOf(given.get(name.replace(/[{}]/g, '')) ?? name),
    );
  if (Array.isArray(value)) return value.map((one) => fill(one, given));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, given)]));
}
