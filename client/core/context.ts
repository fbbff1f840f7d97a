/** Contexts: bytes that programs give each other beside a player, which often are text or JSON. Pure. */
import { invalid } from './arguments.js';

/** The text that is in the bytes of a context, as UTF-8. Throws VALUE_INVALID for bytes that are no text. */
export function contextText(context: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(context);
  } catch {
    throw invalid('the context is no text: its bytes are not UTF-8', 'context');
  }
}

/**
 * The JSON that is in the bytes of a context; undefined for a context without bytes. Throws VALUE_INVALID for bytes
 * that are no JSON.
 *
 * @example
 * kelpie.handle('prepare_arrival', ({ player, context }) => {
 *   const goal = contextJson(context) as { spawn: number[] } | undefined;
 * });
 */
export function contextJson(context: Uint8Array): unknown {
  if (context.length === 0) return undefined;
  const json = contextText(context);
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw invalid('the context is no JSON', 'context');
  }
}
