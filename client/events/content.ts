/** The content of a message. The client checks and copies it at once, so that a later change does not alter it. */
import type { Content } from '../../gen/ts/kelpie/v1/event.js';
import { entries, invalid, isPlain, shown, text } from '../core/arguments.js';
import { KelpieError } from '../errors.js';

/** The content of a message: bytes, text, or JSON, which is an object or a list. */
export type MessageContent =
  Uint8Array | string | Readonly<Record<string, unknown>> | readonly unknown[];

/** The most levels of objects and lists, with the outermost one; see Limits.json_depth. */
export const JSON_DEPTH = 30;

/** The most bytes that a client copies. The limit of a coordinator is lower. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The content as it goes on the wire: a copy. Throws VALUE_INVALID, CONTENT_TOO_DEEP or PAYLOAD_TOO_LARGE. */
export function contentOf(content: MessageContent): Content {
  const given: unknown = content;
  if (typeof given === 'string') return { form: { $case: 'text', value: text('content', given) } };
  if (given instanceof Uint8Array) return { form: { $case: 'data', value: new Uint8Array(given) } };
  if (Array.isArray(given)) return { form: { $case: 'list', value: new Json().list(given) } };
  if (isPlain(given)) return { form: { $case: 'json', value: new Json().record(given) } };
  throw invalid(
    `content is ${shown(given)}; it must be text, a Uint8Array, a plain object or a list${adviceOn(given)}`,
    'content',
  );
}

/** Whether content has more than this many levels: a coordinator may take fewer levels than this client does. */
export function isDeeper(content: Content | undefined, levels: number): boolean {
  return levels < JSON_DEPTH && liesDeeper(content?.form?.value, levels);
}

function liesDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return levels === 0 || Object.values(value).some((inner) => liesDeeper(inner, levels - 1));
}

export function tooDeep(levels: number): KelpieError {
  const message = `content has at most ${levels} objects and lists in each other; send it as text, or less deep`;
  const metadata = { limit: String(levels) };
  return new KelpieError('CONTENT_TOO_DEEP', message, { metadata, permanent: true });
}

/** A place in the JSON that is copied. */
interface Place {
  readonly above: Place | undefined;
  readonly key: string | number;
  readonly depth: number;
}

const ROOT: Place = { above: undefined, key: 'content', depth: 1 };

/** Copies JSON. */
class Json {
  #bytes = 0;

  record(given: unknown, place = ROOT): Record<string, unknown> {
    const copied: [string, unknown][] = [];
    for (const [key, value] of entries(pathOf(place), given)) {
      this.#weigh(key.length);
      // As in JSON, a field that is undefined is left out.
      if (value !== undefined) copied.push([key, this.#value(value, place, key)]);
    }
    // An assignment would treat the key `__proto__` in a special way.
    return Object.fromEntries(copied);
  }

  list(given: readonly unknown[], place = ROOT): unknown[] {
    const copy: unknown[] = [];
    // A loop by index visits holes too; they are undefined, which JSON does not have.
    for (let index = 0; index < given.length; index++)
      copy.push(this.#value(given[index], place, index));
    return copy;
  }

  #value(value: unknown, above: Place, key: string | number): unknown {
    // Every value takes at least two tags and two lengths.
    this.#weigh(typeof value === 'string' ? value.length + 4 : 4);
    if (isSimple(value)) return value;
    if (typeof value === 'string') return text(pathOf({ above, key, depth: 0 }), value);
    const place = { above, key, depth: above.depth + 1 };
    const list = Array.isArray(value);
    if (!list && !isPlain(value)) {
      const path = pathOf(place);
      throw invalid(`${path} is ${shown(value)}; JSON has no such value${adviceOn(value)}`, path);
    }
    if (place.depth > JSON_DEPTH) throw tooDeep(JSON_DEPTH);
    return list ? this.list(value, place) : this.record(value, place);
  }

  /** Counts the least bytes that a value takes, so that an endless object is refused before it is copied. */
  #weigh(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= MOST_BYTES) return;
    const message = `the content has more than ${MOST_BYTES} bytes`;
    throw new KelpieError('PAYLOAD_TOO_LARGE', message, { permanent: true });
  }
}

function isSimple(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  return value === null || typeof value === 'boolean' || Number.isFinite(value);
}

function pathOf({ above, key }: Place): string {
  if (!above) return String(key);
  return pathOf(above) + (typeof key === 'number' ? `[${key}]` : `.${key}`);
}

function adviceOn(value: unknown): string {
  if (value instanceof Date) return '; use toISOString()';
  if (value instanceof Map) return '; use Object.fromEntries()';
  if (value instanceof Set) return '; use a list';
  if (typeof value === 'bigint') return '; use toString()';
  if (typeof value === 'object' && value !== null) return '; copy it: { ...it }';
  return '';
}
