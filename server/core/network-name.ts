/** Names of networks. */
import { KelpieError } from './errors.js';
import { cutText } from './text.js';

/** The network of a peer without a credential. */
export const MAIN = 'main';

const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

/** A name that passes is safe as the name of a folder. */
export function isNetworkName(name: string): boolean {
  return NAME.test(name);
}

/** The name in lower case. Throws RIGHTS_INVALID unless a network may have it. */
export function foldNetworkName(typed: string): string {
  const name = typed.toLowerCase();
  if (isNetworkName(name)) return name;
  const message =
    `"${cutText(typed, 80)}" cannot be a network's name: 1 to 63 of a-z, 0-9, "_" and "-", ` +
    'beginning and ending with a letter or digit';
  throw new KelpieError('RIGHTS_INVALID', message, { field: 'network' });
}
