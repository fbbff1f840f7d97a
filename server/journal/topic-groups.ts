/**
 * How much each group of topics uses: those that share their first two tokens. There are never more than a
 * thousand groups, so that asking for the largest is little work. Topics of the coordinator's own kinds are
 * a group for each kind, or every player would be one; and where one first token has many groups, or
 * there are many in all, topics that come further are counted together.
 *
 * All entries of a topic are in one group, the first of its names that is there. So a group is made only
 * where none of them is, and what is taken away is taken from where it was added.
 */
import { isClosed } from '../topics/topic.js';

export interface Used {
  readonly entries: number;
  readonly bytes: number;
}

/** All topics that have no other group. */
const OTHERS = '>';
/** Groups that share a first token. */
const ALIKE = 100;
const GROUPS = 1000;
const NOTHING: Used = { entries: 0, bytes: 0 };

export class TopicGroups {
  readonly #groups = new Map<string, Used>();
  /** How many small groups have this first token. */
  readonly #alike = new Map<string, number>();

  /** The groups as they were stored, whatever version stored them, without a limit. */
  static stored(stored: ReadonlyMap<string, Used>): TopicGroups {
    const groups = new TopicGroups();
    for (const [name, used] of stored) groups.#set(name, used);
    return groups;
  }

  /** Takes groups in that were stored. The names of those that are not stored any more as they were. */
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

  /** Adds to what a topic uses, or takes away. The name of its group. */
  count(topic: string, entries: number, bytes: number): string {
    const name = this.nameOf(topic) ?? this.#newName(topic);
    const used = this.used(name);
    this.#set(name, { entries: used.entries + entries, bytes: used.bytes + bytes });
    return name;
  }

  /** The group in which the topic is counted, if there is one. */
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

/** The names of groups that a topic can be in, the smallest first. */
function namesOf(topic: string): readonly [small: string, large: string, others: string] {
  const first = topic.indexOf('.');
  if (first < 0) return [topic, OTHERS, OTHERS];
  const second = topic.indexOf('.', first + 1);
  const small = second < 0 ? topic : `${topic.slice(0, second)}.*`;
  return [small, `${topic.slice(0, first)}.*`, OTHERS];
}

/** Whether a group is of all topics of a first token, or of all others. */
function isLarge(name: string): boolean {
  return name === OTHERS || (name.endsWith('.*') && name.indexOf('.') === name.length - 2);
}

function firstOf(topic: string): string {
  const end = topic.indexOf('.');
  return end < 0 ? topic : topic.slice(0, end);
}
