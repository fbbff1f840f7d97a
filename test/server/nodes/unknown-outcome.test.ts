/**
 * A claim whose append rejects: its outcome is unknown. The coordinator compares the nonce in the owner's row,
 * and writes nothing a second time.
 */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import type { Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { messageDraft } from '../../support/wire/messages.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import { LossyJournal } from '../../support/journal/lossy-journal.js';
import { steve } from '../../support/model/proxy.js';
import { hello, join, openMortal, TestStream } from '../../support/model/coordinator.js';

async function open() {
  const clock = new FakeClock();
  const journal = new LossyJournal(clock, { entries: 1000, bytes: 2 ** 20, ageMs: 2 ** 40 });
  return { clock, journal, town: await openMortal(journal, clock) };
}

describe('a claim of unknown outcome', () => {
  it('belongs to the session if it is stored, and nothing is written twice', async () => {
    const { journal, town } = await open();
    journal.lose = 'after';
    const { stream, welcome } = await join(town, hello('lobby'));
    const owner = town.nodeRows.owners.get('lobby');
    expect(owner?.sequence).to.equal(welcome.generation);
    expect(owner?.value.sessionId).to.equal(welcome.sessionId);
    expect(journal.appends).to.equal(1);
    // The generation fences the writes of the session.
    const events = [messageDraft('hi', 'chat.a')];
    stream.send({ $case: 'publish', value: { firstPublishSequence: 1, events } });
    expect((await stream.next('publishAck')).publishSequence).to.equal(1);
  });

  it('waits until the tables have all entries of the journal', async () => {
    const { journal, town } = await open();
    let deliver = (): void => undefined;
    journal.late = new Promise((resolve) => (deliver = resolve));
    journal.lose = 'after';
    const stream = new TestStream(town.port);
    stream.send({ $case: 'hello', value: hello('lobby') });
    expect(await stream.pullIfReady(20)).to.equal(undefined);
    expect(town.nodeRows.owners.get('lobby')).to.equal(undefined);
    journal.late = undefined;
    deliver();
    const welcome = await stream.next('welcome');
    expect(town.nodeRows.owners.get('lobby')?.sequence).to.equal(welcome.generation);
  });

  it('ends the stream if it is not stored; the node gets the name with its next stream', async () => {
    const { journal, town } = await open();
    journal.lose = 'before';
    const stream = new TestStream(town.port);
    const first = hello('lobby');
    stream.send({ $case: 'hello', value: first });
    const error = (await stream.ended()) as KelpieError;
    expect(error.reason).to.equal('OUTCOME_UNKNOWN');
    await settled();
    expect(journal.appends, 'it is not tried again').to.equal(1);
    expect(town.nodeRows.owners.size).to.equal(0);
    const { welcome } = await join(town, first);
    expect(town.nodeRows.owners.get('lobby')?.sequence).to.equal(welcome.generation);
  });

  it('is no ghost if it turns out to be stored after it was given up: the node leaves after its grace', async () => {
    const { clock, journal, town } = await open();
    let deliver = (): void => undefined;
    journal.late = new Promise((resolve) => (deliver = resolve));
    journal.lose = 'after';
    const stream = new TestStream(town.port);
    stream.send({ $case: 'hello', value: hello('lobby') });
    expect(await stream.pullIfReady(20)).to.equal(undefined);
    // Longer than the tables may take.
    for (let part = 0; part < 4; part++) {
      await settled(20);
      clock.advance(2000);
    }
    expect(await stream.ended()).to.include({ reason: 'OUTCOME_UNKNOWN' });
    expect(town.nodeRows.owners.get('lobby')).to.equal(undefined);
    journal.late = undefined;
    deliver();
    await settled();
    expect(town.nodeRows.owners.get('lobby')).to.not.equal(undefined);
    for (let part = 0; part < 3; part++) {
      clock.advance(defaultTimes.graceMs / 2);
      await settled();
    }
    expect(town.nodeRows.owners.get('lobby')).to.equal(undefined);
    expect(town.nodeRows.nodes.get('lobby')).to.equal(undefined);
  });

  it('is not mistaken for an older claim of the same process', async () => {
    const { journal, town } = await open();
    const first = hello('lobby');
    const { welcome } = await join(town, first);
    journal.lose = 'before';
    const stream = new TestStream(town.port);
    stream.send({ $case: 'hello', value: first });
    const error = (await stream.ended()) as KelpieError;
    expect(error.reason).to.equal('OUTCOME_UNKNOWN');
    expect(town.nodeRows.owners.get('lobby')?.sequence).to.equal(welcome.generation);
  });
});

describe('players of whom nobody knows whether they are stored', () => {
  const list = (...players: Player[]) => {
    const value = { asOf: 0, afterId: '', upToId: '', players, loginAges: {} };
    return { $case: 'syncPlayers', value } as const;
  };
  const joins = (player: Player) => {
    const reports = [
      { playerId: '', generation: 0, what: { $case: 'joined', value: player } as const },
    ];
    return { $case: 'reportPlayers', value: { reports } } as const;
  };

  /** The grant is stored and acknowledged, and the answer to the write after it is lost. */
  const loseSecond = (journal: LossyJournal): void => {
    const forget = journal.onAppend(() => {
      forget();
      journal.lose = 'after';
    });
  };

  for (const [name, frame] of [
    ['a list', list(steve())],
    ['a report', joins(steve())],
  ] as const) {
    it(`are settled by the next list after ${name}, and the stream goes on`, async () => {
      const { clock, journal, town } = await open();
      const { stream } = await join(town, hello('gate', { role: NodeRole.PROXY }));
      loseSecond(journal);
      stream.send(frame);
      const failed = await stream.next('requestFailed');
      expect(failed.error?.reason).to.equal(ErrorReason.OUTCOME_UNKNOWN);
      expect(town.playerRows.online, `${name} is stored`).to.equal(1);
      await settled();
      clock.advance(0);
      await stream.next('syncRequested');
      // The player has quit meanwhile, and the proxy does not know the generation.
      stream.send(list());
      await stream.next('playersSynced');
      expect(town.playerRows.online).to.equal(0);
    });
  }

  it('get no end by such a list while they log in', async () => {
    const { journal, town } = await open();
    const { stream } = await join(town, hello('gate', { role: NodeRole.PROXY }));
    loseSecond(journal);
    stream.send(list(steve()));
    await stream.next('requestFailed');
    const alex = { ...steve(), id: '', xuid: '2535400000000002', name: 'Alex', uuid: '' };
    stream.send({ $case: 'acquirePlayer', value: { player: alex, policy: 0 } });
    await stream.next('playerAcquired');
    stream.send(list());
    await stream.next('playersSynced');
    expect([...town.playerRows.entries()].map(([, row]) => row.player.name)).to.deep.equal([
      'Alex',
    ]);
  });

  it('are in by the next list if only their grant is stored', async () => {
    const { clock, journal, town } = await open();
    const { stream } = await join(town, hello('gate', { role: NodeRole.PROXY }));
    journal.lose = 'after';
    stream.send(joins(steve()));
    await stream.next('playersReported');
    expect([...town.playerRows.entries()].map(([, row]) => row.loggingIn)).to.deep.equal([true]);
    await settled();
    clock.advance(0);
    await stream.next('syncRequested');
    stream.send(list(steve()));
    const { results } = await stream.next('playersSynced');
    expect(results[0]?.generation).to.be.above(0);
    expect([...town.playerRows.entries()].map(([, row]) => row.loggingIn)).to.deep.equal([false]);
  });
});
