/** Names of nodes. Their case does not count, and each name can be a token of a topic. */
import { KelpieError } from '../core/errors.js';
import { cutText } from '../core/text.js';

const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

/** The name in lower case. Throws NODE_NAME_INVALID with a proposal that is valid. */
export function foldName(typed: string): string {
  const name = typed.toLowerCase();
  if (NAME.test(name)) return name;
  const proposal = propose(name);
  throw new KelpieError(
    'NODE_NAME_INVALID',
    `"${cutText(typed, 80)}" cannot be a node's name: 1 to 63 of a-z, 0-9, "_" and "-", ` +
      `beginning and ending with a letter or digit; "${proposal}" would do`,
    { name: cutText(typed, 255), proposal },
  );
}

function propose(name: string): string {
  const ascii = cutText(name, 255)
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
    .replace(/[-_]+$/, '');
  return ascii === '' ? 'node-1' : ascii;
}
