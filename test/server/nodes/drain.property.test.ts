/**
 * The law of drains: at each position of the journal a node is drained exactly if the journal has the row of its
 * drain, and at the end it has the state that its process or an operator set last. Processes take the name, lose
 * their streams and come back, and the coordinator restarts. A second coordinator on the same journal writes for
 * operators, so its writes overtake those of the first one.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { type Node, NodeChange, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { DrainNodeRequest } from '../../../gen/ts/kelpie/v1/node_service.js';
import { GoodbyeReason, type Hello } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { Entry, Journal } from '../../../server/journal/journal.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { Tables } from '../../../server/network/tables.js';
import { NodeRows } from '../../../server/nodes/rows.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  type MortalCoordinator,
  openJournal,
  openMortal,
  TestStream,
} from '../../support/model/coordinator.js';

const NAME = 'lobby-1';
const SETTLED = 120;
const { READY, MAINTENANCE, DRAINING, STARTING, UNREACHABLE, UNSPECIFIED } = NodeState;
const { graceMs, unreachableMs, probeMs } = defaultTimes;

/** Counts what the plans did, so that a test that does nothing fails. */
const seen = { drained: 0, joinedDrained: 0, unreachableDrained: 0, cancelled: 0 };

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Follows the journal, and checks each node after each transaction. */
class Judge {
  readonly #tables = new Tables();
  readonly rows = new NodeRows(this.#tables);
  /** Assertions that failed: a listener of a journal must not throw. */
  readonly broken: string[] = [];
  /** The states in the Hellos of the processes, by instance. */
  readonly declared = new Map<string, NodeState>();
  /** The state that the process or an operator set last. */
  own: NodeState = READY;

  constructor(journal: Journal) {
    journal.onAppend((entries) => this.#take(entries));
  }

  #take(entries: readonly Entry[]): void {
    const before = this.node;
    let isNew = false;
    for (const { key, value, sequence, event } of entries) {
      if (key !== undefined) this.#tables.fold({ key, value: value ?? null, sequence });
      isNew ||= Event.decode(event).body?.$case === 'nodeJoined';
    }
    const { node } = this;
    if (!node) return;
    if (isNew) this.own = this.declared.get(hex(node.instanceId)) ?? UNSPECIFIED;
    const drained = this.rows.drains.get(NAME) !== undefined;
    const others = node.drained || node.state === UNREACHABLE;
    if (node.drained !== drained) this.broken.push(`drained: ${node.drained}, row: ${drained}`);
    const shown = node.state === UNREACHABLE || node.state === DRAINING;
    if (node.drained && !shown) this.broken.push(`drained, and ${node.state}`);
    const hasLast = node.lastState !== UNSPECIFIED;
    if (hasLast !== others) this.broken.push(`${node.state} with last_state ${node.lastState}`);
    if (node.lastState === UNREACHABLE) this.broken.push('its own state is UNREACHABLE');
    this.#count(before, node, isNew);
  }

  #count(before: Node | undefined, node: Node, isNew: boolean): void {
    if (node.drained && isNew) seen.joinedDrained += 1;
    else if (node.drained && before?.drained === false) seen.drained += 1;
    else if (before?.drained && !node.drained) seen.cancelled += 1;
    if (node.drained && node.state === UNREACHABLE) seen.unreachableDrained += 1;
  }

  get node(): Node | undefined {
    return this.rows.nodes.get(NAME)?.value;
  }
}

/** The processes that take the name, one after the other, and the coordinators. */
class World {
  readonly #clock = new FakeClock();
  readonly #journal = openJournal(this.#clock);
  readonly #turns: () => number;
  readonly judge = new Judge(this.#journal);
  #life = 0;
  #town!: MortalCoordinator;
  #operator!: MortalCoordinator;
  #process: Partial<Hello> = {};
  #streams: TestStream[] = [];

  constructor(delays: readonly number[]) {
    let calls = 0;
    this.#turns = () => delays[calls++ % delays.length] ?? 0;
  }

  async open(): Promise<void> {
    this.#operator = await openMortal(this.#journal, this.#clock, {
      ...{ coordinatorId: 'operator', turns: this.#turns },
    });
    await this.restart();
  }

