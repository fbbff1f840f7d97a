/**
 * Counts the usage of topics in groups. Topics that share their first two tokens are one group. There are at most
 * 1000 groups, so that it is little work to find the largest. The coordinator's own topics form one group for
 * each first token, because otherwise every player would be a group. If a first token has many groups, or if
 * there are many groups in all, further topics are counted together in a larger group.
 *
 * A topic has three possible group names. All its entries are in one group: the first of these names that exists. A
 * new group is made only if none of the three exists. So entries are always subtracted from the group to which
 * they were added.
 */
import { isClosed } from '../topics/topic.js';

export interface Used {
  readonly entries: number;
  readonly bytes: number;
}

/** The group of all topics that have no other group. */
const OTHERS = '>';
/** The limit of groups that share a first token. */
const ALIKE = 100;
const GROUPS = 1000;
const NOTHING: Used = { entries: 0, bytes: 0 };

export class TopicGroups {
  readonly #groups = new Map<string, Used>();
  /** The number of groups of two tokens, by their first token. */
  readonly #alike = new Map<string, number>();

  /** The groups exactly as they were stored, without the limits: an earlier version may have stored more. */
  static stored(stored: ReadonlyMap<string, Used>): TopicGroups {
    const groups = new TopicGroups();
    for (const [name, used] of stored) groups.#set(name, used);
    return groups;
  }

  /** Adds stored groups, within the limits. Returns the names of the groups whose stored form must change. */
  load(stored: ReadonlyMap<string, Used>): string[] {
    const changed = new Set<string>();
    for (const [name, used] of stored) {
      if (isLarge(name) || this.#newName(name) === name) this.#set(name, used);
    }
    for (const [name, used] of stored) {
      if (this.#groups.has(name)) continue;
      changed.add(name).add(this.count(name, used.entries, used.bytes));
    }
    return [...changed];
  }

  /** Adds to the usage of a topic, or subtracts. Returns the name of its group. */
  count(topic: string, entries: number, bytes: number): string {
    const name = this.nameFor(topic);
    this.add(name, entries, bytes);
    return name;
  }

  /** Adds to the usage of a group, or subtracts. */
  add(name: string, entries: number, bytes: number): void {
    const used = this.used(name);
    this.#set(name, { entries: used.entries + entries, bytes: used.bytes + bytes });
  }

  /** The group that counts the topic, or that would count it. */
  nameFor(topic: string): string {
    return this.nameOf(topic) ?? this.#newName(topic);
  }

  /** The group that counts the topic, if it exists. */
  nameOf(topic: string): string | undefined {
    return namesOf(topic).find((name) => this.#groups.has(name));
  }

  #newName(topic: string): string {
    const [small, large] = namesOf(topic);
    const first = firstOf(topic);
    if (this.#groups.size >= GROUPS) return OTHERS;
    return isClosed(first) || (this.#alike.get(first) ?? 0) >= ALIKE ? large : small;
  }

  used(name: string): Used {
    return this.#groups.get(name) ?? NOTHING;
  }

  get all(): ReadonlyMap<string, Used> {
    return this.#groups;
  }

  #set(name: string, used: Used): void {
    const change = Number(used.entries > 0) - Number(this.#groups.has(name));
    if (used.entries > 0) this.#groups.set(name, used);
    else this.#groups.delete(name);
    if (change === 0 || isLarge(name)) return;
    const first = firstOf(name);
    const alike = (this.#alike.get(first) ?? 0) + change;
    if (alike > 0) this.#alike.set(first, alike);
    else this.#alike.delete(first);
  }
}

/** The largest groups, at most ten. */
export function largest(groups: ReadonlyMap<string, Used>) {
  return [...groups]
    .map(([topic, used]) => ({ topic, ...used }))
    .sort((left, right) => right.bytes - left.bytes)
    .slice(0, 10);
}

/** The names of the groups that a topic can be in, from the smallest to the largest. */
function namesOf(topic: string): readonly [small: string, large: string, others: string] {
  const first = topic.indexOf('.');
  if (first < 0) return [topic, OTHERS, OTHERS];
  const second = topic.indexOf('.', first + 1);
  const small = second < 0 ? topic : `${topic.slice(0, second)}.*`;
  return [small, `${topic.slice(0, first)}.*`, OTHERS];
}

/** Whether it is a group of all topics with one first token, or OTHERS. */
function isLarge(name: string): boolean {
  return name === OTHERS || (name.endsWith('.*') && name.indexOf('.') === name.length - 2);
}

function firstOf(topic: string): string {
  const end = topic.indexOf('.');
  return end < 0 ? topic : topic.slice(0, end);
}
