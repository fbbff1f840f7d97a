/** The prose of the repository: Markdown, comments, and the texts in code. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository. The compiled file lies one folder deeper, in dist. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A paragraph, a comment or a string. */
export interface Prose {
  readonly file: string;
  /** The line where `text` begins, from 1. */
  readonly line: number;
  /** With its line breaks; marks of comments and code in it are blanks. */
  readonly text: string;
}

/** The files that git knows or would add, with one of these endings. */
export function ownFiles(...endings: string[]): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const files = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trimEnd().split('\n');
  return files.filter(
    (file) => endings.some((ending) => file.endsWith(ending)) && !file.startsWith('gen/'),
  );
}

/** All prose of a file. */
export function proseOf(file: string): Prose[] {
  const text = readFileSync(`${ROOT}${file}`, 'utf8');
  const found = file.endsWith('.md')
    ? ofMarkdown(text)
    : file.endsWith('.proto')
      ? ofProto(text)
      : ofTypeScript(text, file);
  return found.map(({ start, text: part }) => ({
    file,
    line: text.slice(0, start).split('\n').length,
    text: part.replace(/`[^`]*`/g, blank),
  }));
}

interface Part {
  readonly start: number;
  readonly text: string;
}

/** Of the same length, with the same line breaks. */
const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

/** Paragraphs, items and cells; fenced code is left out. */
function ofMarkdown(text: string): Part[] {
  const plain = text.replace(/^ *```.*?^ *```$/gms, blank);
  return parts(plain, /\n\s*\n|\n(?=\s*(?:[-*#]|\d+\.|\|) ?)|\|/g).map((part) => ({
    ...part,
    text: part.text.replace(/^(\s*)([-*#]+|\d+\.) /, (_, space: string, mark: string) =>
      blank(`${space}${mark} `),
    ),
  }));
}

/** The text between separators. */
function parts(text: string, separator: RegExp): Part[] {
  const found: Part[] = [];
  let start = 0;
  for (const match of text.matchAll(separator)) {
    found.push({ start, text: text.slice(start, match.index) });
    start = match.index + match[0].length;
  }
  return [...found, { start, text: text.slice(start) }];
}

function ofProto(text: string): Part[] {
  return [...text.matchAll(/(?:^ *\/\/.*\n)+/gm)].map(({ index, 0: comment }) => ({
    start: index,
    text: comment.replace(/^ *\/\//gm, blank),
  }));
}

function ofTypeScript(text: string, file: string): Part[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const comments = new Map<number, number>();
  const strings: Part[] = [];
  const visit = (node: ts.Node): void => {
    const around = [
      ...(ts.getLeadingCommentRanges(text, node.pos) ?? []),
      ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
    ];
    for (const { pos, end } of around) comments.set(pos, end);
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) strings.push(stringPart(node));
    if (ts.isTemplateMiddleOrTemplateTail(node)) strings.push(stringPart(node));
    for (const child of node.getChildren(source)) visit(child);
  };
  visit(source);
  return [
    ...strings,
    ...joined(
      text,
      [...comments].sort(([left], [right]) => left - right),
    ),
  ];
}

function stringPart(node: ts.Node): Part {
  const start = node.getStart();
  return { start: start + 1, text: node.getText().slice(1, -1) };
}

/** Comments of one line each that follow each other are one text. */
function joined(text: string, comments: readonly (readonly [number, number])[]): Part[] {
  const found: Part[] = [];
  let before = -1;
  for (const [start, end] of comments) {
    const last = found.at(-1);
    const comment = text
      .slice(start, end)
      .replace(/^\/\*\*?|\*\/$/g, blank)
      .replace(/^ *(\/\/|\*)/gm, blank);
    const goesOn = last && text.startsWith('//', start) && /^\n *$/.test(text.slice(before, start));
    if (goesOn) {
      found[found.length - 1] = {
        start: last.start,
        text: last.text + text.slice(before, start) + comment,
      };
    } else found.push({ start, text: comment });
    before = end;
  }
  return found;
}
