/**
 * The law of delivery, of real clients: streams break and coordinators stop in any way. Each handler still gets every
 * matching event in order, once in a process, or the client reports a gap that contains the event. Each publish is
 * stored once.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import type { StartOption } from '../../../client/core/start.js';
import type { ReceivedEvent } from '../../../client/events/received.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { matches } from '../../../server/topics/topic.js';
import { textOfMessage } from '../../support/wire/messages.js';
import {
  NOTHING_LEFT,
  type Process,
  SdkWorld,
  type Stored,
} from '../../support/model/sdk-world.js';
import { inSoak } from '../../support/soak.js';
import { faults, kind, weighed } from '../../support/model/sdk-steps.js';

const NODES = 3;
const PLACES = 2;
const TOPICS = ['chat.global', 'chat.staff', 'shop.sold', 'inbox.node-0'];
const PATTERNS = ['>', 'chat.*', 'shop.sold', 'nodes.*', 'players.*', 'nodes.node-1'];

const node = fc.nat({ max: NODES - 1 });
const steps = fc.array(
  fc.oneof(
    weighed(6, { kind: kind('publish'), node, topic: fc.constantFrom(...TOPICS) }),
    weighed(2, { kind: kind('subscribe'), node, pattern: fc.constantFrom(...PATTERNS) }),
    weighed(2, { kind: kind('update'), node, label: fc.nat({ max: 9 }) }),
    weighed(1, { kind: kind('begin'), node }),
    ...faults(PLACES),
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

const start = fc.constantFrom<StartOption>('SNAPSHOT', 'LATEST', 'EARLIEST', {
  sinceMs: 3_600_000,
});
const settings = fc.record({
  turns: fc.nat(2),
  retention: fc.constantFrom(15, 40, 100_000),
  tail: fc.integer({ min: 1, max: 60 }),
  nodes: fc.array(
    fc.record({
      start,
      patterns: fc.uniqueArray(fc.constantFrom(...PATTERNS), { maxLength: 3 }),
      /** How long handlers take. 0: they do not wait. */
      slowMs: fc.constantFrom(0, 0, 50, 900),
      roster: fc.boolean(),
    }),
    { minLength: NODES, maxLength: NODES },
  ),
});
type Settings = typeof settings extends fc.Arbitrary<infer S> ? S : never;

/** A subscription, and the events that its handler got. */
class Reader {
  readonly pattern: string;
  readonly seen: number[] = [];
  /** The position in the history where it begins; undefined if the test does not have it. */
  from: number | undefined;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  readonly take = (event: ReceivedEvent): void => {
    this.seen.push(event.sequence);
  };
}

/** A node of the network: one process after another. */
class Member {
  readonly name: string;
  readonly #world: SdkWorld;
  readonly #settings: Settings['nodes'][number];
  process: Process;
  readers: Reader[] = [];
  #loaded = false;

  constructor(world: SdkWorld, name: string, options: Settings['nodes'][number]) {
    this.name = name;
    this.#world = world;
    this.#settings = options;
    this.process = this.begin();
  }

  /** The process dies, and another one takes its place. */
  restart(): void {
    this.#world.crash(this.process);
    this.begin();
  }

  update(label: string): void {
    const { client } = this.process;
    client.update({ labels: { at: label } }).catch(() => undefined);
  }

