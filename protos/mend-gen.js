/**
 * Mends what ts-proto writes, after each generation.
 *
 * - `map[key] = value` loses the key `__proto__` without a word. Own properties are defined instead, as
 *   JSON.parse does, so that every key of the wire survives.
 * - Its decoders stop at 100 levels. Content that is too deep for other readers is refused by name where it
 *   is published (server/core/content.ts), which needs a few levels more to be seen at all.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';

const LEVELS = 1000;
const ASSIGNMENT = /^(\s*)([\w.]+)\[([\w.]+)\] = (.+);$/gm;
const LIMIT = 'previousRecursionDepth >= 100';
const OWN = `
/** Also the key \`__proto__\` is a key. */
function setOwn(map: object, key: string, value: unknown): void {
  if (key !== "__proto__") (map as any)[key] = value;
  else globalThis.Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
}
`;

const folder = fileURLToPath(new URL('../gen/ts/', import.meta.url));
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'));
for (const path of files.map((name) => folder + name)) {
  const text = readFileSync(path, 'utf8');
  const mended = text
    .replace(ASSIGNMENT, '$1setOwn($2, $3, $4);')
    .replaceAll(LIMIT, `previousRecursionDepth >= ${LEVELS}`);
  if (mended !== text) writeFileSync(path, mended.includes('setOwn(') ? mended + OWN : mended);
}
