/** Records of acts: what bounds them, and that no fault of theirs gets to the act. */
import { expect } from 'chai';
import { AuditAction, type AuditRecord } from '../../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { openAccess } from '../../../server/access/access.js';
import { Audit } from '../../../server/access/audit.js';
import { OF_ACTOR, OF_ALL } from '../../../server/access/record-budget.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Outcome, Transaction } from '../../../server/journal/journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { deferred } from '../../support/deferred.js';

const DISCONNECT = '/kelpie.v1.NodeService/DisconnectNode';
const KICK = '/kelpie.v1.PlayerService/KickPlayers';
const denied = new KelpieError('RIGHT_MISSING', 'the credential does not give this right');

function actor(host: string) {
  return { node: '', access: openAccess('main', { host }) };
}

/** An audit on a journal that takes a transaction when the test lets it. */
function open(commit?: (transaction: Transaction) => Promise<Outcome>) {
  const clock = new FakeClock();
  const records: AuditRecord[] = [];
  const reported: AuditRecord[] = [];
  const lost: number[] = [];
  const faults: unknown[] = [];
  const store = async ({ entries }: Transaction): Promise<Outcome> => {
    for (const { event } of entries) {
      const { body } = Event.decode(event);
      if (body?.$case === 'auditRecorded') records.push(body.value);
    }
    return { kind: 'stored', first: 1 };
  };
  const audit = new Audit({
    network: { commit: commit ?? store },
    clock,
    onRecord: (record) => reported.push(record),
    onLost: (count) => lost.push(count),
    onFault: (error) => faults.push(error),
  });
  const disconnect = (name: string, host = '10.0.0.1') =>
    audit.ofCall(DISCONNECT, { name }, actor(host));
  return { audit, clock, records, reported, lost, faults, store, disconnect };
}

describe('the records of acts', () => {
  it('bound denied acts per actor, and count those that are left out in the next record', async () => {
    const { audit, clock, records, disconnect } = open();
    for (let round = 0; round < 1000; round++) disconnect(`lobby-${round}`)?.failed(denied);
    disconnect('arena', '10.0.0.2')?.failed(denied);
    disconnect('hub')?.answered({});
    disconnect('hub')?.end();
    await audit.close();
    const own = records.filter(({ address }) => address === '10.0.0.1');
    expect(own).to.have.length(OF_ACTOR.size + 1);
    expect(own.at(-1)?.targets).to.deep.equal(['hub']);
    // Another actor, and an act that succeeded, have their records all the same.
    expect(records.filter(({ address }) => address === '10.0.0.2')).to.have.length(1);
    expect(audit.leftOut).to.equal(1000 - OF_ACTOR.size);
    clock.advance(OF_ACTOR.everyMs);
    disconnect('arena')?.failed(denied);
    await audit.close();
    const note = `(${1000 - OF_ACTOR.size} such records before this one were left out)`;
    expect(records.at(-1)).to.deep.include({ targets: ['arena'], detail: note });
  });

  it('bound denied acts of many actors together, and never acts that succeeded', async () => {
    const { audit, records, disconnect } = open();
    for (let host = 0; host < 3000; host++) {
      disconnect('lobby', `10.0.${host >> 8}.${host & 255}`)?.failed(denied);
    }
    const found = OF_ALL.size;
    for (let host = 0; host < 3000; host++) {
      const act = disconnect('lobby', '10.0.0.1');
      act?.answered({});
      act?.end();
    }
    await audit.close();
    const reasons = records.map(({ outcomes }) => outcomes[0]?.reason);
    expect(reasons.filter((reason) => reason === ErrorReason.RIGHT_MISSING)).to.have.length(found);
    expect(records).to.have.length(found + 3000);
  });

  it('bound acts that reached nobody, and report each record that is kept to the log', async () => {
    const { audit, records, reported, disconnect } = open();
    for (let round = 0; round < 1000; round++) {
      disconnect('nobody')?.failed(new KelpieError('NODE_NOT_FOUND', 'no node has this name'));
    }
    await audit.close();
    expect(records).to.have.length(OF_ACTOR.size);
    expect(reported).to.deep.equal(records);
  });

  it('are lost where the journal takes none, and the coordinator counts them', async () => {
    const { audit, clock, lost, disconnect } = open(() => Promise.reject(new Error('disk full')));
    for (let round = 0; round < 100; round++) {
      disconnect('lobby')?.answered({});
      disconnect('lobby')?.end();
    }
    for (const name of ['a', 'b', 'c']) {
      const act = disconnect(name);
      act?.answered({});
      act?.end();
      await audit.close();
    }
    expect(audit.lost).to.equal(103);
    // One line, not one for each.
    expect(lost).to.have.length(1);
    clock.advance(60_000);
    const act = disconnect('d');
    act?.answered({});
    act?.end();
    await audit.close();
    expect(lost.reduce((sum, count) => sum + count)).to.equal(104);
  });

  it('wait in a queue of bounded size while the journal stands still', async () => {
    const gate = deferred<Outcome>();
    const { audit, disconnect } = open(() => gate.promise);
    for (let round = 0; round < 10_000; round++) disconnect('lobby')?.end();
    expect(audit.lost).to.be.greaterThan(5000).and.lessThan(10_000);
    gate.resolve({ kind: 'stored', first: 1 });
    await audit.close();
  });

  it('do not fail the act by a fault of their own', () => {
    const { audit, faults } = open();
    const odd = {
      get target(): never {
        throw new Error('odd');
      },
    };
    expect(audit.ofCall(KICK, odd, actor('10.0.0.1'))).to.equal(undefined);
    const act = audit.ofCall(KICK, { target: undefined, message: '' }, actor('10.0.0.1'));
    act?.answered({ succeeded: 1, failed: 0, outcomes: undefined });
    act?.end();
    expect(faults).to.have.length(2);
  });

  it('have bounded targets, and the number of all', async () => {
    const { audit, records } = open();
    const outcomes = Array.from({ length: 300 }, (_, index) => ({
      playerId: `${'x'.repeat(300)}${index}`,
      error: index < 10 ? { reason: ErrorReason.NOT_DELIVERED } : undefined,
    }));
    const target = { place: { $case: 'everyone', value: {} } };
    const act = audit.ofCall(KICK, { target, message: 'm'.repeat(4096) }, actor('10.0.0.1'));
    act?.answered({ succeeded: 5000, failed: 10, outcomes });
    act?.end();
    await audit.close();
    const [record] = records;
    expect(record).to.deep.include({ action: AuditAction.KICK, targetCount: 5010 });
    expect(record?.targets).to.have.length(100);
    expect(record?.targets[0]).to.have.length(255);
    expect(record?.detail).to.have.length(1024);
    const byReason = record?.outcomes.map(({ reason, count }) => [reason, count]);
    expect(byReason).to.deep.equal([
      [ErrorReason.NOT_DELIVERED, 10],
      [ErrorReason.UNSPECIFIED, 5000],
    ]);
  });
});
