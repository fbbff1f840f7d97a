/** The content of a message or a command, as the user typed it. */
import type { MessageContent } from '../../api/index.js';
import { UsageError } from '../output/output.js';

/** The text, or the JSON object that it is. Throws a UsageError if it is no object. */
export function contentOf(text: string, isObject: boolean): MessageContent {
  return isObject ? parse(text) : text;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // The same advice as for JSON that is no object.
  }
  throw new UsageError(`with --object it must be a JSON object, such as '{"coins": 5}'`);
}