  begin(): Process {
    const { start, patterns, roster } = this.#settings;
    this.process = this.#world.connect({
      name: this.name,
      role: 'DOWNSTREAM',
      start,
      handlerTimeoutMs: 500,
      roster: { players: roster },
    });
    this.readers = [];
    this.#loaded = false;
    const { client } = this.process;
    const { process } = this;
    client.ready().then(
      () => process === this.process && this.#begun(),
      () => undefined,
    );
    for (const pattern of [...patterns, `inbox.${this.name}`]) this.subscribe(pattern);
    return process;
  }

  #begun(): void {
    this.#loaded = true;
    // The Snapshot is complete: all events from now on must come.
    const early = this.readers.slice(0, this.#settings.patterns.length + 1);
    for (const one of early) one.from ??= this.#first ?? this.#world.entries.length;
  }

  /** The start of the first stream; the test has it unless the start is a Snapshot. */
  get #first(): number | undefined {
    if (this.#settings.start === 'SNAPSHOT') return undefined;
    const first = this.process.statuses.find(({ type }) => type === 'connected');
    const cursor = first?.type === 'connected' && first.welcome.cursor;
    return cursor ? this.#world.indexOf(cursor) : undefined;
  }

  subscribe(pattern: string): void {
    const reader = new Reader(pattern);
    const { slowMs } = this.#settings;
    this.readers.push(reader);
    this.process.client.subscribe(pattern, (event) => {
      reader.take(event);
      return slowMs > 0 ? this.#world.later(slowMs) : undefined;
    });
  }

  /** Nothing changes any more: if the stream is open, later subscriptions have begun by now. */
  rest(): void {
    const connected = this.process.statuses
      .filter(({ type }) => ['connected', 'disconnected', 'connecting'].includes(type))
      .at(-1);
    const whole = this.#world.streamsOf(this.process).every((stream) => stream.whole);
    if (!this.#loaded || connected?.type !== 'connected' || !whole) return;
    for (const one of this.readers) one.from ??= this.#world.entries.length;
  }

  check(): void {
    const lost = this.process.statuses.flatMap((status) => {
      if (status.type !== 'gap' || status.gap.topics.length > 0) return [];
      const { lostAfter, resumesAt } = status.gap;
      if (!lostAfter || !resumesAt) throw new Error('a gap without its ends');
      return [[this.#world.indexOf(lostAfter), this.#world.indexOf(resumesAt)] as const];
    });
    for (const reader of this.readers) this.#checkReader(reader, lost);
  }

  #checkReader({ pattern, from, seen }: Reader, lost: (readonly [number, number])[]): void {
    const where = new Map(this.#world.entries.map(({ sequence, index }) => [sequence, index]));
    const got = seen.map((sequence) => where.get(sequence) ?? -1);
    const label = `${this.name} ${pattern}`;
    expect(got, `${label}: in order, and once`).to.deep.equal(
      [...new Set(got)].sort((one, other) => one - other),
    );
    const wanted = this.#world.entries.filter((entry) => wants(pattern, entry));
    const must = wanted
      .map(({ index }) => index)
      .filter((index) => index >= (from ?? Infinity))
      .filter((index) => !lost.some(([low, high]) => index >= low && index < high));
    expect(got, `${label}: all that matches`).to.include.members(must);
    expect(
      wanted.map(({ index }) => index),
      `${label}: nothing else`,
    ).to.include.members(got);
    tally.set('delivered', (tally.get('delivered') ?? 0) + must.length);
    if (lost.length > 0) tally.set('gaps', (tally.get('gaps') ?? 0) + lost.length);
  }
}

function wants(pattern: string, { topic, event }: Stored): boolean {
  if (event.length === 0) return false;
  // The own inbox, or a pattern.
  return topic === pattern || (!topic.startsWith('inbox.') && matches(pattern, topic));
}

/** A published event, and its outcome. */
interface Published {
  readonly text: string;
  readonly process: Process;
  outcome?: 'stored' | 'refused';
}

class Publishes {
  readonly #world: SdkWorld;
  readonly #all: Published[] = [];

  constructor(world: SdkWorld) {
    this.#world = world;
  }

  publish({ process, name }: Member, topic: string): void {
    const text = `${name} ${this.#all.length}`;
    const one: Published = { text, process };
    this.#all.push(one);
    process.client.publish(topic, text).then(
      () => {
        one.outcome = 'stored';
        expect(this.#stored.has(text), `${text} is stored if it is acknowledged`).to.equal(true);
      },
      () => (one.outcome = 'refused'),
    );
  }

  get #stored(): Map<string, number[]> {
    const stored = new Map<string, number[]>();
    for (const { event, index } of this.#world.entries) {
      const { body } = Event.decode(event);
      if (body?.$case !== 'messagePublished') continue;
      const text = textOfMessage(body.value) ?? '';
      stored.set(text, [...(stored.get(text) ?? []), this.#world.epochOf(index)]);
    }
    return stored;
  }

  /** All publishes of living processes have settled. */
  check(living: readonly Process[]): void {
    const stored = this.#stored;
    for (const { text, outcome, process } of this.#all) {
      const epochs = stored.get(text) ?? [];
      expect(new Set(epochs).size, `${text} is stored once in a history`).to.equal(epochs.length);
      if (living.includes(process))
        expect(outcome, text + JSON.stringify(process.statuses.slice(-6))).to.equal('stored');
    }
    tally.set('published', (tally.get('published') ?? 0) + this.#all.length);
  }
}

/** Counts of all runs. The test fails if the runs tested too little. */
const tally = new Map<string, number>();

async function take(world: SdkWorld, members: Member[], publishes: Publishes, one: Step) {
  const member = 'node' in one ? members[one.node] : undefined;
  switch (one.kind) {
    case 'publish':
      if (member) publishes.publish(member, one.topic);
      return;
    case 'subscribe':
      return member?.subscribe(one.pattern);
    case 'update':
      return member?.update(String(one.label));
    case 'begin':
      return member?.restart();
    case 'flow':
      await world.flow();
      for (const each of members) each.rest();
      return;
    default:
      return world.take(one);
  }
}

async function run(plan: Step[], { retention, tail, turns, nodes }: Settings): Promise<void> {
  const world = await SdkWorld.open(PLACES, {
    retention: { entries: retention },
    tail: { entries: tail, bytes: 2 ** 20 },
    turns: () => turns,
  });
  const publishes = new Publishes(world);
  const members = nodes.map((options, index) => new Member(world, `node-${index}`, options));
  for (const one of plan) await take(world, members, publishes, one);
  await world.quiet();
  for (const one of members) one.check();
  publishes.check(members.map(({ process }) => process));
  expect(await world.close()).to.deep.equal(NOTHING_LEFT);
}

describe('the delivery of real clients', () => {
  it('has each matching event in order, or a gap that names the missing part; and publishes are stored once', async () => {
    const numRuns = inSoak(3000, 120);
    await fc.assert(fc.asyncProperty(steps, settings, run), { numRuns });
    expect(tally.get('delivered'), 'there was something to deliver').to.be.above(numRuns);
    expect(tally.get('gaps'), 'gaps were tested').to.be.above(numRuns / 10);
  }).timeout(inSoak(600_000, 60_000));
});
