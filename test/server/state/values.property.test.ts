/**
 * Shared values against a model: puts with expectations and guards, deletions, a TTL under a fake clock, owners that
 * leave or come back as another process, and coordinators that die and come back on the same journal.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { PutValueRequest, DeleteValueRequest } from '../../../gen/ts/kelpie/v1/state_service.js';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { FileJournal } from '../../../server/journal/file/file-journal.js';
import type { Journal } from '../../../server/journal/journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { openFile } from '../../support/journal/file-journals.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { inSoak } from '../../support/soak.js';

const KEYS = ['a', 'b', 'c'] as const;
const OWNERS = ['lobby', 'arena'] as const;
const TTL_S = 5;

interface ModelValue {
  readonly sequence: number;
  readonly owner: string;
  readonly endsAtMs: number | undefined;
}

const key = fc.constantFrom(...KEYS);
const seen = fc.constantFrom('none', 'present', 'absent', 'old');
const steps = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      seen,
      guard: fc.option(key),
      guardSeen: seen,
      ttl: fc.boolean(),
      owner: fc.constantFrom('', ...OWNERS),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, seen }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('leave' as const),
      owner: fc.constantFrom(...OWNERS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      owner: fc.constantFrom(...OWNERS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly clock = new FakeClock();
  readonly #journal: Journal;
  readonly model = new Map<string, ModelValue>();
  readonly counts: Record<string, number> = {};
  #town!: MortalCoordinator;
  #old = 1;

  constructor(journal: Journal | undefined) {
    this.#journal = journal ?? openJournal(this.clock);
  }

  async open(): Promise<void> {
    this.#town = await openMortal(this.#journal, this.clock, {
      times: { graceMs: 2 ** 40, maxSilenceMs: 2 ** 40 },
    });
    for (const owner of OWNERS) await this.join(owner);
  }

  async join(name: string): Promise<void> {
    if (this.#town.nodeRows.owners.get(name)) return;
    await join(this.#town, hello(name, { instanceId: randomBytes(16) }));
  }

  get town(): MortalCoordinator {
    return this.#town;
  }

  /** The sequence that a writer claims to have seen; undefined: no condition. */
  #claimed(key: string, seen: string): number | undefined {
    if (seen === 'none') return undefined;
    if (seen === 'absent') return 0;
    return seen === 'old' ? this.#old : (this.model.get(key)?.sequence ?? 0);
  }

  async run(step: Step): Promise<void> {
    this.counts[step.kind] = (this.counts[step.kind] ?? 0) + 1;
    if (step.kind === 'put') await this.#put(step);
    else if (step.kind === 'delete') await this.#delete(step);
    else if (step.kind === 'wait') this.clock.advance(step.seconds * 1000);
    else if (step.kind === 'restart') {
      this.#town.die();
      // The time of each value begins anew.
      for (const [name, value] of this.model) {
        if (value.endsAtMs !== undefined)
          this.model.set(name, { ...value, endsAtMs: this.clock.now() + TTL_S * 1000 });
      }
      await this.open();
    } else {
      const { owner } = step;
      const generation = this.#town.nodeRows.owners.get(owner)?.sequence ?? 0;
      await this.#town.claims.leave(owner, generation, NodeLeaveReason.LOST);
      for (const [name, value] of this.model) if (value.owner === owner) this.model.delete(name);
      if (step.kind === 'replace') await this.join(owner);
    }
    for (const [name, { endsAtMs }] of this.model) {
      if (endsAtMs !== undefined && endsAtMs <= this.clock.now()) this.model.delete(name);
    }
    await settled(8);
    // A journal in files takes longer to end what must end.
    for (let turn = 0; turn < 200 && this.#town.valueRows.size > this.model.size; turn++) {
      await sleep(1);
    }
    this.check();
  }

  async #put(step: Extract<Step, { kind: 'put' }>): Promise<void> {
    const { key, owner } = step;
    const expectedSequence = this.#claimed(key, step.seen);
    const claimed = step.guard === null ? undefined : this.#claimed(step.guard, step.guardSeen);
    const guard =
      step.guard === null || claimed === undefined
        ? undefined
        : { bucket: 'x', key: step.guard, sequence: claimed };
    const isConflict =
      (expectedSequence !== undefined &&
        expectedSequence !== (this.model.get(key)?.sequence ?? 0)) ||
      (guard !== undefined && guard.sequence !== (this.model.get(guard.key)?.sequence ?? 0));
    const isThere = owner === '' || this.#town.nodeRows.owners.get(owner) !== undefined;
    const request = PutValueRequest.create({
      ...{ bucket: 'x', key, owner, expectedSequence, guard },
      content: { form: { $case: 'text', value: key } },
      ttl: step.ttl ? { seconds: TTL_S, nanos: 0 } : undefined,
    });
    const outcome = await this.#town.values.put(request).catch(reasonOf);
    if (!isThere) expect(outcome).to.equal('NODE_NOT_FOUND');
    else if (isConflict) expect(outcome).to.equal('SEQUENCE_CONFLICT');
    else {
      expect(outcome).to.be.a('number');
      this.#old = this.model.get(key)?.sequence ?? this.#old;
      const endsAtMs = step.ttl ? this.clock.now() + TTL_S * 1000 : undefined;
      this.model.set(key, { sequence: outcome as number, owner, endsAtMs });
    }
    this.counts[String(outcome)] = (this.counts[String(outcome)] ?? 0) + 1;
  }

  async #delete({ key, seen }: Extract<Step, { kind: 'delete' }>): Promise<void> {
    const expectedSequence = this.#claimed(key, seen);
    const present = this.model.get(key);
    const request = DeleteValueRequest.create({ bucket: 'x', key, expectedSequence });
    const outcome = await this.#town.values.delete(request).catch(reasonOf);
    if (expectedSequence === 0) expect(outcome).to.equal('OUT_OF_RANGE');
    else if (!present) expect(outcome).to.equal('VALUE_NOT_FOUND');
    else if (expectedSequence !== undefined && expectedSequence !== present.sequence)
      expect(outcome).to.equal('SEQUENCE_CONFLICT');
    else {
      expect(outcome).to.equal(undefined);
      this.#old = present.sequence;
      this.model.delete(key);
    }
  }

  /** The coordinator has the values of the model, and nothing beside them. */
  check(): void {
    const { valueRows, values } = this.#town;
    const rows = [...valueRows.table.entries()].map(([name, { value, sequence }]) => [
      name.slice('x/'.length),
      { sequence, owner: value.owner },
    ]);
    const wanted = [...this.model].map(([name, { sequence, owner }]) => [
      name,
      { sequence, owner },
    ]);
    expect(Object.fromEntries(rows)).to.deep.equal(Object.fromEntries(wanted));
    const owned = OWNERS.map((owner) => valueRows.ownedBy(owner).size);
    const bound = OWNERS.map(
      (owner) => [...this.model.values()].filter((one) => one.owner === owner).length,
    );
    expect(owned).to.deep.equal(bound);
    expect(values.admission.pendingBytes).to.equal(0);
    expect(this.#town.faults).to.deep.equal([]);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof KelpieError) return error.reason;
  throw error;
}

/** Runs plans, and returns how often each kind of step and each outcome came. */
async function countsOf(
  runs: number,
  journal: () => Promise<FileJournal> | undefined,
): Promise<Record<string, number>> {
  const totals: Record<string, number> = {};
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 30 }), async (plan) => {
      const own = await journal();
      const world = new World(own);
      await world.open();
      for (const step of plan) await world.run(step);
      for (const [name, count] of Object.entries(world.counts))
        totals[name] = (totals[name] ?? 0) + count;
      world.town.die();
      await own?.close();
    }),
    { numRuns: runs },
  );
  return totals;
}

describe('shared values', () => {
  it('are those of a model, whatever happens to them, their owners and the coordinator', async () => {
    const totals = await countsOf(inSoak(1000, 60), () => undefined);
    expect(totals['SEQUENCE_CONFLICT'], 'conflicts').to.be.above(40);
    expect(totals['restart'], 'restarts').to.be.above(10);
    expect(totals['leave'], 'owners that left').to.be.above(10);
  });

  it('are those of a model also with a journal in files', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kelpie-values-'));
    let count = 0;
    const totals = await countsOf(inSoak(100, 8), () =>
      openFile(path.join(folder, String(count++))),
    );
    expect(totals['SEQUENCE_CONFLICT'], 'conflicts').to.be.above(2);
    expect(totals['restart'], 'restarts').to.be.above(1);
    await rm(folder, { recursive: true });
  }).timeout(inSoak(300_000, 60_000));
});
