/** How names of players are compared. */

/**
 * The form in which names are compared: without case. The same text stands in the server, and a test
 * holds both equal. Down and up again, because some letters have more than one small form or more than
 * one capital; taken apart, so that the beginning of a name is the beginning of its form.
 */
export function folded(name: string): string {
  return name.normalize('NFD').toLowerCase().toUpperCase().normalize('NFD');
}
