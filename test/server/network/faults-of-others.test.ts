/** Faults of other systems with players and commands. Kelpie must not have them. */
import { expect } from 'chai';
import { MessageOrigin, EventDraft } from '../../../gen/ts/kelpie/v1/event.js';
import { Command } from '../../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { DuplicatePolicy } from '../../../gen/ts/kelpie/v1/player.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { NodeResult } from '../../../server/commands/commands.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import {
  hello,
  join,
  openCoordinator,
  openJournal,
  openMortal,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { about, joined, player, quit, steve, TestProxy } from '../../support/model/proxy.js';
import { thrownBy } from '../../support/thrown.js';

const { DENY_NEW, KICK_OLD } = DuplicatePolicy;
const STEVE = '2535400000000001';

function ask(
  town: TestCoordinator,
  name: string,
  timeoutMs: number,
  onResult: (one: NodeResult) => void,
) {
  const content = { form: { $case: 'text', value: 'ping' } } as const;
  const form = { $case: 'custom', value: { name: 'ping', content } } as const;
  const request = {
    ...IssueCommandRequest.create(),
    target: { place: { $case: 'node', value: name } } as const,
    command: { form },
    timeout: durationOf(timeoutMs),
  };
  town.commands.issue(request, '', onResult);
}

function reasonOf({ outcome }: NodeResult): string {
  return outcome instanceof KelpieError ? outcome.reason : 'answered';
}

