/** Reports of a proxy's session that are invalid, or differ from the table. */
import { expect } from 'chai';
import { PlayerOutcome } from '../../../gen/ts/kelpie/v1/command.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { Player, PlayerChange } from '../../../gen/ts/kelpie/v1/player.js';
import type { PlayerReport, PresenceDigest } from '../../../gen/ts/kelpie/v1/presence.js';
import { Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import { digestOf } from '../../../server/players/digest.js';
import type { PlayerTarget } from '../../../gen/ts/kelpie/v1/player_service.js';
import { historyOf } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { about, joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

const STEVE = '2535400000000001';

/** The answers to a Heartbeat beside its HeartbeatAck. */
async function asked(
  proxy: TestProxy,
  presence: PresenceDigest,
  reports: PlayerReport[] = [],
): Promise<boolean> {
  const heartbeat = { $case: 'heartbeat', value: { ...Heartbeat.create(), presence } } as const;
  const before = { $case: 'reportPlayers', value: { reports } } as const;
  // In one message.
  if (reports.length > 0) proxy.stream.send(before, heartbeat);
  else proxy.stream.send(heartbeat);
  let wanted = false;
  for (;;) {
    for (const { frame } of (await proxy.stream.pull()) ?? []) {
      if (frame?.$case === 'syncRequested') wanted = true;
      if (frame?.$case === 'heartbeatAck') return wanted;
    }
  }
}

describe('a digest', () => {
  it('requests the list if it differs twice in a row, and not if it differs once', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.bring(steve());
    const right = { players: 1, digest: digestOf([{ id: STEVE, generation, server: '' }]) };
    const wrong = { players: 0, digest: digestOf([]) };
    const answers = [];
    for (const digest of [right, wrong, right, wrong, wrong, right]) {
      answers.push(await asked(proxy, digest));
    }
    expect(answers).to.deep.equal([false, false, false, false, true, false]);
  });

  it('requests the list less and less often if it never matches', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const never = { players: 5, digest: new Uint8Array(8) };
    const beats = [];
    for (let beat = 1; beat <= 400; beat++) if (await asked(proxy, never)) beats.push(beat);
    expect(beats).to.deep.equal([2, 6, 14, 30, 62, 126, 190, 254, 318, 382]);
  });

  it('is not compared before earlier reports are stored', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const there: { id: string; generation: number; server: string }[] = [];
    for (let number = 0; number < 4; number++) {
      const generation = await proxy.granted(player(number));
      there.push({ id: player(number).xuid, generation, server: '' });
      const digest = { players: there.length, digest: digestOf(there) };
      // It would differ if it were compared before the report is in the table.
      const reports = [joined(player(number), generation)];
      expect(await asked(proxy, digest, reports)).to.equal(false);
    }
  });
});

describe('an invalid fact of a player', () => {
  const cases: [string, Partial<Player>, keyof typeof ErrorReason][] = [
    ['no name', { name: '' }, 'PLAYER_INVALID'],
    ['a name of 1 MB', { name: 'x'.repeat(1_000_000) }, 'PLAYER_INVALID'],
    ['a name with a line break', { name: 'Steve\nleft' }, 'PLAYER_INVALID'],
    ['neither XUID nor UUID', { xuid: '' }, 'PLAYER_INVALID'],
    ['a XUID with letters', { xuid: 'abc' }, 'PLAYER_INVALID'],
    ['a UUID that is none', { xuid: '0', uuid: 'not-one' }, 'PLAYER_INVALID'],
    ['a context of 17 KiB', { context: new Uint8Array(17 * 1024) }, 'PLAYER_INVALID'],
    ['a language of 33 bytes', { language: 'x'.repeat(33) }, 'TEXT_TOO_LONG'],
    ['65 properties', { properties: properties(65) }, 'LABELS_INVALID'],
  ];
  for (const [what, facts, reason] of cases) {
    it(`${what} is refused, in a login and in a report, and the session lives on`, async () => {
      const town = await openCoordinator();
      const proxy = await TestProxy.join(town, 'gate-1');
      proxy.stream.send({ $case: 'acquirePlayer', value: { player: steve(facts), policy: 0 } });
      const { error } = await proxy.stream.next('requestFailed');
      expect(error?.reason).to.equal(ErrorReason[reason]);
      const [result] = await proxy.report(joined(steve(facts)));
      expect(result?.error?.reason).to.equal(ErrorReason[reason]);
      expect(await proxy.bring(player(1))).to.be.greaterThan(0);
      expect(town.playerRows.size).to.equal(1);
    });
  }

  it('does not include names with spaces or in any script', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const names = ['Der Große Ünal', '素晴らしい', '🐺 kelpie', "O'Brien; DROP TABLE"];
    for (const [number, name] of names.entries()) await proxy.bring(player(number, { name }));
    for (const [number, name] of names.entries()) {
      const [found] = town.playerRows.find({ $case: 'name', value: name.toUpperCase() });
      expect(found?.player.id).to.equal(player(number).xuid);
    }
  });
});

