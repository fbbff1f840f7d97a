/** Refuses fields that an object of options does not have: a typing error must not go unseen. Pure. */
import { invalid, object, shown } from './arguments.js';
import { nearest } from './nearest.js';

/** The names of all fields of T: the compiler holds the list complete. */
export type Fields<T> = Readonly<Record<keyof Required<T>, unknown>>;

/** Returns the object if it has only known fields. `what` names it in the message. Throws VALUE_INVALID. */
export function known<T extends object>(what: string, given: T, fields: Fields<T>): T {
  for (const field of Object.keys(object(what, given))) {
    if (Object.hasOwn(fields, field)) continue;
    const names = Object.keys(fields);
    const [like] = nearest(
      field.toLowerCase(),
      names.map((name) => name.toLowerCase()),
    );
    const near = names.find((name) => name.toLowerCase() === like);
    const help = near === undefined ? `it has ${names.join(', ')}` : `did you mean "${near}"?`;
    throw invalid(`${what} has no field ${shown(field)}; ${help}`, field);
  }
  return given;
}
