/** Contexts: bytes that programs give each other beside a player, which often are text or JSON. Pure. */
import { invalid, isPlain } from './arguments.js';

/** The text that is in the bytes of a context, as UTF-8. Throws VALUE_INVALID for bytes that are no text. */
export function contextText(context: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(context);
  } catch {
    throw invalid('the context is no text: its bytes are not UTF-8', 'context');
  }
}

/**
 * The JSON object that is in the bytes of a context; an empty object for a context without bytes. Throws VALUE_INVALID
 * for bytes that are no JSON object.
 *
 * @example
 * kelpie.handle('prepare_arrival', ({ player, context }) => {
 *   const { spawn } = contextJson(context);
 * });
 */
export function contextJson(context: Uint8Array): Record<string, unknown> {
  if (context.length === 0) return {};
  const value = parsed(contextText(context));
  if (isPlain(value)) return value;
  throw invalid('the context is no JSON object', 'context');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