describe('a report', () => {
  const unknown = about('77', 5, { $case: 'movedTo', value: '' });
  const cases: [string, (generation: number) => PlayerReport, keyof typeof ErrorReason][] = [
    ['of a player who is not online', () => unknown, 'PLAYER_NOT_FOUND'],
    ['with an old generation', (now) => quit(STEVE, now - 1), 'STALE_GENERATION'],
    ['without a generation', () => quit(STEVE, 0), 'STALE_GENERATION'],
    [
      'for the proxy itself as a server',
      (now) => about(STEVE, now, { $case: 'movedTo', value: 'GATE-1' }),
      'PLAYER_INVALID',
    ],
    [
      'of a join on the proxy itself',
      (now) => joined(steve({ server: 'gate-1' }), now),
      'PLAYER_INVALID',
    ],
    [
      'for a server whose name is too long',
      (now) => about(STEVE, now, { $case: 'movedTo', value: 's'.repeat(256) }),
      'TEXT_TOO_LONG',
    ],
    [
      'for a server whose name is two lines',
      (now) => about(STEVE, now, { $case: 'movedTo', value: 'a\nb' }),
      'PLAYER_INVALID',
    ],
    ['that says nothing', (now) => about(STEVE, now, undefined), 'PLAYER_INVALID'],
    ['about nobody', () => quit('', 0), 'PLAYER_INVALID'],
    [
      'with the id of another player',
      (now) => ({ ...joined(steve(), now), playerId: '1' }),
      'PLAYER_INVALID',
    ],
    [
      'with a reason that a proxy may not give',
      (now) => about(STEVE, now, { $case: 'left', value: 3 }),
      'OUT_OF_RANGE',
    ],
  ];
  for (const [what, reportOf, reason] of cases) {
    it(`${what} is refused, and the reports beside it are stored`, async () => {
      const town = await openCoordinator();
      const proxy = await TestProxy.join(town, 'gate-1');
      const generation = await proxy.bring(steve());
      const other = await proxy.bring(player(1));
      const [bad, good] = await proxy.report(reportOf(generation), quit('1001', other));
      expect(bad?.error?.reason).to.equal(ErrorReason[reason]);
      expect(good?.error).to.equal(undefined);
      const row = town.playerRows.onlineOf(STEVE)?.player;
      expect(row).to.include({ generation, server: '' });
      expect(town.playerRows.size).to.equal(1);
    });
  }

  it('counts the whole player each time, and so needs several transactions', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.bring(steve());
    const { entries } = historyOf(town.journal);
    const contexts = Array.from({ length: 60 }, (_, fill) => new Uint8Array(16 * 1024).fill(fill));
    const reports = contexts.map((context) =>
      about(STEVE, generation, { $case: 'changed', value: { ...PlayerChange.create(), context } }),
    );
    const results = await proxy.report(...reports);
    expect(results.filter(({ error }) => error)).to.deep.equal([]);
    const bytes = new Map<number, number>();
    for (const { tag, event, value } of entries) {
      bytes.set(tag, (bytes.get(tag) ?? 0) + event.length + (value?.length ?? 0));
    }
    expect(entries).to.have.length(60);
    expect(Math.max(...bytes.values())).to.be.below(512 * 1024);
    expect(town.playerRows.get(STEVE)?.player.context).to.deep.equal(
      Buffer.from(contexts.at(-1) ?? []),
    );
  });

  it('for a player of another proxy is STALE_GENERATION', async () => {
    const town = await openCoordinator();
    const first = await TestProxy.join(town, 'gate-1');
    const second = await TestProxy.join(town, 'gate-2');
    const generation = await first.bring(steve());
    const [result] = await second.report(quit(STEVE, generation));
    expect(result?.error?.reason).to.equal(ErrorReason.STALE_GENERATION);
  });

  it('of no players, or of 257, is refused as a whole', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    for (const count of [0, 257]) {
      const reports = Array.from({ length: count }, (_, number) => joined(player(number)));
      proxy.stream.send({ $case: 'reportPlayers', value: { reports } });
      const { error } = await proxy.stream.next('requestFailed');
      expect(error?.reason).to.equal(ErrorReason.BATCH_INVALID);
    }
    expect(town.playerRows.size).to.equal(0);
  });

  it('is refused from a node of the role SERVICE, and so are a login and a list', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('shop', { role: NodeRole.SERVICE }));
    stream.send(
      { $case: 'reportPlayers', value: { reports: [joined(steve())] } },
      { $case: 'acquirePlayer', value: { player: steve(), policy: 0 } },
      { $case: 'releasePlayer', value: { playerId: STEVE, generation: 1 } },
      {
        $case: 'syncPlayers',
        value: { asOf: 0, afterId: '', upToId: '', players: [], loginAges: {} },
      },
    );
    for (let count = 0; count < 4; count++) {
      const { error } = await stream.next('requestFailed');
      expect(error?.reason).to.equal(ErrorReason.ROLE_HOLDS_NO_PLAYERS);
    }
  });

  it('is refused if the network is full, and so is a login', async () => {
    const town = await openCoordinator({ limits: { players: 2 } });
    const proxy = await TestProxy.join(town, 'gate-1');
    await proxy.bring(player(1));
    await proxy.bring(player(2));
    const [result] = await proxy.report(joined(player(3)));
    expect(result?.error?.reason).to.equal(ErrorReason.PLAYER_LIMIT);
    const { results } = await proxy.sync([player(1), player(2), player(3)], 0);
    expect(results.find(({ playerId }) => playerId === '1003')?.error?.reason).to.equal(
      ErrorReason.PLAYER_LIMIT,
    );
    await proxy.granted(player(1));
    expect(town.playerRows.size, 'players who are online may log in again').to.equal(2);
  });
});

