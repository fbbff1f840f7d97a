/** What a message says: checked and copied when it is handed in, so that what arrives is what was meant. */
import type { Content } from '../gen/ts/kelpie/v1/event.js';
import { entries, invalid, isPlain, shown, text } from './arguments.js';
import { KelpieError } from './errors.js';

/** What a message can say: bytes, text, or JSON: an object or a list. */
export type MessageContent =
  Uint8Array | string | Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * How deep objects and lists may lie in each other. Decoders stop at 100 messages within each other, of
 * which an object takes three.
 */
export const NESTING = 24;

/** What a client holds at all. The limit of the coordinator is lower. */
const MOST_BYTES = 16 * 1024 * 1024;

/** The content as it goes on the wire: a copy. Throws VALUE_INVALID, or PAYLOAD_TOO_LARGE. */
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

/** A place in what is copied. */
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
    const copy: Record<string, unknown> = {};
    for (const [key, value] of entries(pathOf(place), given)) {
      this.#weigh(key.length);
      // As in JSON, what is undefined is not there.
      if (value !== undefined) copy[key] = this.#value(value, place, key);
    }
    return copy;
  }

  list(given: readonly unknown[], place = ROOT): unknown[] {
    const copy: unknown[] = [];
    // By its length: a hole is seen as one.
    for (let index = 0; index < given.length; index++)
      copy.push(this.#value(given[index], place, index));
    return copy;
  }

  #value(value: unknown, above: Place, key: string | number): unknown {
    // Of no value less: a tag and a length, twice.
    this.#weigh(typeof value === 'string' ? value.length + 4 : 4);
    if (isSimple(value)) return value;
    if (typeof value === 'string') return text(pathOf({ above, key, depth: 0 }), value);
    const place = { above, key, depth: above.depth + 1 };
    const list = Array.isArray(value);
    if (!list && !isPlain(value)) {
      const path = pathOf(place);
      throw invalid(`${path} is ${shown(value)}; JSON has no such value${adviceOn(value)}`, path);
    }
    if (place.depth > NESTING) {
      const path = pathOf(place).slice(0, 80);
      throw invalid(`${path}… lies in more than ${NESTING} objects and lists`, path);
    }
    return list ? this.list(value, place) : this.record(value, place);
  }

  /** At least so many bytes: before all of something endless is copied. */
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
