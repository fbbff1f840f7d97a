/** In maintenance only the allowed players log in, and nobody who is there has to go. */
import { expect } from 'chai';
import { DuplicatePolicy } from '../../../gen/ts/kelpie/v1/player.js';
import { PlayerDenialReason, TransferTicket } from '../../../gen/ts/kelpie/v1/presence.js';
import { NetworkSettings } from '../../../gen/ts/kelpie/v1/settings.js';
import { KelpieError } from '../../../server/core/errors.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  hello,
  join,
  openCoordinator,
  openJournal,
  openMortal,
  SNAPSHOT,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { joined, player, steve, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

const { KICK_OLD, VERIFY_OLD } = DuplicatePolicy;
const uuid = '0a1b2c3d-0000-4000-8000-00000000000f';
const alex = steve({ uuid, name: 'Alex Fox' });

function set({ operatorSettings }: Pick<TestCoordinator, 'operatorSettings'>, more: object) {
  const settings = NetworkSettings.create({ maintenance: true, ...more });
  return operatorSettings.set({ settings, expectedSequence: undefined });
}

async function openTown(more: object = {}) {
  const town = await openCoordinator();
  await set(town, more);
  const gate = await TestProxy.join(town, 'gate-1');
  const other = await TestProxy.join(town, 'gate-2');
  return { town, gate, other };
}

describe('maintenance', () => {
  it('denies a login with the message of the operator, or with a text of the coordinator', async () => {
    const { town, gate } = await openTown();
    const text = 'The network is in maintenance. Try again later.';
    const reason = PlayerDenialReason.MAINTENANCE;
    const denial = (text: string) => ({ $case: 'denial', value: { text, proxy: '', reason } });
    expect(await gate.acquire(alex)).to.deep.equal(denial(text));
    await set(town, { maintenanceMessage: 'Back at 18:00' });
    expect(await gate.acquire(alex)).to.deep.equal(denial('Back at 18:00'));
    expect(town.playerRows.size).to.equal(0);
    await set(town, { maintenance: false });
    await gate.granted(alex);
  });

  const names: [string, string][] = [
    ['the XUID', alex.xuid],
    ['the UUID, in capitals', uuid.toUpperCase()],
    ['the name, in any case', 'aLEX fOX'],
  ];
  for (const [what, allowed] of names) {
    it(`lets in a player whom ${what} allows, and no other`, async () => {
      const { gate } = await openTown({ allowedPlayers: [allowed] });
      await gate.granted(alex);
      expect(await gate.acquire(player(2))).to.have.property('$case', 'denial');
    });
  }

  it('takes nobody from their proxy for a login that it denies', async () => {
    const { town, gate, other } = await openTown({ maintenance: false });
    const generation = await gate.bring(alex);
    await set(town, {});
    for (const policy of [KICK_OLD, VERIFY_OLD]) {
      const denied = await other.acquire(alex, policy);
      expect(denied).to.deep.include({ $case: 'denial' });
      expect(denied?.value).to.have.property('reason', PlayerDenialReason.MAINTENANCE);
    }
    expect(town.playerRows.get(alex.xuid)).to.deep.include({ proxy: 'gate-1', generation });
  });

  it('gives a player again to the proxy that has them', async () => {
    const { town, gate } = await openTown({ maintenance: false });
    const generation = await gate.bring(alex);
    await set(town, {});
    expect(await gate.granted(alex)).to.be.above(generation);
  });

  it('lets in a player whom a transfer brings from another proxy', async () => {
    const { town, gate, other } = await openTown({ maintenance: false });
    const generation = await gate.bring(alex);
    await set(town, {});
    const { xuid: playerId } = alex;
    const ticket = TransferTicket.create({ server: 'arena' });
    await town.tickets.issue({ playerId, generation, ticket, proxy: 'gate-2', ttlMs: 1000 });
    await other.granted(alex, KICK_OLD);
  });

  it('accepts what proxies report of players who are in already', async () => {
    const { town, gate, other } = await openTown();
    await gate.report(joined(alex));
    await other.sync([player(2)], 0);
    expect(town.playerRows.online).to.equal(2);
  });

  it('begins for a login that waits for another proxy', async () => {
    const { town, other } = await openTown({ maintenance: false });
    const gate = await TestProxy.join(town, 'gate-3', { commands: ['verify_player'] });
    await gate.bring(alex);
    const login = other.acquire(alex, VERIFY_OLD);
    const { commandId } = await gate.stream.next('commandRequest');
    await set(town, {});
    const verified = {
      $case: 'verified',
      value: { connected: false, silence: undefined },
    } as const;
    const outcome = { $case: 'output', value: { form: verified } } as const;
    gate.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect((await login)?.value).to.have.property('reason', PlayerDenialReason.MAINTENANCE);
    expect(town.playerRows.get(alex.xuid)?.proxy).to.equal('gate-3');
  });

  it('outlives the coordinator', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const first = await openMortal(journal, clock);
    await set(first, { allowedPlayers: ['Steve'] });
    first.die();
    const second = await openMortal(journal, clock);
    const gate = await TestProxy.join(second, 'gate-1');
    await gate.granted(steve());
    expect(await gate.acquire(player(1))).to.have.property('$case', 'denial');
  });
});

