/**
 * The law of fencing, of real clients: several processes want one name, and their streams break in any way. Each
 * entry in the node's name is of the process that owned the name at that position. Nothing is stored twice. Each
 * publish that a process got acknowledged is stored. In the end one process has the name, and the others know
 * that they do not have it.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { KelpieError } from '../../../client/errors.js';
import type { Status } from '../../../client/status.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { hex } from '../../../server/core/cursor.js';
import { Tables } from '../../../server/network/tables.js';
import { NodeRows } from '../../../server/nodes/rows.js';
import { textOfMessage } from '../../support/wire/messages.js';
import { faults, kind, weighed } from '../../support/model/sdk-steps.js';
import { NOTHING_LEFT, type Process, SdkWorld } from '../../support/model/sdk-world.js';
import { inSoak } from '../../support/soak.js';

const NAME = 'contested';
const PROCESSES = 3;
/** One coordinator: without clusters no coordinator can probe the stream of another one. */
const PLACES = 1;

const who = fc.nat({ max: PROCESSES - 1 });
const steps = fc.array(
  fc.oneof(
    weighed(4, { kind: kind('begin'), who }),
    weighed(6, { kind: kind('publish'), who, count: fc.integer({ min: 1, max: 3 }) }),
    weighed(3, { kind: kind('update'), who }),
    weighed(1, { kind: kind('end'), who, crash: fc.boolean() }),
    ...faults(PLACES),
  ),
  { minLength: 15, maxLength: 60, size: 'max' },
);
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

/** A process that wants the name. All its entries have its label. */
interface Claimant extends Process {
  readonly label: string;
}

class Contest {
  readonly #world: SdkWorld;
  readonly #claimants: (Claimant | undefined)[] = [];
  #count = 0;
  /** The publishes that a coordinator acknowledged. */
  readonly #acknowledged: string[] = [];
  readonly outcomes = { published: 0, updated: 0, refused: 0 };

  constructor(world: SdkWorld) {
    this.#world = world;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'begin':
        this.#end(one.who, true);
        this.#begin(one.who);
        return;
      case 'end':
        this.#end(one.who, one.crash);
        return;
      case 'publish':
        for (let count = 0; count < one.count; count++) this.#publish(one.who);
        return;
      case 'update':
        this.#update(one.who);
        return;
      default:
        return this.#world.take(one);
    }
  }

  #begin(index: number): void {
    const label = `p${++this.#count}`;
    const labels = { by: label };
    const options = { name: NAME, role: 'DOWNSTREAM', start: 'LATEST', labels } as const;
    this.#claimants[index] = { ...this.#world.connect(options), label };
  }

  #end(index: number, crash: boolean): void {
    const one = this.#claimants[index];
    if (crash && one) this.#world.crash(one);
    else void one?.client.close();
    this.#claimants[index] = undefined;
  }

  #publish(index: number): void {
    const one = this.#claimants[index];
    if (!one) return;
    const text = `${one.label} ${++this.#count}`;
    one.client.publish('chat.global', text).then(
      () => this.#acknowledged.push(text),
      () => (this.outcomes.refused += 1),
    );
  }

  #update(index: number): void {
    const one = this.#claimants[index];
    // Each change has its own label, since the coordinator may store several changes as one.
    const mark = `at-${++this.#count}`;
    one?.client.update({ labels: { [mark]: '' } }).then(
      () => this.#acknowledged.push(`${one.label} ${mark}`),
      () => (this.outcomes.refused += 1),
    );
  }

  check(): void {
    this.#checkJournal();
    this.#checkEnd();
  }

  /** Reads the whole history, and keeps the owner of the name at each position. */
  #checkJournal(): void {
    const labels = new Map<string, string>();
    let tables = new Tables();
    let rows = new NodeRows(tables);
    let epoch = 0;
    const stored = new Set<string>();
    const inEpoch = new Set<string>();
    for (const { key, value, source, event, sequence, index } of this.#world.entries) {
      if (this.#world.epochOf(index) !== epoch) {
        epoch = this.#world.epochOf(index);
        tables = new Tables();
        rows = new NodeRows(tables);
        inEpoch.clear();
      }
      if (key !== undefined) tables.fold({ key, value: value ?? null, sequence });
      const owner = rows.owners.get(NAME)?.value.instanceId;
      const { body } = Event.decode(event);
      if (body?.$case === 'nodeJoined' || body?.$case === 'nodeUpdated') {
        const { instanceId, labels: shown } = Node.create(body.value.node);
        const by = shown['by'] ?? '';
        labels.set(hex(instanceId), by);
        for (const mark of Object.keys(shown)) stored.add(`${by} ${mark}`);
      }
      if (source !== NAME || body?.$case !== 'messagePublished') continue;
      const text = textOfMessage(body.value) ?? '';
      expect(owner && labels.get(hex(owner)), `the owner at ${text}`).to.equal(text.split(' ')[0]);
      expect(inEpoch.has(text), `${text} is stored once in a history`).to.equal(false);
      inEpoch.add(text);
      stored.add(text);
      this.outcomes.published += 1;
    }
    expect([...stored], 'the acknowledged publishes are stored').to.include.members(
      this.#acknowledged,
    );
    this.outcomes.updated += this.#acknowledged.filter((text) => text.includes('at-')).length;
  }

  #checkEnd(): void {
    const owner = this.#world.town.nodeRows.nodes.get(NAME)?.value;
    const there = this.#claimants.filter((one) => one !== undefined);
    const connected = there.filter(({ statuses }) => last(statuses)?.type === 'connected');
    const living = there.filter(({ statuses }) => last(statuses)?.type !== 'closed');
    expect(connected.map(({ label }) => label)).to.have.lengthOf(Math.min(1, living.length));
    const [one] = connected;
    if (one) expect(owner?.labels['by'], 'the owner').to.equal(one.label);
    for (const { statuses } of there.filter((other) => other !== one)) {
      // One of the places may have no process that reports it.
      const since = statuses.slice(statuses.findLastIndex(({ type }) => type === 'connected') + 1);
      const reasons = since.map((one) => 'error' in one && reasonOf(one.error));
      expect(reasons).to.include.oneOf(['NODE_NAME_IN_USE', 'SESSION_REPLACED']);
    }
  }
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof KelpieError ? error.reason : undefined;
}

/** The newest status of the connection of a process. */
function last(statuses: readonly Status[]): Status | undefined {
  const kinds = ['connected', 'disconnected', 'closed'];
  return statuses.findLast(({ type }) => kinds.includes(type));
}

describe('the fencing of real clients', () => {
  it('lets only the owner of a name write, and refuses the others', async () => {
    const numRuns = inSoak(3000, 120);
    const total = { published: 0, updated: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(0, 4, 20), async (plan, turns) => {
        // A new owner can overtake an append that takes several turns.
        const world = await SdkWorld.open(PLACES, { turns: () => turns });
        const contest = new Contest(world);
        for (const one of plan) await contest.take(one);
        await world.quiet();
        contest.check();
        expect(await world.close()).to.deep.equal(NOTHING_LEFT);
        total.published += contest.outcomes.published;
        total.updated += contest.outcomes.updated;
        total.refused += contest.outcomes.refused;
      }),
      { numRuns },
    );
    expect(total.published, 'events were stored').to.be.above(numRuns / 2);
    // Changes are rare: a plan must have one while its owner is connected.
    expect(total.updated, 'changes were stored').to.be.above(numRuns / 60);
    expect(total.refused, 'some were refused').to.be.above(numRuns / 10);
  }).timeout(inSoak(600_000, 60_000));
});
