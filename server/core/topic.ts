/**
 * Topics are dot-separated tokens, `chat.global`. Patterns may use `*` for one token and `>` for
 * one or more at the end. What a pattern may not see is decided here, so that there is one place
 * to look when somebody asks who can read what.
 */
import { KelpieError } from './errors.js';

/** Bytes of a topic or pattern. */
export const TOPIC_BYTES = 255;
/** Tokens of a topic or pattern. */
export const TOPIC_TOKENS = 16;

/** First tokens of the coordinator's own topics: nobody else publishes to them. */
const RESERVED = new Set(['nodes', 'players', 'state', 'routing', 'kelpie']);
const INBOX = 'inbox';
const TOKEN = /^[A-Za-z0-9_-]+$/;

/** The topic that only the session of this node receives. */
export function inboxOf(node: string): string {
  return `${INBOX}.${node}`;
}

/** Throws TOPIC_INVALID or TOPIC_RESERVED unless somebody may publish to the topic. */
export function checkTopic(topic: string): void {
  const tokens = split(topic, 'topic');
  const odd = tokens.find((token) => !TOKEN.test(token));
  if (odd !== undefined) throw malformed(topic, 'topic', odd);
  const first = tokens[0] ?? '';
  if (RESERVED.has(first)) {
    throw new KelpieError(
      'TOPIC_RESERVED',
      `topic "${topic}" is the coordinator's own; publish to a topic that does not begin with "${first}"`,
      { topic },
    );
  }
  if (first === INBOX && (tokens.length !== 2 || topic !== topic.toLowerCase())) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `topic "${topic}" is no inbox; an inbox is "inbox.<node>", with the node's name in lower case`,
      { topic },
    );
  }
}

/** Throws TOPIC_INVALID or TOPIC_RESERVED unless somebody may read the pattern. */
export function checkPattern(pattern: string): void {
  const tokens = split(pattern, 'pattern');
  tokens.forEach((token, index) => {
    const wildcard = token === '*' || (token === '>' && index === tokens.length - 1);
    if (!wildcard && !TOKEN.test(token)) throw malformed(pattern, 'pattern', token);
  });
  if (tokens[0] === INBOX || tokens[0] === 'kelpie') {
    const why =
      tokens[0] === INBOX
        ? 'an inbox reaches its own node, without a pattern'
        : 'these entries are for coordinators';
    throw new KelpieError('TOPIC_RESERVED', `pattern "${pattern}" cannot be read: ${why}`, {
      topic: pattern,
    });
  }
}

function split(text: string, kind: 'topic' | 'pattern'): string[] {
  if (Buffer.byteLength(text) > TOPIC_BYTES) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `the ${kind} "${text.slice(0, 40)}…" has ${Buffer.byteLength(text)} bytes; the limit is ${TOPIC_BYTES}`,
      { topic: text.slice(0, TOPIC_BYTES), limit: String(TOPIC_BYTES) },
    );
  }
  const tokens = text.split('.');
  if (tokens.length > TOPIC_TOKENS) {
    throw new KelpieError(
      'TOPIC_INVALID',
      `the ${kind} "${text}" has ${tokens.length} tokens; the limit is ${TOPIC_TOKENS}`,
      { topic: text, limit: String(TOPIC_TOKENS) },
    );
  }
  return tokens;
}

function malformed(text: string, kind: 'topic' | 'pattern', token: string): KelpieError {
  const wildcards = kind === 'pattern' ? ', "*", or ">" at the end' : '; wildcards are for reading';
  const what = token === '' ? 'an empty token' : `the token "${token}"`;
  return new KelpieError(
    'TOPIC_INVALID',
    `the ${kind} "${text}" has ${what}; tokens are letters, digits, "_" and "-"${wildcards}`,
    { topic: text },
  );
}

/** Whether a pattern matches a topic. Both must have passed their checks. */
export function matches(pattern: string, topic: string): boolean {
  return fits(pattern.split('.'), tokensOf(topic));
}