describe('the settings of the network', () => {
  it('are a resource of their topic, and each change is an event', async () => {
    const { town } = await openTown({ maintenanceMessage: 'Soon' });
    const topics = ['kelpie.settings'];
    const { stream } = await join(town, hello('watcher', { topics, start: SNAPSHOT }));
    const { rows } = await stream.next('snapshot');
    expect(rows.map(({ resource }) => resource)).to.deep.equal([
      {
        $case: 'settings',
        value: { maintenance: true, maintenanceMessage: 'Soon', allowedPlayers: [] },
      },
    ]);
    const same = await set(town, { maintenanceMessage: 'Soon' });
    expect(same.sequence).to.equal(rows[0]?.sequence);
    const { sequence } = await set(town, { maintenance: false });
    const { events } = await stream.next('eventBatch');
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({ sequence, topic: 'kelpie.settings', source: '' });
    expect(events[0]?.body?.$case).to.equal('settingsChanged');
  });

  it('are stored only over the settings that their writer has read', async () => {
    const { town } = await openTown();
    const { operatorSettings } = town;
    const { sequence } = operatorSettings.get();
    const settings = NetworkSettings.create();
    const stored = await operatorSettings.set({ settings, expectedSequence: sequence });
    expect(stored.sequence).to.be.above(sequence);
    const late = operatorSettings.set({ settings: undefined, expectedSequence: sequence });
    const { reason, metadata } = await rejectionOf(KelpieError, late);
    expect(reason).to.equal('SEQUENCE_CONFLICT');
    expect(metadata).to.deep.equal({ sequence: String(stored.sequence) });
    const racing = Array.from({ length: 5 }, (_, number) =>
      operatorSettings
        .set({
          settings: NetworkSettings.create({ maintenanceMessage: String(number) }),
          expectedSequence: stored.sequence,
        })
        .then(
          () => 'stored',
          (error: unknown) => (error as KelpieError).reason,
        ),
    );
    const outcomes = (await Promise.all(racing)).sort();
    expect(outcomes).to.deep.equal([...Array<string>(4).fill('SEQUENCE_CONFLICT'), 'stored']);
  });

  it('are stored in the order of the calls, where no writer names the settings that it has read', async () => {
    const { town } = await openTown();
    const texts = Array.from({ length: 50 }, (_, number) => `message ${number}`);
    const writes = texts.map((maintenanceMessage) => set(town, { maintenanceMessage }));
    const sequences = (await Promise.all(writes)).map(({ sequence }) => sequence);
    expect(sequences).to.deep.equal([...new Set(sequences)].sort((left, right) => left - right));
    expect(town.operatorSettings.get().settings?.maintenanceMessage).to.equal(texts.at(-1));
  });

  it('have one entry for a player who is named twice', async () => {
    const { town } = await openTown({ allowedPlayers: ['Steve', 'STEVE', 'Alex', 'steve'] });
    const { settings } = town.operatorSettings.get();
    expect(settings?.allowedPlayers).to.deep.equal(['Steve', 'Alex']);
  });

  const refused: [string, Partial<NetworkSettings>, string, object][] = [
    [
      'a message of 4097 bytes',
      { maintenanceMessage: 'é'.repeat(2048) + '!' },
      'TEXT_TOO_LONG',
      { field: 'maintenance_message', limit: '4096' },
    ],
    [
      '1001 allowed players',
      { allowedPlayers: Array.from({ length: 1001 }, (_, number) => String(number)) },
      'OUT_OF_RANGE',
      { field: 'allowed_players', limit: '1000' },
    ],
    [
      'an allowed player without a name',
      { allowedPlayers: ['Steve', ''] },
      'PLAYER_INVALID',
      { field: 'allowed_players', limit: '128' },
    ],
    [
      'an allowed player of 129 bytes',
      { allowedPlayers: ['x'.repeat(129)] },
      'PLAYER_INVALID',
      { field: 'allowed_players', limit: '128' },
    ],
    [
      'an allowed player with a control character',
      { allowedPlayers: ['Ste\nve'] },
      'PLAYER_INVALID',
      { field: 'allowed_players' },
    ],
  ];
  for (const [what, more, reason, metadata] of refused) {
    it(`cannot have ${what}: ${reason}, and nothing is stored`, async () => {
      const { town } = await openTown({ maintenance: false });
      const before = town.operatorSettings.get();
      const error = await rejectionOf(KelpieError, set(town, more));
      expect(error).to.deep.include({ reason, metadata });
      expect(town.operatorSettings.get()).to.deep.equal(before);
    });
  }

  it('can have a message of 4096 bytes and 1000 players', async () => {
    const allowedPlayers = Array.from({ length: 1000 }, (_, number) => String(number));
    const { town } = await openTown({ maintenanceMessage: 'é'.repeat(2048), allowedPlayers });
    expect(town.operatorSettings.get().settings?.allowedPlayers).to.have.length(1000);
  });
});
