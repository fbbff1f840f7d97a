/** Content that every reader can decode. Pure. */
import type { Content } from '../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from './errors.js';

/**
 * Throws CONTENT_TOO_DEEP for JSON of more levels. Decoders of several languages stop at 100 levels of
 * messages: one object in another takes three of them, and what is around the content seven.
 */
export function checkContent(content: Content | undefined, levels: number): void {
  const form = content?.form;
  const isJson = form?.$case === 'json' || form?.$case === 'list';
  if (!isJson || !isDeeper(form.value, levels)) return;
  throw new KelpieError(
    'CONTENT_TOO_DEEP',
    `JSON content has at most ${levels} levels of objects and lists; send less deep ones, or text or data`,
    { limit: String(levels) },
  );
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
