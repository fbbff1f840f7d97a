/** Patterns of names, in which `*` stands for any letters: `lobby-*`. The time to compare grows with the name alone. */

/** A pattern with wildcards, cut at them. */
interface Cut {
  readonly first: string;
  readonly inner: readonly string[];
  readonly last: string;
}

export class NamePatterns {
  readonly #names: ReadonlySet<string>;
  readonly #wild: readonly Cut[];

  /** Names and patterns count in any case. */
  constructor(patterns: readonly string[]) {
    const small = patterns.map((pattern) => pattern.toLowerCase());
    this.#names = new Set(small);
    this.#wild = [...this.#names].filter((pattern) => pattern.includes('*')).map(cut);
  }

  /** Whether a pattern matches the name, or every name that a given pattern matches. */
  cover(name: string): boolean {
    const small = name.toLowerCase();
    return this.#names.has(small) || this.#wild.some((pattern) => fits(pattern, small));
  }
}

function cut(pattern: string): Cut {
  const parts = pattern.split('*');
  return { first: parts[0] ?? '', inner: parts.slice(1, -1), last: parts.at(-1) ?? '' };
}

/** The first place of each part leaves the most room for the next, so no other place has to be tried. */
function fits({ first, inner, last }: Cut, name: string): boolean {
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of inner) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - at >= last.length && name.endsWith(last);
}