describe('the faults of others', () => {
  it('Vortex, StarGate, CloudNet: each request ends at its own deadline, and leaves no entry behind', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby', { commands: ['ping'] }));
    const ends = new Map<number, number>();
    const start = town.clock.now();
    const waits = [30, 1000, 2500, 9000];
    for (const ms of waits) {
      ask(town, 'lobby', ms, () => ends.set(ms, town.clock.now() - start));
      await stream.next('commandRequest');
    }
    const timers = town.clock.pending;
    town.clock.advance(10_000);
    expect([...ends]).to.deep.equal(waits.map((ms) => [ms, ms]));
    expect(town.commands.pending).to.equal(0);
    expect(timers - town.clock.pending, 'their timers are gone').to.equal(waits.length);
  });

  it('ValioBungee: a cancelled login leaves no session', async () => {
    const town = await openCoordinator();
    const bodies = bodiesOf(town.journal);
    const proxy = await TestProxy.join(town, 'gate-1');
    const before = bodies.length;
    const generation = await proxy.granted(steve());
    const value = { playerId: STEVE, generation };
    proxy.stream.send({ requestId: 7, frame: { $case: 'releasePlayer', value } });
    await proxy.stream.next('requestOk');
    expect(town.playerRows.size).to.equal(0);
    expect(town.playerRows.ownedBy.size).to.equal(0);
    expect(town.ownership.pending).to.equal(0);
    const told = bodies.slice(before).map(({ $case }) => $case);
    expect(told, 'only the internal entry of coordinators').to.deep.equal(['playerLeft']);
  });

  it('ValioBungee: 100 parallel logins of one player leave exactly one', async () => {
    for (const policy of [DENY_NEW, KICK_OLD]) {
      const town = await openCoordinator();
      const gates = await Promise.all(
        Array.from({ length: 100 }, (_, index) => TestProxy.join(town, `gate-${index}`)),
      );
      const logins = await Promise.all(
        gates.map(async (gate) => ({ gate, outcome: await gate.acquire(steve(), policy) })),
      );
      const grants = logins.flatMap(({ gate, outcome }) =>
        outcome?.$case === 'generation' ? [{ gate, generation: outcome.value }] : [],
      );
      expect(grants, 'the login with the first grant may lose it again').to.have.length(1);
      const reports = await Promise.all(
        grants.map(({ gate, generation }) => gate.report(joined(steve(), generation))),
      );
      expect(reports.flat().filter(({ error }) => !error)).to.have.length(1);
      expect(town.playerRows.online).to.equal(1);
      expect(town.ownership.pending).to.equal(0);
    }
  });

  it('WaterdogPE, Numdrassl: a quit with an old generation changes nothing', async () => {
    const town = await openCoordinator();
    const first = await TestProxy.join(town, 'gate-1');
    const second = await TestProxy.join(town, 'gate-2');
    const old = await first.bring(steve());
    const newer = await second.granted(steve(), KICK_OLD);
    await second.report(joined(steve(), newer));
    const newest = await second.bring(steve());
    for (const [proxy, generation] of [
      [first, old],
      [second, newer],
    ] as const) {
      const [late] = await proxy.report(quit(STEVE, generation));
      expect(late?.error?.reason).to.equal(ErrorReason.STALE_GENERATION);
    }
    const row = town.playerRows.onlineOf(STEVE)?.player;
    expect(row).to.include({ proxy: 'gate-2', generation: newest });
  });

  it('Velocity-CTD: a reconnect of the same instance with the same session is not a duplicate', async () => {
    const town = await openCoordinator();
    const bodies = bodiesOf(town.journal);
    const instanceId = new Uint8Array(16).fill(7);
    const before = await TestProxy.join(town, 'gate-1', { instanceId });
    const generation = await before.bring(steve());
    const told = bodies.length;
    await before.stream.cut();
    const proxy = await TestProxy.join(town, 'gate-1', { instanceId });
    const { results, kickedPlayerIds } = await proxy.sync([steve({ generation })], generation);
    expect(results).to.deep.equal([{ playerId: STEVE, generation, error: undefined }]);
    expect(kickedPlayerIds).to.deep.equal([]);
    expect(bodies.length, 'there is no event').to.equal(told);
  });

  it('CloudNet: a lagging target does not block others', async () => {
    const town = await openCoordinator();
    await join(town, hello('stalled', { commands: ['ping'] }));
    const { stream } = await join(town, hello('lobby', { commands: ['ping'] }));
    const stalled: NodeResult[] = [];
    for (let count = 0; count < 2000; count++) {
      ask(town, 'stalled', 5000, (result) => stalled.push(result));
    }
    const answered = new Promise<NodeResult>((resolve) => ask(town, 'lobby', 5000, resolve));
    const { commandId } = await stream.next('commandRequest');
    const form = { $case: 'custom', value: { form: { $case: 'text', value: 'pong' } } } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect(reasonOf(await answered), 'no clock had to move').to.equal('answered');
    expect(stalled, 'commands above the limit are refused').to.have.length(1000);
    town.clock.advance(5000);
    expect(stalled).to.have.length(2000);
    expect(new Set(stalled.map(reasonOf))).to.deep.equal(
      new Set(['COMMAND_LIMIT', 'NOT_DELIVERED']),
    );
  });

  it('ValioBungee: a clock that is 10 min off changes nothing', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.bring(player(1));
    const login = await proxy.granted(player(2));
    for (const minutes of [10, -20]) {
      town.clock.setWall(town.clock.wall() + minutes * 60_000);
      await settled();
    }
    expect(login).to.be.greaterThan(generation);
    const third = await proxy.granted(player(3));
    expect(third).to.be.greaterThan(login);
    const [result] = await proxy.report(joined(player(2), login));
    expect(result?.error).to.equal(undefined);
    expect(town.playerRows.online).to.equal(2);
    expect(town.playerRows.size, 'and one logs in').to.equal(3);
  });

  it('ValioBungee: the sum of proxies is the sum of servers is the registry', async () => {
    const town = await openCoordinator();
    const proxies = [await TestProxy.join(town, 'gate-1'), await TestProxy.join(town, 'gate-2')];
    const servers = ['lobby', 'bedwars', 'survival'];
    for (const name of servers) await join(town, hello(name));
    const generations: number[] = [];
    for (let number = 0; number < 60; number++) {
      const server = servers[number % 3] ?? '';
      generations.push((await proxies[number % 2]?.bring(player(number, { server }))) ?? 0);
    }
    for (let number = 0; number < 60; number += 7) {
      const what = { $case: 'movedTo', value: servers[number % 2] ?? '' } as const;
      const one = about(player(number).xuid, generations[number] ?? 0, what);
      await proxies[number % 2]?.report(
        number % 3 === 0 ? quit(one.playerId, one.generation) : one,
      );
    }
    const { playerRows } = town;
    const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
    const byProxy = sum(['gate-1', 'gate-2'].map((name) => playerRows.byProxy.get(name).size));
    const byServer = sum(servers.map((name) => playerRows.byServer.get(name).size));
    expect([byProxy, byServer, playerRows.online]).to.deep.equal([57, 57, 57]);
  });

  it('a restart of the coordinator is no storm of departures', async () => {
    const clock = new FakeClock();
    const journal = openJournal(clock);
    const instanceId = new Uint8Array(16).fill(7);
    const first = await openMortal(journal, clock, { coordinatorId: 'first' });
    const proxy = await TestProxy.join(first, 'gate-1', { instanceId });
    const list = [];
    for (let number = 0; number < 50; number++) {
      list.push(player(number, { generation: await proxy.bring(player(number)) }));
    }
    const bodies = bodiesOf(journal);
    first.die();
    clock.advance(60_000);
    const second = await openMortal(journal, clock, { coordinatorId: 'second' });
    // The longest wait of a node between two attempts.
    clock.advance(5000);
    await settled();
    const again = await TestProxy.join(second, 'gate-1', { instanceId });
    const { results } = await again.sync(list, Math.max(...list.map((one) => one.generation)));
    expect(results.every(({ error }) => !error)).to.equal(true);
    clock.advance(10_000);
    await settled();
    expect(bodies).to.deep.equal([]);
    expect(second.playerRows.online).to.equal(50);
  });

  it('ChatControl, EasyCommandBlocker: a payload that a client made cannot reach RunConsoleCommand', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby', { commands: ['run_console_command'] }));
    const line = 'op steve';
    const run: Command = { form: { $case: 'runConsoleCommand', value: { line } } };
    const bytes = Command.encode(run).finish();
    // Published as an event on any topic, it stays an event.
    const content = { form: { $case: 'data', value: bytes } } as const;
    const payload = {
      type: 'run_console_command',
      content,
      attributes: {},
      origin: MessageOrigin.UNSPECIFIED,
    };
    const { stream: chat } = await join(town, hello('chat'));
    for (const topic of ['inbox.lobby', 'chat.global']) {
      const events: EventDraft[] = [{ topic, payload }];
      const first = topic === 'chat.global' ? 2 : 1;
      const value = { firstPublishSequence: first, events };
      chat.send({ $case: 'publish', value });
      await chat.next('publishAck');
    }
    const { events } = await stream.next('eventBatch');
    expect(events[0]?.body?.value, 'the event names its untrusted origin').to.have.property(
      'origin',
      MessageOrigin.UNSPECIFIED,
    );
    // Sent as a command of another name with the same bytes, it never reaches the console.
    const custom = { name: 'run_console_command', content };
    const request = {
      ...IssueCommandRequest.create(),
      target: { place: { $case: 'node', value: 'lobby' } } as const,
      command: { form: { $case: 'custom', value: custom } } as const,
      timeout: durationOf(1000),
    };
    const issue = () => town.commands.issue(request, '', () => undefined);
    expect(thrownBy(KelpieError, issue).reason).to.equal('COMMAND_INVALID');
    await settled();
    expect(town.commands.pending).to.equal(0);
  });
});
