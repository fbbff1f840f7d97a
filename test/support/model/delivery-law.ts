/**
 * The law of delivery. A subscriber gets the entries of the journal in order, filtered by the topics that held at
 * each position. If entries are lost, it gets a Gap that names exactly these. A Snapshot is the table as it was at
 * the cursor of the Snapshot or later.
 */
import { expect } from 'chai';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import type { Gap, Snapshot } from '../../../gen/ts/kelpie/v1/stream.js';
import { isUnder, matches, reaches, topicOfKey } from '../../../server/topics/topic.js';
import type { Entry } from '../../../server/journal/journal.js';
import type { History } from '../journal/history.js';
import type { Seen, Subscriber } from './subscriber.js';

type Patterns = readonly string[];
type Asked = Extract<Seen, { kind: 'asked' }>;

/** How many Snapshots the stream must still send. A pending change may make it one more or less. */
interface Owed {
  least: number;
  most: number;
}

interface Loading {
  readonly cursor: number;
  readonly topics: Patterns;
  readonly named: Set<string>;
}

export class DeliveryLaw {
  readonly #history: History;
  readonly #name: string;
  readonly #excludeOwn: boolean;
  readonly #seen: readonly Seen[];
  #position = 0;
  #patterns: Patterns = [];
  /** A requested change of topics, and the position from which it applies. */
  #change: { asked: Asked; at: number } | undefined;
  #owed: Owed = { least: 0, most: 0 };
  /** The patterns that a Snapshot of this stream may have. */
  #asked: Patterns[] = [];
  #loading: Loading | undefined;
  /** The ends of the Gaps for some topics alone, by their prefix. */
  #lost = new Map<string, number>();
  /** Whether the last frame of events was such a gap. */
  #inGaps = false;

  constructor({ options, seen }: Subscriber, history: History) {
    this.#history = history;
    this.#name = options.name;
    this.#excludeOwn = options.excludeOwn;
    this.#seen = seen;
  }

  /** Throws if the subscriber, which is at rest now, has missed an entry. */
  check(): void {
    this.#seen.forEach((item, index) => this.#follow(item, index));
    expect(this.#between(this.#position, Infinity), 'nothing is outstanding').to.be.empty;
    expect(this.#owed.least, 'no snapshot is outstanding').to.be.at.most(0);
  }

  #follow(item: Seen, index: number): void {
    switch (item.kind) {
      case 'opened':
        return this.#open(item);
      case 'asked':
        return this.#ask(item, index);
      case 'updated':
        return this.#update(item.at);
      case 'events': {
        this.#inGaps = false;
        const upTo = item.batch.upTo?.sequence ?? 0;
        const given = item.batch.events.map(({ sequence }) => sequence);
        const fresh = given.filter((sequence) => sequence > this.#position);
        this.#compare(fresh, upTo);
        this.#position = Math.max(this.#position, upTo);
        return;
      }
      case 'renewed':
        return this.#reach(item.at, 'a renewed cursor skips nothing');
      case 'gap':
        return this.#lose(item.gap);
      case 'snapshot':
        return this.#load(item.part, item.head);
    }
  }

  /** Checks entries of topics with removed entries. The tail may still have sent some of the removed ones. */
  #compare(fresh: readonly number[], upTo: number): void {
    const wanted = this.#between(this.#position, upTo, true);
    expect(wanted, 'only what is in the journal').to.include.members([...fresh]);
    const must = this.#between(this.#position, upTo);
    expect(fresh, 'the journal, filtered').to.include.members(must);
    expect(fresh, 'in order').to.deep.equal([...new Set(fresh)].sort((one, two) => one - two));
  }

  #open({ at, patterns, snapshot }: Extract<Seen, { kind: 'opened' }>): void {
    this.#position = at;
    this.#patterns = patterns;
    this.#change = undefined;
    this.#loading = undefined;
    this.#owed = { least: 0, most: 0 };
    this.#asked = [];
    this.#lost = new Map();
    this.#inGaps = false;
    if (snapshot) this.#owe(patterns, 1, 1);
  }

