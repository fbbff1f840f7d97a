/**
 * Mends what ts-proto writes, after each generation.
 *
 * - `map[key] = value` loses the key `__proto__` without a word. Own properties are defined instead, as
 *   JSON.parse does, so that every key of the wire survives.
 * - Its JSON has 64-bit numbers as numbers, and durations as objects. The JSON form of protobuf, which other
 *   tools read, has texts for both: `"1795574121228004"`, `"1.500s"`.
 * - Its JSON throws for an enum number without a name in this version. The JSON form of protobuf has the number.
 * - Its decoders stop at 100 levels. Content that is too deep for other readers is refused by name where it
 *   is published (server/core/content.ts), which needs a few levels more to be seen at all.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';

const LEVELS = 1000;
const ASSIGNMENT = /^(\s*)([\w.]+)\[([\w.]+)\] = (.+);$/gm;
const MESSAGE = /(?=^export const \w+: MessageFns<)/m;
const WIDE = /(?:case "(\w+)":\s+)?writer\.uint32\(\d+\)\.u?int64\(message\.([\w.]+)\)/g;
const DURATION_JSON = /(toJSON\(message: Duration\): unknown \{\n).*?(\n {2}\},)/s;
const ENUM_JSON = /(ToJSON\(object: \w+\): string)( \{\n)/g;
const UNNAMED = /throw new globalThis\.Error\("Unrecognized enum value " \+ object \+ [^;]+;/g;
const LIMIT = 'previousRecursionDepth >= 100';
const OWN = `
/** Also the key \`__proto__\` is a key. */
function setOwn(map: object, key: string, value: unknown): void {
  if (key !== "__proto__") (map as any)[key] = value;
  else globalThis.Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}
`;

/** Durations have 0, 3, 6 or 9 digits of fraction, and one sign for both parts. */
const DURATION_TEXT = `    const nanos = Math.round(message.nanos);
    const seconds = Math.round(message.seconds);
    const sign = seconds < 0 || nanos < 0 ? "-" : "";
    const digits = String(Math.abs(nanos)).padStart(9, "0").replace(/(?:000){1,3}$/, "");
    return sign + Math.abs(seconds) + (digits && ".") + digits + "s";`;

/** The code of one message, whose JSON has texts for the fields that its encoder writes as 64-bit numbers. */
function withTexts(code) {
  let mended = code;
  for (const [, oneof, field] of code.matchAll(WIDE)) {
    const rounded = new RegExp(`(obj\\.${oneof ?? field} = )(Math\\.round\\([^)]*\\));`);
    mended = mended.replace(rounded, '$1globalThis.String($2);');
  }
  return mended;
}

const folder = fileURLToPath(new URL('../gen/ts/', import.meta.url));
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'));
for (const path of files.map((name) => folder + name)) {
  const text = readFileSync(path, 'utf8');
  const mended = text
    .split(MESSAGE)
    .map(withTexts)
    .join('')
    .replace(DURATION_JSON, (_, start, end) => start + DURATION_TEXT + end)
    .replace(ENUM_JSON, '$1 | number$2')
    .replace(UNNAMED, 'return object;')
    .replace(ASSIGNMENT, '$1setOwn($2, $3, $4);')
    .replaceAll(LIMIT, `previousRecursionDepth >= ${LEVELS}`);
  if (mended !== text) writeFileSync(path, mended.includes('setOwn(') ? mended + OWN : mended);
}
