/** Links that lead nowhere, in Markdown and in pages of HTML. Addresses on other hosts are not asked. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** `file: link` for each link of these files, relative to a folder, whose file or anchor does not exist. */
export function brokenLinks(folder: string, files: readonly string[]): string[] {
  const pages = new Map(files.map((file) => [normalize(file), readPage(join(folder, file))]));
  return [...pages].flatMap(([file, { links }]) =>
    links.filter((link) => !leads(link, file)).map((link) => `${file}: ${link}`),
  );

  function leads(link: string, from: string): boolean {
    if (/^[a-z]+:/.test(link)) return true;
    const [path = '', anchor] = decodeURI(link).split('#');
    const target = path === '' ? from : join(dirname(from), path);
    if (!existsSync(join(folder, target))) return false;
    return !anchor || pages.get(target)?.anchors.has(anchor) === true;
  }
}

interface Page {
  readonly links: readonly string[];
  readonly anchors: ReadonlySet<string>;
}

function readPage(path: string): Page {
  const text = readFileSync(path, 'utf8');
  return path.endsWith('.html') ? ofHtml(text) : ofMarkdown(text);
}

function ofHtml(text: string): Page {
  return {
    links: captured(text, /<a\b[^>]* href="([^"]+)"/g),
    anchors: new Set(captured(text, /\bid="([^"]+)"/g)),
  };
}

function ofMarkdown(text: string): Page {
  const plain = text.replace(/^ *```.*?^ *```$/gms, '');
  const headings = captured(plain, /^#+ (.*)$/gm).map(slug);
  const uses = new Map<string, number>();
  const anchors = headings.map((name) => {
    const earlier = uses.get(name) ?? 0;
    uses.set(name, earlier + 1);
    return earlier === 0 ? name : `${name}-${earlier}`;
  });
  return {
    links: captured(plain.replace(/`[^`\n]*`/g, ''), /\]\(([^)\s]+)\)/g),
    anchors: new Set(anchors),
  };
}

/** The anchor that code hosts give a heading. */
function slug(heading: string): string {
  const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return words.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
}

const captured = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, part = '']) => part);
