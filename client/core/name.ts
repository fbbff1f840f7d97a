/** Compares names of players without case. */

/**
 * The form of a name without case: two names are equal if their forms are equal. The server has the same function,
 * and a test compares both texts. The name is put in lower case and then in upper case, because some letters have
 * more than one lower-case or upper-case form. It is decomposed (NFD), so that a prefix of a name has a prefix of its
 * form.
 */
export function folded(name: string): string {
  return name.normalize('NFD').toLowerCase().toUpperCase().normalize('NFD');
}
