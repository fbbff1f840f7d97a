/** Content that every reader can decode. Pure. */
import type { Content } from '../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from './errors.js';

/**
 * Throws CONTENT_TOO_DEEP for JSON with more than `levels` levels. Decoders of several languages stop at 100
 * levels of messages. An object inside an object takes three of these levels; the messages around the content
 * take seven.
 */
export function checkContent(content: Content | undefined, levels: number): void {
  const form = content?.form;
  const isJson = form?.$case === 'json' || form?.$case === 'list';
  if (!isJson || !isDeeper(form.value, levels)) return;
  throw new KelpieError(
    'CONTENT_TOO_DEEP',
    `JSON content may have at most ${levels} levels of objects and lists; send fewer levels, or send text or data`,
    { limit: String(levels) },
  );
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
