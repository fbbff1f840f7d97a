/** The output of commands for programs: records with their kind, as JSON or as YAML. */
import { Document, isScalar, visit } from 'yaml';
import { printable } from './printable.js';
import { print } from './output.js';

/** `table` is for people. */
export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/**
 * Prints one record: a line of JSON, or a document of YAML. `kind`: the message of the contract whose JSON
 * form `value` has, or a name of the command line's own. As in the JSON of protobuf, a 64-bit number is a text.
 */
export function printRecord(format: Format, kind: string, value: unknown): void {
  const json = JSON.stringify({ kind, ...(value as object) });
  if (format === 'json') print(json);
  else print(['---', ...yamlLines(JSON.parse(json))]);
}

/** A text that begins so, and is no word of YAML 1.1 or 1.2, means the same to all readers without quotes. */
const PLAIN = /^[\p{L}/]/u;
/** YAML has these only as escapes. */
const NONCHARACTERS = /[\ufffe\uffff]/g;
const ASTRAL = /[\u{10000}-\u{10ffff}]/gu;

/** A text has double quotes where a reader could take it for another value, or where a terminal would obey it. */
function yamlLines(value: unknown): string[] {
  const document = new Document(value, { compat: 'yaml-1.1' });
  visit(document, {
    Scalar: (_, node) => {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      const plain = PLAIN.test(node.value) && printable(escaped(node.value)) === node.value;
      if (!plain) node.type = 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity });
  return escaped(text).trimEnd().split('\n');
}

/** The escapes of YAML that JSON writes in another way: JSON has two for a character above U+FFFF. */
function escaped(text: string): string {
  return text
    .replace(NONCHARACTERS, (one) => `\\u${one.charCodeAt(0).toString(16)}`)
    .replace(ASTRAL, (one) => {
      const digits = (one.codePointAt(0) ?? 0).toString(16).padStart(8, '0');
      return printable(one) === one ? one : `\\U${digits}`;
    });
}