describe('a verb', () => {
  const kick = (town: TestCoordinator, target: PlayerTarget) =>
    town.playerCommands.send(
      target,
      (players) => ({ form: { $case: 'kickPlayers', value: { players, message: 'bye' } } }),
      undefined,
    );

  it('asks each proxy once, and returns the result for each player', async () => {
    const town = await openCoordinator();
    const commands = ['kick_players'];
    const first = await TestProxy.join(town, 'gate-1', { commands });
    const second = await TestProxy.join(town, 'gate-2', { commands });
    const third = await TestProxy.join(town, 'gate-3');
    const generation = await first.bring(player(1));
    await first.bring(player(2));
    await second.bring(player(3));
    await third.bring(player(4));
    const fates = kick(town, { place: { $case: 'everyone', value: {} } });
    const { commandId, command } = await first.stream.next('commandRequest');
    const form = command?.form?.$case === 'kickPlayers' ? command.form.value : undefined;
    expect(form?.players[0]).to.deep.equal({ playerId: '1001', generation });
    // The second player quits meanwhile, so their proxy does not find them.
    const failure = {
      reason: ErrorReason.PLAYER_NOT_FOUND,
      code: 5,
      message: 'gone',
      metadata: {},
      retryAfter: undefined,
    };
    const outcomes = [
      { playerId: '1001', error: undefined },
      { playerId: '1002', error: failure },
    ];
    const answer = { form: { $case: 'players', value: { outcomes } } } as const;
    const outcome = { $case: 'output', value: answer } as const;
    first.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    await second.stream.next('commandRequest');
    town.clock.advance(10_000);
    const reasons = (await fates).flat().map(({ playerId, error }) => [playerId, error?.reason]);
    expect(reasons).to.deep.equal([
      ['1001', undefined],
      ['1002', 'COMMAND_FAILED'],
      ['1003', 'OUTCOME_UNKNOWN'],
      ['1004', 'COMMAND_NOT_HANDLED'],
    ]);
    expect(town.commands.pending).to.equal(0);
  });

  it('accepts no more outcomes than it has players', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1', { commands: ['kick_players'] });
    await proxy.bring(player(1));
    const fates = kick(town, { place: { $case: 'everyone', value: {} } });
    const { commandId } = await proxy.stream.next('commandRequest');
    const outcomes = [PlayerOutcome.create({ playerId: '1001' }), PlayerOutcome.create()];
    const answer = { form: { $case: 'players', value: { outcomes } } } as const;
    const outcome = { $case: 'output', value: answer } as const;
    proxy.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect((await fates)[0]?.[0]?.error?.reason).to.equal('COMMAND_INVALID');
    const { error } = await proxy.stream.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.COMMAND_INVALID);
  });

  it('refuses a name that two players have, none of them exactly', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1', { commands: ['kick_players'] });
    await proxy.bring(player(1, { name: 'Notch' }));
    await proxy.bring(player(2, { name: 'notch' }));
    const named = (value: string): PlayerTarget => ({
      place: { $case: 'player', value: { by: { $case: 'name', value } } },
    });
    const refused = await rejectionOf(KelpieError, kick(town, named('NOTCH')));
    expect(refused).to.include({ reason: 'PLAYER_AMBIGUOUS' });
    expect(refused.metadata).to.deep.equal({ player: 'NOTCH', candidates: '1001,1002' });
    const fates = kick(town, named('Notch'));
    const { commandId, command } = await proxy.stream.next('commandRequest');
    const form = command?.form?.$case === 'kickPlayers' ? command.form.value : undefined;
    expect(form?.players.map(({ playerId }) => playerId)).to.deep.equal(['1001']);
    const outcomes = [PlayerOutcome.create({ playerId: '1001' })];
    const answer = { form: { $case: 'players', value: { outcomes } } } as const;
    const outcome = { $case: 'output', value: answer } as const;
    proxy.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect(await fates).to.deep.equal([[{ playerId: '1001' }]]);
  });

  it('on one player fails as a whole, and so does a verb without a matching player', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    await join(town, hello('lobby'));
    await proxy.bring(steve());
    const one = { by: { $case: 'name', value: 'steve' } } as const;
    const cases: [PlayerTarget, string][] = [
      [{ place: { $case: 'player', value: one } }, 'COMMAND_NOT_HANDLED'],
      [
        { place: { $case: 'player', value: { by: { $case: 'name', value: 'x' } } } },
        'PLAYER_NOT_FOUND',
      ],
      [{ place: { $case: 'player', value: { by: undefined } } }, 'PLAYER_INVALID'],
      [{ place: { $case: 'server', value: 'lobby' } }, 'NO_TARGET'],
      [{ place: undefined }, 'PLAYER_INVALID'],
    ];
    for (const [target, reason] of cases) {
      expect((await rejectionOf(KelpieError, kick(town, target))).reason).to.equal(reason);
    }
  });
});

function properties(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, number) => [`p${number}`, '']));
}
