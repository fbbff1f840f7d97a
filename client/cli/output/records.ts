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

/** In double quotes where a terminal would obey a text: YAML then has the same escapes as JSON. */
function yamlLines(value: unknown): string[] {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, node) => {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      if (printable(node.value) !== node.value) node.type = 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Infinity });
  return text.trimEnd().split('\n');
}
