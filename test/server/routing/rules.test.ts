/** Writers of the routing rules who race, at one coordinator and at two. */
import { expect } from 'chai';
import { RoutingRule, RoutingTable } from '../../../gen/ts/kelpie/v1/routing.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Outcome } from '../../../server/journal/journal.js';
import { Tables } from '../../../server/network/tables.js';
import { RoutingRows } from '../../../server/routing/rows.js';
import { RoutingRules } from '../../../server/routing/rules.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  type MortalCoordinator,
  openCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { rejectionOf } from '../../support/thrown.js';

function table(name: string): RoutingTable {
  return { rules: [RoutingRule.create({ name })] };
}

describe('the sequence of the routing rules', () => {
  let clock: FakeClock;
  let towns: MortalCoordinator[];

  /** Two coordinators on one journal, each some turns behind it. */
  beforeEach(async () => {
    clock = new FakeClock();
    const journal = openJournal(clock);
    towns = [];
    for (const coordinatorId of ['one', 'two'])
      towns.push(await openMortal(journal, clock, { coordinatorId, turns: () => 3 }));
  });
  afterEach(() => {
    for (const town of towns) town.die();
  });

  /** Each writer's sequence, or the reason why it failed. */
  async function race(name: string, writers: number, expectedSequence?: number) {
    const writes = Array.from({ length: writers }, async (_, index) => {
      const rules = towns[index % towns.length]?.routingRules;
      return rules?.set({ table: table(`${name}-${index}`), expectedSequence });
    });
    const results = await Promise.allSettled(writes);
    return results.map((one) =>
      one.status === 'fulfilled' ? one.value?.sequence : (one.reason as KelpieError).reason,
    );
  }

  it('lets one of the writers with the same expectation through, whatever coordinator they ask', async () => {
    let expected = 0;
    for (const name of ['first', 'second']) {
      const results = await race(name, 6, expected);
      const stored = results.filter((one) => typeof one === 'number');
      expect(stored).to.have.length(1);
      expect(results.filter((one) => one === 'SEQUENCE_CONFLICT')).to.have.length(5);
      for (const { routingRules } of towns) {
        const { sequence, table: now } = routingRules.get();
        expect(sequence).to.equal(stored[0]);
        expect(now?.rules[0]?.name).to.equal(`${name}-${results.indexOf(sequence)}`);
        expected = sequence;
      }
    }
  });

  it('grows with each writer who expects nothing, whatever coordinator they ask', async () => {
    const results = await race('rule', 6);
    expect(new Set(results).size).to.equal(6);
    expect(results.every((one) => typeof one === 'number')).to.equal(true);
    const last = Math.max(...(results as number[]));
    for (const { routingRules } of towns) expect(routingRules.get().sequence).to.equal(last);
  });

  it('stays for equal rules, and an equal write with an old expectation is refused', async () => {
    const { routingRules } = await openCoordinator();
    const { sequence } = await routingRules.set({ table: table('a'), expectedSequence: 0 });
    const again = await routingRules.set({ table: table('a'), expectedSequence: sequence });
    expect(again.sequence).to.equal(sequence);
    const old = routingRules.set({ table: table('a'), expectedSequence: 0 });
    const { reason, metadata } = await rejectionOf(KelpieError, old);
    expect([reason, metadata['sequence']]).to.deep.equal(['SEQUENCE_CONFLICT', String(sequence)]);
  });

  it('is looked at 8 times at most by a writer who expects nothing', async () => {
    const { network } = await openCoordinator();
    const rows = new RoutingRows(new Tables());
    let commits = 0;
    const lost: Outcome = { kind: 'conflict', key: 'routing', actual: 9 };
    const busy = { head: network.head, commit: () => Promise.resolve((commits++, lost)) };
    const rules = new RoutingRules(busy, rows, clock);
    const write = rules.set({ table: table('a'), expectedSequence: undefined });
    expect((await rejectionOf(KelpieError, write)).reason).to.equal('SEQUENCE_CONFLICT');
    expect(commits).to.equal(8);
  });

  it('is not written again after an unknown outcome', async () => {
    const { network } = await openCoordinator();
    const rows = new RoutingRows(new Tables());
    let commits = 0;
    const unknown = new KelpieError('OUTCOME_UNKNOWN', 'a test');
    const broken = { head: network.head, commit: () => (commits++, Promise.reject(unknown)) };
    const rules = new RoutingRules(broken, rows, clock);
    const write = rules.set({ table: table('a'), expectedSequence: undefined });
    expect((await rejectionOf(KelpieError, write)).reason).to.equal('OUTCOME_UNKNOWN');
    expect(commits).to.equal(1);
  });
});