function fits(wanted: readonly string[], tokens: readonly string[]): boolean {
  const first = tokens[0] ?? '';
  // A wildcard in front never opens what is the coordinator's own, or a node's.
  if (wanted[0] !== first && (RESERVED.has(first) || first === INBOX)) return false;
  for (let index = 0; index < wanted.length; index++) {
    const token = wanted[index];
    if (token === '>') return tokens.length > index;
    if (index >= tokens.length || (token !== '*' && token !== tokens[index])) return false;
  }
  return wanted.length === tokens.length;
}

/** Tokens of topics that came lately: the same few come again and again, to every reader. */
const tokensKnown = new Map<string, readonly string[]>();
const TOPICS_KNOWN = 4096;

function tokensOf(topic: string): readonly string[] {
  let tokens = tokensKnown.get(topic);
  if (!tokens) {
    if (tokensKnown.size >= TOPICS_KNOWN) tokensKnown.clear();
    tokens = topic.split('.');
    tokensKnown.set(topic, tokens);
  }
  return tokens;
}

/** Whether a pattern stands for more than the one topic of its name. */
export function isWild(pattern: string): boolean {
  return pattern.includes('*') || pattern.endsWith('>');
}

/** The topic of a table row, `nodes/lobby-1` = `nodes.lobby-1`. */
export function topicOfKey(key: string): string {
  return key.replaceAll('/', '.');
}

/** What a reader gets, or does not get, because of who it is. */
export interface OwnTopics {
  /** Its inbox, which needs no pattern. */
  readonly inbox?: string;
  /** A source whose entries it does not want: itself. */
  readonly excluded?: string;
}

/** Above so many patterns with wildcards, answers are remembered; some, since there are many readers. */
const WILD_PATTERNS = 8;
const ANSWERS = 1024;

/** The topics that one reader gets: its patterns, and its inbox if it has one. */
export class TopicFilter {
  readonly #patterns: ReadonlySet<string>;
  readonly #wild: readonly (readonly string[])[];
  readonly #resources: readonly string[];
  readonly #own: OwnTopics;
  readonly #answers = new Map<string, boolean>();

  constructor(patterns: Iterable<string>, own: OwnTopics = {}) {
    this.#patterns = new Set(patterns);
    this.#wild = [...this.#patterns].filter(isWild).map((pattern) => pattern.split('.'));
    this.#resources = [...this.#patterns].filter((one) => RESERVED.has(one.split('.')[0] ?? ''));
    this.#own = own;
  }

  /** Whether any pattern can match resources. */
  get hasResources(): boolean {
    return this.#resources.length > 0;
  }

  get patterns(): ReadonlySet<string> {
    return this.#patterns;
  }

  /** The patterns, and the inbox that needs none. */
  get names(): string[] {
    return this.#own.inbox === undefined
      ? [...this.#patterns]
      : [...this.#patterns, this.#own.inbox];
  }

  matches(topic: string): boolean {
    if (this.#patterns.has(topic) || topic === this.#own.inbox) return true;
    if (this.#wild.length <= WILD_PATTERNS) return this.#fitsWild(topic);
    let answer = this.#answers.get(topic);
    if (answer === undefined) {
      if (this.#answers.size >= ANSWERS) this.#answers.clear();
      answer = this.#fitsWild(topic);
      this.#answers.set(topic, answer);
    }
    return answer;
  }

  #fitsWild(topic: string): boolean {
    const tokens = tokensOf(topic);
    return this.#wild.some((wanted) => fits(wanted, tokens));
  }

  /** Whether the reader gets an entry, rung for it or not. */
  takes({ topic, source }: { readonly topic: string; readonly source: string }): boolean {
    return this.matches(topic) && (source === '' || source !== this.#own.excluded);
  }

  /** Whether the reader leaves out entries of any of these sources. */
  excludes(sources: ReadonlySet<string>): boolean {
    return this.#own.excluded !== undefined && sources.has(this.#own.excluded);
  }

  /** The same reader with other patterns. */
  with(add: Iterable<string>, remove: Iterable<string>): TopicFilter {
    const patterns = new Set(this.#patterns);
    for (const pattern of remove) patterns.delete(pattern);
    for (const pattern of add) patterns.add(pattern);
    return new TopicFilter(patterns, this.#own);
  }

  /** The patterns that can match resources, which a Snapshot shows. */
  resourcePatterns(): readonly string[] {
    return this.#resources;
  }
}
