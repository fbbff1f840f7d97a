/** Shared values at their limits, late writers, and writes that race in one turn of the event loop. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { DeleteValueRequest, PutValueRequest } from '../../../gen/ts/kelpie/v1/state_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Limits } from '../../../server/network/limits.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
} from '../../support/model/coordinator.js';

type Town = TestCoordinator | MortalCoordinator;

function request(key: string, more: Partial<PutValueRequest> = {}): PutValueRequest {
  const content = { form: { $case: 'text', value: 'x' } } as const;
  return PutValueRequest.create({ bucket: 'b', key, content, ...more });
}

/** The outcome of each write: its sequence, or its reason. */
function outcomes(writes: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(
    writes.map((write) =>
      write.catch((error: unknown) => {
        if (error instanceof KelpieError) return error.reason;
        throw error;
      }),
    ),
  );
}

const count = (all: readonly unknown[], one: unknown) => all.filter((each) => each === one).length;
/** A coordinator whose writes take a few turns, so that many are under way at once. */
async function slowTown(limits: Partial<Limits> = {}): Promise<MortalCoordinator> {
  const clock = new FakeClock();
  return openMortal(openJournal(clock), clock, { limits, turns: () => 3 });
}
const generationOf = ({ nodeRows }: Town, name: string) => nodeRows.owners.get(name)?.sequence ?? 0;

describe('shared values at their limits', () => {
  it('admit no more values than the limit, also where many puts come at once', async () => {
    const town = await slowTown({ values: 3 });
    const { values } = town;
    await values.put(request('a'));
    const puts = await outcomes(['b', 'c', 'd', 'e'].map((key) => values.put(request(key))));
    expect(count(puts, 'STATE_LIMIT')).to.equal(2);
    expect(town.valueRows.size).to.equal(3);
    expect(await values.put(request('a')), 'a value that is there').to.be.a('number');
    await values.delete(DeleteValueRequest.create({ bucket: 'b', key: 'a' }));
    expect(await outcomes([values.put(request('f')), values.put(request('g'))])).to.include(
      'STATE_LIMIT',
    );
    expect([town.valueRows.size, values.admission.pendingBytes]).to.deep.equal([3, 0]);
  });

  it('admit no more bytes than the limit, and count no put that failed', async () => {
    const probe = await openCoordinator();
    await probe.values.put(request('a'));
    const limits = { valueRowBytes: 3 * probe.valueRows.bytes };
    const town = await slowTown(limits);
    const { values } = town;
    const refused = ['a', 'b', 'c'].map((key) =>
      values.put(request(key, { expectedSequence: 99 })),
    );
    expect(count(await outcomes(refused), 'SEQUENCE_CONFLICT')).to.equal(3);
    const puts = await outcomes(['a', 'b', 'c', 'd'].map((key) => values.put(request(key))));
    expect(count(puts, 'STATE_LIMIT')).to.equal(1);
    expect(town.valueRows.bytes).to.equal(limits.valueRowBytes);
    const larger = { content: { form: { $case: 'text', value: 'xx' } } } as const;
    const kept = [...town.valueRows.table.entries()].map(([name]) => name.slice('b/'.length));
    const [first = ''] = kept;
    expect(await outcomes([values.put(request(first, larger))])).to.deep.equal(['STATE_LIMIT']);
    expect(await values.put(request(first)), 'the same bytes again').to.be.a('number');
    expect(values.admission.pendingBytes).to.equal(0);
  });

  it('name the limit and the time to wait', async () => {
    const { values } = await openCoordinator({ limits: { values: 0 } });
    const error: unknown = await values.put(request('a')).catch((thrown: unknown) => thrown);
    expect(error).to.deep.include({ reason: 'STATE_LIMIT', metadata: { limit: '0' } });
  });
});

describe('late writers of shared values', () => {
  it('are STALE_GENERATION, also while the end of their node is on its way', async () => {
    const lock = { bucket: 'b', key: 'lock' };
    for (let turns = 0; turns < 12; turns++) {
      const town = await slowTown();
      const { stream } = await join(town, hello('arena'));
      const writer = { name: 'arena', generation: generationOf(town, 'arena') };
      const late: string[] = [];
      let left = false;
      town.nodeRows.owners.watch(() => (left = true));
      town.valueRows.table.watch((name, _, after) => {
        if (left && after) late.push(name);
      });
      const write = () =>
        outcomes([
          town.values.put(request('lock', { owner: 'arena' }), writer),
          town.values.put(request('data'), writer),
          town.values.delete(DeleteValueRequest.create(lock), writer),
        ]);
      await write();
      const leaving = town.claims.leave('arena', writer.generation, NodeLeaveReason.LOST);
      await settled(turns);
      const racing = write();
      await leaving;
      await racing;
      const stale = ['STALE_GENERATION', 'STALE_GENERATION', 'STALE_GENERATION'];
      expect(await write(), 'after the node left').to.deep.equal(stale);
      await join(town, hello('arena', { instanceId: randomBytes(16) }));
      expect(await write(), 'after its next process joined').to.deep.equal(stale);
      expect(late, 'values stored after the node left').to.deep.equal([]);
      expect(town.valueRows.ownedBy('arena').size).to.equal(0);
      await stream.cut();
      town.die();
    }
  });
});

describe('shared values that race', () => {
  it('end once, and leave nothing behind, whatever comes in one turn', async () => {
    const seen = { ended: 0, conflicts: 0, absent: 0 };
    for (let round = 0; round < 100; round++) {
      const clock = new FakeClock();
      const journal = openJournal(clock);
      const turns = () => Math.floor(Math.random() * 4);
      const town = await openMortal(journal, clock, {
        turns,
        times: { graceMs: 2 ** 40, maxSilenceMs: 2 ** 40 },
      });
      const { stream } = await join(town, hello('arena'));
      const generation = generationOf(town, 'arena');
      const ttl = { seconds: 1, nanos: 0 };
      const sequence = await town.values.put(request('a', { owner: 'arena', ttl }));
      let present = true;
      town.valueRows.table.watch((_, before, after) => {
        // Nothing ends that is not there.
        expect(before !== undefined).to.equal(present);
        present = after !== undefined;
        if (!present) seen.ended += 1;
      });
      // Half of the new values have no owner: nothing of the race may end these.
      const owner = round % 2 === 0 ? 'arena' : '';
      const remove = DeleteValueRequest.create({
        bucket: 'b',
        key: 'a',
        expectedSequence: sequence,
      });
      const race: (() => Promise<unknown>)[] = [
        () => town.values.put(request('a', { owner, expectedSequence: sequence })),
        () => town.values.delete(remove),
        () => town.claims.leave('arena', generation, NodeLeaveReason.LOST),
        async () => clock.advance(1000),
      ];
      race.sort(() => Math.random() - 0.5);
      const ended = await outcomes(race.map((one) => one()));
      seen.conflicts += count(ended, 'SEQUENCE_CONFLICT');
      seen.absent += count(ended, 'VALUE_NOT_FOUND') + count(ended, 'NODE_NOT_FOUND');
      await settled(20);
      const kept = owner === '' && ended.some((one) => typeof one === 'number');
      expect(town.valueRows.size, 'values of the race').to.equal(kept ? 1 : 0);
      expect(town.values.admission.pendingBytes).to.equal(0);
      expect(town.faults).to.deep.equal([]);
      await stream.cut();
      town.die();
    }
    expect(seen.ended).to.be.at.least(50);
    expect(seen.conflicts, 'conflicts').to.be.above(15);
  });
});