  #ask(asked: Asked, index: number): void {
    const answer = this.#seen.slice(index).find(({ kind }) => kind === 'updated');
    if (answer?.kind !== 'updated') throw new Error('a change has no answer');
    this.#change = { asked, at: answer.at };
    if (asked.snapshot) this.#owe(asked.added, 1, 1);
  }

  #update(at: number): void {
    this.#reach(at, 'a change of topics skips nothing');
    this.#patterns = this.#change?.asked.patterns ?? this.#patterns;
    this.#change = undefined;
  }

  #reach(at: number, why: string): void {
    expect(this.#between(this.#position, at), why).to.be.empty;
    this.#position = Math.max(this.#position, at);
  }

  #lose(gap: Gap): void {
    if (gap.topics.length > 0) this.#loseTopics(gap);
    else this.#loseAll(gap);
    // One snapshot follows several gaps that the coordinator found at once.
    this.#oweAfterGap(this.#inGaps && gap.topics.length > 0 ? 0 : 1);
    this.#inGaps = gap.topics.length > 0;
  }

  /** Checks that a Gap names only lost entries that the reader reads and has not received. */
  #loseTopics({ lostAfter, resumesAt, topics: [prefix = '', below] }: Gap): void {
    const [low, high] = [lostAfter?.sequence ?? 0, resumesAt?.sequence ?? 0];
    expect(below).to.equal(`${prefix}.>`);
    expect(this.#between(this.#position, low), 'nothing is missing before it').to.be.empty;
    expect(high, 'it is not empty').to.be.greaterThan(Math.max(low, this.#lost.get(prefix) ?? 0));
    expect(this.#history.gone.get(prefix)?.has(high), 'so much was lost').to.equal(true);
    const patterns = [...this.#patterns, ...(this.#change?.asked.patterns ?? [])];
    const read = [...patterns, `inbox.${this.#name}`].some((one) => reaches(one, prefix));
    expect(read, 'it is of what the reader reads').to.equal(true);
    this.#lost.set(prefix, high);
  }

  #loseAll({ lostAfter, resumesAt }: Gap): void {
    const [low, high] = [lostAfter?.sequence ?? 0, resumesAt?.sequence ?? 0];
    expect(low, 'a gap begins where the reader is, or later').to.be.at.least(this.#position);
    expect(this.#between(this.#position, low), 'nothing is missing before it').to.be.empty;
    expect(high, 'it is not empty').to.be.greaterThan(low);
    expect(this.#history.floors.has(high), 'it ends before the oldest entry').to.equal(true);
    this.#position = high;
  }

  #oweAfterGap(least: 0 | 1): void {
    const now = [this.#patterns, this.#change?.asked.patterns ?? this.#patterns];
    const resources = now.map((patterns) => resourcesOf(patterns).length > 0);
    for (const patterns of now) this.#asked.push(patterns);
    this.#owed.least += resources.every(Boolean) ? least : 0;
    this.#owed.most += resources.some(Boolean) ? 1 : 0;
  }

  #owe(patterns: Patterns, least: number, most: number): void {
    this.#asked.push(patterns);
    this.#owed.least += least;
    this.#owed.most += most;
  }

  #load({ cursor, topics, rows, complete }: Snapshot, head: number): void {
    this.#inGaps = false;
    if (cursor) {
      const asked = this.#asked.map((patterns) => resourcesOf(patterns).toSorted());
      expect(asked, 'what was asked for').to.deep.include(topics.toSorted());
      this.#loading = { cursor: cursor.sequence, topics, named: new Set() };
    }
    const loading = this.#loading;
    if (!loading) throw new Error('a snapshot has no beginning');
    for (const { sequence, resource } of rows) {
      if (resource?.$case !== 'node') throw new Error('a row is no node');
      loading.named.add(resource.value.name);
      this.#checkRow(loading, sequence, resource.value);
    }
    if (!complete) return;
    this.#checkWhole(loading, head);
    this.#loading = undefined;
    this.#owed.least -= 1;
    this.#owed.most -= 1;
    expect(this.#owed.most, 'a snapshot without a request').to.be.at.least(0);
  }

  #checkRow({ cursor, topics }: Loading, sequence: number, node: Node): void {
    const key = `nodes/${node.name}`;
    const written = this.#history.entries.filter((entry) => entry.key === key);
    const source = written.find((entry) => entry.sequence === sequence);
    expect(source?.value && Node.decode(source.value), 'a row has the written value').to.deep.equal(
      node,
    );
    expect(topics.some((one) => matches(one, topicOfKey(key)))).to.equal(true);
    const newer = written.find((entry) => entry.sequence > sequence);
    expect(newer?.sequence ?? Infinity, 'a row is not older than the cursor').to.be.above(cursor);
  }

  #checkWhole({ cursor, topics, named }: Loading, head: number): void {
    const last = new Map<string, Entry>();
    for (const entry of this.#history.entries) {
      if (entry.key?.startsWith('nodes/') && entry.sequence <= head) last.set(entry.key, entry);
    }
    for (const [key, { value, sequence }] of last) {
      const steady = value && sequence <= cursor;
      if (!steady || !topics.some((one) => matches(one, topicOfKey(key)))) continue;
      expect(named.has(key.slice('nodes/'.length)), `${key} is in the snapshot`).to.equal(true);
    }
  }

  /** The sequences of the entries that the subscriber should get after one position, up to another. */
  #between(low: number, high: number, lostToo = false): number[] {
    return this.#history.entries
      .filter(({ sequence }) => sequence > low && sequence <= high)
      .filter((entry) => this.#wants(entry) && (lostToo || !this.#isLost(entry)))
      .map(({ sequence }) => sequence);
  }

  #isLost({ sequence, topic }: Entry): boolean {
    return [...this.#lost].some(([prefix, upTo]) => sequence <= upTo && isUnder(topic, prefix));
  }

  #wants({ sequence, topic, source, event }: Entry): boolean {
    if (event.length === 0 || (this.#excludeOwn && source === this.#name)) return false;
    const changed = this.#change && sequence > this.#change.at;
    const patterns = changed ? this.#change?.asked.patterns : this.#patterns;
    const inbox = topic === `inbox.${this.#name}`;
    return inbox || (patterns ?? []).some((one) => matches(one, topic));
  }
}

function resourcesOf(patterns: Patterns): Patterns {
  return patterns.filter((pattern) => pattern.startsWith('nodes.'));
}