  async restart(): Promise<void> {
    const coordinatorId = `life-${(this.#life += 1)}`;
    const options = { coordinatorId, turns: this.#turns };
    this.#town = await openMortal(this.#journal, this.#clock, options);
  }

  async die(): Promise<void> {
    this.#town.die();
    await this.restart();
  }

  /** A process opens a stream: the present one again, or a new one that takes the name. */
  async join(isNew: boolean, state: NodeState): Promise<void> {
    if (isNew) {
      const instanceId = randomBytes(16);
      this.#process = { instanceId, state };
      this.judge.declared.set(hex(instanceId), state);
    }
    const stream = new TestStream(this.#town.port);
    const value = hello(NAME, this.#process);
    stream.send({ $case: 'hello', value });
    void stream.next('welcome').catch(() => undefined);
    this.#streams.push(stream);
  }

  async cut(): Promise<void> {
    for (const stream of this.#streams.splice(0)) await stream.cut().catch(() => undefined);
  }

  leave(): void {
    this.#streams.at(-1)?.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
  }

  async update(state: NodeState): Promise<void> {
    await settled(SETTLED);
    const change = { ...NodeChange.create(), state };
    const stored = await this.#operator.claims.update(NAME, change).catch(() => undefined);
    if (stored) this.judge.own = state;
  }

  drain(): void {
    const request = DrainNodeRequest.create({ name: NAME });
    this.#operator.claims.drains.begin(request).catch(() => undefined);
  }

  cancel(): void {
    this.#operator.claims.drains.cancel(NAME).catch(() => undefined);
  }

  disconnect(): void {
    this.#operator.claims.disconnect(NAME).catch(() => undefined);
  }

  wait(ms: number): void {
    this.#clock.advance(ms);
  }

  async close(): Promise<void> {
    await settled(SETTLED);
    await this.cut();
    this.#town.die();
    this.#operator.die();
  }
}

const kind = <K extends string>(one: K) => fc.constant(one);
const state = fc.constantFrom(READY, MAINTENANCE, STARTING, DRAINING);
const settle = fc.nat({ max: 12 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('join'), isNew: fc.boolean(), state }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('update'), state }) },
  { weight: 4, arbitrary: fc.record({ kind: kind('drain') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('cancel') }) },
  { weight: 3, arbitrary: fc.record({ kind: kind('cut') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('leave') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('disconnect') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('wait'),
      ms: fc.constantFrom(probeMs, unreachableMs, graceMs),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind('restart') }) },
);
const plans = fc.array(fc.record({ step, settle }), { minLength: 5, maxLength: 25 });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function take(world: World, one: Step): Promise<void> {
  if (one.kind === 'join') return world.join(one.isNew, one.state);
  if (one.kind === 'update') return world.update(one.state);
  if (one.kind === 'restart') return world.die();
  if (one.kind === 'wait') world.wait(one.ms);
  else await world[one.kind]();
}

describe('the drain of a node', () => {
  it('holds for whatever process has the name, and hides the state that it gives back', async () => {
    const delays = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(plans, delays, async (plan, turns) => {
        const world = new World(turns);
        await world.open();
        await world.join(true, READY);
        for (const { step: one, settle: turnsBetween } of plan) {
          await take(world, one);
          await settled(turnsBetween);
        }
        await settled(SETTLED);
        expect(world.judge.broken).to.deep.equal([]);
        const { node } = world.judge;
        const hidden = node && (node.drained || node.state === UNREACHABLE);
        if (node) expect(hidden ? node.lastState : node.state).to.equal(world.judge.own);
        world.cancel();
        await settled(SETTLED);
        if (world.judge.node?.state !== UNREACHABLE && node) {
          expect(world.judge.node?.state, 'the state of the node is its own again').to.equal(
            world.judge.own,
          );
        }
        expect(world.judge.broken).to.deep.equal([]);
        await world.close();
      }),
      { numRuns: 400 },
    );
    expect(seen.drained, 'nodes were drained').to.be.above(100);
    expect(seen.joinedDrained, 'processes took the name of a drained node').to.be.above(25);
    expect(seen.unreachableDrained, 'drained nodes were lost').to.be.above(20);
    expect(seen.cancelled, 'drains were cancelled').to.be.above(80);
  }).timeout(120_000);
});
