/** Patterns by their tokens: a topic costs its own tokens, however many patterns there are. */
import { isClosed } from './topic.js';

interface Branch {
  readonly next: Map<string, Branch>;
  /** The pattern that ends here. */
  pattern: string | undefined;
}

/** Takes a pattern that matches; says whether to go on. */
type Visit = (pattern: string) => boolean;

export class PatternTree {
  readonly #root = newBranch();

  constructor(patterns: Iterable<string> = []) {
    for (const pattern of patterns) this.add(pattern);
  }

  add(pattern: string): void {
    let branch = this.#root;
    for (const token of pattern.split('.')) {
      let next = branch.next.get(token);
      if (!next) branch.next.set(token, (next = newBranch()));
      branch = next;
    }
    branch.pattern = pattern;
  }

  remove(pattern: string): void {
    prune(this.#root, pattern.split('.'), 0);
  }

  /** Whether any pattern matches the topic. Both must have passed their checks. */
  matches(topic: string): boolean {
    return !visit(this.#root, tokensOf(topic), 0, () => false);
  }

  /** The patterns that match the topic. */
  matching(topic: string): string[] {
    const found: string[] = [];
    visit(this.#root, tokensOf(topic), 0, (pattern) => found.push(pattern) > 0);
    return found;
  }
}

function newBranch(): Branch {
  return { next: new Map(), pattern: undefined };
}

/** False if the visit was ended. */
function visit(branch: Branch, tokens: readonly string[], at: number, take: Visit): boolean {
  const token = tokens[at];
  if (token === undefined) return branch.pattern === undefined || take(branch.pattern);
  const named = branch.next.get(token);
  if (named && !visit(named, tokens, at + 1, take)) return false;
  return (at === 0 && isClosed(token)) || visitWild(branch, tokens, at, take);
}

function visitWild({ next }: Branch, tokens: readonly string[], at: number, take: Visit): boolean {
  const rest = next.get('>')?.pattern;
  if (rest !== undefined && !take(rest)) return false;
  const any = next.get('*');
  return !any || visit(any, tokens, at + 1, take);
}

/** Forgets a pattern. Whether nothing is left of the branch. */
function prune(branch: Branch, tokens: readonly string[], at: number): boolean {
  const token = tokens[at];
  if (token === undefined) branch.pattern = undefined;
  else {
    const next = branch.next.get(token);
    if (next && prune(next, tokens, at + 1)) branch.next.delete(token);
  }
  return branch.pattern === undefined && branch.next.size === 0;
}

/** Tokens of topics that came lately: the same few come again and again, to every reader. */
const known = new Map<string, readonly string[]>();
const TOPICS_KNOWN = 4096;

function tokensOf(topic: string): readonly string[] {
  let tokens = known.get(topic);
  if (!tokens) {
    if (known.size >= TOPICS_KNOWN) known.clear();
    tokens = topic.split('.');
    known.set(topic, tokens);
  }
  return tokens;
}
