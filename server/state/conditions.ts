/** The values that a writer expects, and the errors where the network has others. */
import type { StateGuard } from '../../gen/ts/kelpie/v1/state_service.js';
import { KelpieError } from '../core/errors.js';
import type { Requirement } from '../journal/journal.js';
import { nameOfValue, type ValuePlace } from './keys.js';
import type { ValueRows } from './rows.js';

/** A value that must be as its writer has seen it. */
export interface Condition {
  readonly place: ValuePlace;
  /** The name of its row. */
  readonly name: string;
  readonly row: Requirement;
}

/** A write of a value with its conditions. */
interface Expecting extends ValuePlace {
  readonly expectedSequence?: number | undefined;
  readonly guard: StateGuard | undefined;
}

/** The conditions of a write to the value with this name. Throws KEY_INVALID for the guard. */
export function conditionsOf(rows: ValueRows, name: string, request: Expecting): Condition[] {
  const { guard, expectedSequence } = request;
  const conditions: Condition[] = [];
  if (guard) {
    const guarding = nameOfValue(guard);
    const row = rows.at(guarding, guard.sequence);
    conditions.push({ place: guard, name: guarding, row });
  }
  if (expectedSequence !== undefined) {
    conditions.push({ place: request, name, row: rows.at(name, expectedSequence) });
  }
  return conditions;
}

/** The error where a value has another sequence than its writer expects. */
export function conflict({ bucket, key }: ValuePlace, sequence: number): KelpieError {
  const now = sequence === 0 ? 'is absent now' : `has sequence ${sequence} now`;
  const message = `the value "${key}" of bucket "${bucket}" ${now}: another writer changed it; read it again`;
  const facts = { sequence: String(sequence), bucket, key };
  return new KelpieError('SEQUENCE_CONFLICT', message, facts);
}

/** The error where no value has the key. */
export function notThere({ bucket, key }: ValuePlace): KelpieError {
  const message = `bucket "${bucket}" has no value "${key}"`;
  return new KelpieError('VALUE_NOT_FOUND', message, { bucket, key });
}
