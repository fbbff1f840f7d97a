/**
 * The file of routing rules that `kelpie routing edit` takes and `show --yaml` prints: YAML, and so JSON too. It has
 * what `api.routing.get` gives, and `api.routing.set` takes, with the same names.
 */
import { readFileSync } from 'node:fs';
import { Document, parseDocument } from 'yaml';
import type { RoutingRule } from '../../api/index.js';
import { shown } from '../../core/arguments.js';
import { type Fields, known } from '../../core/known.js';
import { fromThrown, messageOf } from '../../errors.js';
import { wireTableOf } from '../../core/routing.js';
import { UsageError } from '../output/output.js';

/** Rules of a file, and the sequence of the rules that they were made of. */
export interface RulesFile {
  readonly rules: readonly RoutingRule[];
  /** Undefined: the file does not say. */
  readonly sequence: number | undefined;
}

const FILE: Fields<RulesFile> = { rules: 1, sequence: 1 };
const MOST_BYTES = 1 << 20;

/** Reads a file; `-` is the standard input. Throws a UsageError. */
export function readRules(path: string): RulesFile {
  const text = readText(path);
  const where = path === '-' ? 'the standard input' : path;
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new UsageError(`${where} cannot be read: ${error.message.split('\n')[0] ?? ''}`);
  try {
    return rulesIn(document.toJS({ maxAliasCount: 100 }) as RulesFile);
  } catch (thrown) {
    throw new UsageError(`${where}: ${fromThrown(thrown).message}`);
  }
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path === '-' ? 0 : path);
    if (bytes.length <= MOST_BYTES) return bytes.toString('utf8');
  } catch (thrown) {
    throw new UsageError(`${path} cannot be read: ${messageOf(thrown)}`);
  }
  throw new UsageError(`${path} is larger than 1 MiB: it is no file of routing rules`);
}

function rulesIn(content: RulesFile): RulesFile {
  const { rules, sequence } = known('the file', content, FILE);
  if (!Array.isArray(rules)) throw new UsageError('the file has no list "rules"');
  if (sequence !== undefined && !Number.isSafeInteger(sequence)) {
    throw new UsageError(
      `sequence is ${shown(sequence)}; remove it, or leave it as it was printed`,
    );
  }
  // Checked before any call, so that the error names the file.
  wireTableOf(rules);
  return { rules, sequence };
}

/** The text of a file with these rules. */
export function rulesText({ rules, sequence }: RulesFile): string {
  const content = { ...(sequence !== undefined && { sequence }), rules };
  return new Document(content, { compat: 'yaml-1.1' }).toString({ lineWidth: 0 });
}
