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
 * The JSON that is in the bytes of a context; undefined for a context without bytes. `Value` is the type that you
 * expect: the client does not check it. Throws VALUE_INVALID for bytes that are no JSON.
 *
 * @example
 * kelpie.handle('prepare_arrival', ({ player, context }) => {
 *   const { spawn } = contextJson<{ spawn: number[] }>(context) ?? {};
 * });
 */
export function contextJson<Value = unknown>(context: Uint8Array): Value | undefined {
  if (context.length === 0) return undefined;
  const json = contextText(context);
  try {
    return JSON.parse(json) as Value;
  } catch {
    throw invalid('the context is no JSON', 'context');
  }
}
