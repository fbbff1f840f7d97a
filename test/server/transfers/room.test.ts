/** Servers with exactly enough room: a player who has arrived counts once, from the moment of their arrival. */
import { expect } from 'chai';
import { type TransferDestination, TransferStage } from '../../../gen/ts/kelpie/v1/transfer.js';
import type { MoveUpdate } from '../../../server/transfers/transfers.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  type MortalCoordinator,
  openJournal,
  openMortal,
} from '../../support/model/coordinator.js';
import { about, player, TestProxy } from '../../support/model/proxy.js';
import { until } from '../../support/until.js';

const PLAYERS = 10;
const ROUNDS = 50;
/** Turns of the event loop that each write takes, so that many slots wait for their release. */
const TURNS = 7;

function place(server: string): TransferDestination {
  return { place: { $case: 'server', value: server } };
}

/** A proxy with ten players on "a", which has ten places as "b" has. */
async function open() {
  const clock = new FakeClock();
  const town = await openMortal(openJournal(clock), clock, { turns: () => TURNS });
  for (const name of ['a', 'b']) await join(town, hello(name, { maxPlayers: PLAYERS }));
  const gate = await TestProxy.join(town, 'gate', { commands: ['transfer_player'] });
  const refs = [];
  for (let number = 0; number < PLAYERS; number++) {
    const facts = player(number, { server: 'a' });
    refs.push({ playerId: facts.xuid, generation: await gate.bring(facts) });
  }
  void carryOut(gate);
  return { town, refs };
}

/** Moves each player as the commands ask. */
async function carryOut({ stream }: TestProxy): Promise<void> {
  for (let frames = await stream.pull(); frames; frames = await stream.pull()) {
    const reports = frames.flatMap(({ frame }) => {
      const form = frame?.$case === 'commandRequest' ? frame.value.command?.form : undefined;
      if (form?.$case !== 'transferPlayer' || !form.value.player) return [];
      const { playerId, generation } = form.value.player;
      return about(playerId, generation, { $case: 'movedTo', value: form.value.server });
    });
    if (reports.length > 0) {
      stream.send({ requestId: 1, frame: { $case: 'reportPlayers', value: { reports } } });
    }
  }
}

/** Moves players. Resolves with the reason of each end. */
function move(
  { transfers }: MortalCoordinator,
  refs: readonly { playerId: string; generation: number }[],
  to: string,
): Promise<string[]> {
  const ends: string[] = [];
  const options = { context: new Uint8Array(), timeoutMs: 5000 };
  return new Promise((resolve) => {
    transfers.move(refs, place(to), options, ({ stage, error, last }: MoveUpdate) => {
      if (stage >= TransferStage.ARRIVED) ends.push(error?.reason ?? 'ARRIVED');
      if (last) resolve(ends);
    });
  });
}

async function expectRest({ reservations, transfers, faults }: MortalCoordinator): Promise<void> {
  await until(() => reservations.pending === 0);
  expect(['a', 'b'].map((name) => reservations.reservedOn(name))).to.deep.equal([0, 0]);
  expect(transfers.pending).to.equal(0);
  expect(faults).to.deep.equal([]);
}

describe('a server with exactly enough room', () => {
  it('gets all players of another one, who go back, fifty times', async () => {
    const { town, refs } = await open();
    for (let round = 0; round < ROUNDS; round++) {
      for (const to of ['b', 'a']) {
        const ends = refs.map(async (ref, index) => {
          // The first players arrive before the slots of the last ones are held.
          await settled(4 * index);
          return move(town, [ref], to);
        });
        for (const end of await Promise.all(ends)) expect(end).to.deep.equal(['ARRIVED']);
      }
    }
    await expectRest(town);
  });

  it('gets each player who comes back as soon as they have left', async () => {
    const { town, refs } = await open();
    const counts: number[] = [];
    town.playerRows.watch(() => {
      const { reservations, playerRows } = town;
      for (const name of ['a', 'b']) {
        counts.push(playerRows.byServer.sizeOf(name) + reservations.reservedOn(name));
      }
    });
    const trips = refs.map(async (ref, index) => {
      // They begin at different times.
      await settled(3 * index);
      for (let round = 0; round < ROUNDS; round++) {
        for (const to of ['b', 'a']) expect(await move(town, [ref], to)).to.deep.equal(['ARRIVED']);
      }
    });
    await Promise.all(trips);
    expect(counts.length).to.be.greaterThan(PLAYERS * ROUNDS);
    expect(Math.max(...counts), 'players and slots of a server').to.be.at.most(PLAYERS);
    await expectRest(town);
  });
});
