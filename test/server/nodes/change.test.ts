import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { MessageOrigin, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeChange, NodeState, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { WelcomeOutcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import {
  EARLIEST,
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
  TestStream,
} from '../../support/model/coordinator.js';
import { quit, steve, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

const change = (partial: Partial<NodeChange>): NodeChange => ({
  ...NodeChange.create(),
  ...partial,
});

function rowOf({ nodeRows }: TestCoordinator, name: string) {
  return nodeRows.nodes.get(name)?.value;
}

describe('a change of a node', () => {
  it('sets and removes labels, state and places, and leaves the rest', async () => {
    const town = await openCoordinator();
    const labels = { mode: 'bedwars', map: 'ice' };
    const { stream } = await join(town, hello('lobby-1', { labels, maxPlayers: 40, motd: 'hi' }));
    const value = {
      change: change({
        labels: { arena: '3' },
        removedLabels: ['map', 'never'],
        state: NodeState.DRAINING,
        maxPlayers: 0,
      }),
    };
    stream.send({ $case: 'updateOwnNode', value });
    await until(() => rowOf(town, 'lobby-1')?.state === NodeState.DRAINING);
    expect(rowOf(town, 'lobby-1')).to.deep.include({
      labels: { arena: '3', mode: 'bedwars' },
      maxPlayers: 0,
      motd: 'hi',
    });
  });

  it('stays after a loss, and after a reconnect with another Hello of the process; a new process has its own facts', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1', { labels: { mode: 'lobby' } });
    const { stream } = await join(town, first);
    await town.claims.update('lobby-1', change({ state: NodeState.MAINTENANCE }));
    await stream.cut();
    town.clock.advance(1000);
    await until(() => rowOf(town, 'lobby-1')?.state === NodeState.UNREACHABLE);
    expect(rowOf(town, 'lobby-1')?.lastState).to.equal(NodeState.MAINTENANCE);
    await town.claims.update('lobby-1', change({ state: NodeState.DRAINING }));
    expect(rowOf(town, 'lobby-1')?.state, 'a change of state does not make it reachable').to.equal(
      NodeState.UNREACHABLE,
    );
    const { welcome } = await join(town, first);
    expect(welcome.outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(rowOf(town, 'lobby-1')).to.include({
      state: NodeState.DRAINING,
      lastState: NodeState.UNSPECIFIED,
    });
    const operator = { labels: { mode: 'event' }, maxPlayers: 7, motd: 'closed at noon' };
    await town.claims.update('lobby-1', change(operator));
    const other = { motd: 'open again', labels: { mode: 'x', more: '1' }, commands: ['shop.open'] };
    await join(town, { ...first, ...other });
    expect(rowOf(town, 'lobby-1')).to.deep.include({
      ...{ state: NodeState.DRAINING, labels: { mode: 'event' }, maxPlayers: 7 },
      ...{ motd: 'closed at noon', commands: ['shop.open'] },
    });
    await town.claims.disconnect('lobby-1');
    await join(town, { ...first, instanceId: randomBytes(16) });
    expect(rowOf(town, 'lobby-1')).to.deep.include({
      ...{ state: NodeState.READY, labels: { mode: 'lobby' }, maxPlayers: undefined, motd: '' },
    });
  });

  it('sets motd and addresses; for an empty host the coordinator uses the host that it sees, or the present one', async () => {
    const town = await openCoordinator();
    const address = { host: 'mc.internal', port: 19132 };
    const first = hello('lobby-1', { address });
    const { stream } = await join(town, first);
    const own = {
      motd: 'own',
      address: { host: '', port: 1 },
      publicAddress: { host: '', port: 2 },
    };
    stream.send({ $case: 'updateOwnNode', value: { change: change(own) } });
    await until(() => rowOf(town, 'lobby-1')?.motd === 'own');
    const seen = '10.0.0.7';
    expect(rowOf(town, 'lobby-1')).to.deep.include({
      address: { host: seen, port: 1 },
      publicAddress: { host: seen, port: 2 },
    });
    const operator = { motd: '', publicAddress: { host: 'play.example.org', port: 3 } };
    await town.claims.update('lobby-1', change(operator));
    await town.claims.update('lobby-1', change({ publicAddress: { host: '', port: 4 } }));
    expect(rowOf(town, 'lobby-1')).to.deep.include({
      ...{ motd: '', address: { host: seen, port: 1 } },
      publicAddress: { host: 'play.example.org', port: 4 },
    });
    await town.claims.update('lobby-1', change({ motd: 'closed at noon' }));
    const publicAddress = { host: 'new.example.org', port: 5 };
    await join(town, { ...first, motd: 'of the Hello', publicAddress });
    expect(rowOf(town, 'lobby-1'), 'addresses are those of the newest Hello').to.deep.include({
      ...{ motd: 'closed at noon', address, publicAddress },
    });
  });

  it('is refused with nothing changed: a state of the coordinator, too many labels, no node', async () => {
    const town = await openCoordinator();
    await join(town, hello('lobby-1'));
    const head = town.journal.head.sequence;
    const tooMany = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`label-${n}`, '']));
    const refused = await Promise.all(
      [
        town.claims.update('lobby-1', change({ state: NodeState.UNREACHABLE })),
        town.claims.update('lobby-1', change({ labels: tooMany })),
        town.claims.update('lobby-1', change({ motd: 'm'.repeat(1025) })),
        town.claims.update('lobby-1', change({ address: { host: 'a', port: 0 } })),
        town.claims.update('lobby-1', change({ publicAddress: { host: '', port: 1 } })),
        town.claims.update('lobby-2', change({ maxPlayers: 1 })),
        town.claims.update('lobby-1', change({ maxPlayers: 1 }), 1),
      ].map((work) => rejectionOf(KelpieError, work)),
    );
    expect(refused.map(({ reason }) => reason)).to.deep.equal([
      'OUT_OF_RANGE',
      'LABELS_INVALID',
      'TEXT_TOO_LONG',
      'OUT_OF_RANGE',
      'OUT_OF_RANGE',
      'NODE_NOT_FOUND',
      'STALE_GENERATION',
    ]);
    expect(town.journal.head.sequence).to.equal(head);
  });

  it('is no event if nothing changes', async () => {
    const town = await openCoordinator();
    await join(town, hello('lobby-1', { maxPlayers: 20 }));
    const head = town.journal.head.sequence;
    await town.claims.update('lobby-1', change({ maxPlayers: 20, state: NodeState.READY }));
    expect(town.journal.head.sequence).to.equal(head);
  });

  it('is stored beside other changes at the same time', async () => {
    const town = await openCoordinator();
    await join(town, hello('lobby-1'));
    const names = Array.from({ length: 20 }, (_, n) => `label-${n}`);
    await Promise.all(
      names.map((name) => town.claims.update('lobby-1', change({ labels: { [name]: 'set' } }))),
    );
    expect(Object.keys(rowOf(town, 'lobby-1')?.labels ?? {})).to.have.members(names);
  });
});

describe('a process that resumes with another role', () => {
  const { PROXY, DOWNSTREAM, SERVICE } = NodeRole;
  for (const [before, after, name] of [
    [PROXY, SERVICE, 'PROXY'],
    [PROXY, DOWNSTREAM, 'PROXY'],
    [DOWNSTREAM, SERVICE, 'DOWNSTREAM'],
    [DOWNSTREAM, PROXY, 'DOWNSTREAM'],
  ] as const) {
    it(`is refused, and its players stay with its stream (${before} to ${after})`, async () => {
      const town = await openCoordinator();
      const first = hello('gate-1', { role: before });
      const proxy = new TestProxy((await join(town, first)).stream);
      const generation = await proxy.bring(steve());
      const stream = new TestStream(town.port);
      stream.send({ $case: 'hello', value: { ...first, role: after } });
      const error = (await stream.ended()) as KelpieError;
      expect(error.reason).to.equal('ROLE_INVALID');
      expect(error.message).to.contain(name);
      expect(rowOf(town, 'gate-1')?.role).to.equal(before);
      await proxy.report(quit(steve().xuid, generation));
      expect(town.playerRows.get(steve().xuid)).to.equal(undefined);
      await town.claims.disconnect('gate-1');
      await join(town, { ...first, role: after, instanceId: randomBytes(16) });
      expect(rowOf(town, 'gate-1')?.role, 'a new process may').to.equal(after);
    });
  }
});

describe('a node that an operator disconnects', () => {
  it('leaves at once, and its stream ends with the reason', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1', { topics: ['nodes.*'] }));
    const left = await join(town, hello('watcher', { topics: ['nodes.lobby-1'] }));
    await town.claims.disconnect('lobby-1');
    const error = (await stream.ended()) as KelpieError;
    expect(error.reason).to.equal('SESSION_ENDED');
    const { events } = await left.stream.next('eventBatch');
    const body = events.at(-1)?.body;
    expect(body?.$case === 'nodeLeft' && body.value.reason).to.equal(NodeLeaveReason.DISCONNECTED);
    expect(town.claims.losses).to.equal(0);
    expect((await rejectionOf(KelpieError, town.claims.disconnect('lobby-1'))).reason).to.equal(
      'NODE_NOT_FOUND',
    );
  });
});

describe('a list of nodes', () => {
  it('has the nodes that match every filter, over pages in a stable order', async () => {
    const town = await openCoordinator();
    for (let index = 0; index < 12; index++) {
      const role = index % 3 === 0 ? NodeRole.PROXY : NodeRole.DOWNSTREAM;
      const labels = { mode: index % 2 === 0 ? 'bedwars' : 'lobby' };
      await join(town, hello(`node-${String(index).padStart(2, '0')}`, { role, labels }));
    }
    await town.claims.update('node-02', change({ state: NodeState.DRAINING }));
    const filter = {
      roles: [NodeRole.DOWNSTREAM],
      states: [NodeState.READY, NodeState.STARTING],
      labels: { mode: 'bedwars' },
    };
    const names: string[] = [];
    for (let pageToken = ''; ;) {
      const page = await town.nodeQueries.list(filter, { pageSize: 2, pageToken });
      names.push(...page.items.map(({ name }) => name));
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    expect(names).to.deep.equal(['node-04', 'node-08', 'node-10']);
  });
});

describe('a node that excludes its own events', () => {
  it('gets the events of others and its inbox, but neither its own events nor events about it', async () => {
    const town = await openCoordinator();
    const first = hello('quiet', { topics: ['>', 'nodes.*'], start: EARLIEST, excludeOwn: true });
    const { stream } = await join(town, first);
    const other = await join(town, hello('other'));
    const payload = {
      type: '',
      content: { form: { $case: 'text', value: 'hi' } as const },
      attributes: {},
      origin: MessageOrigin.NODE,
    };
    const publish = (sequence: number, topic: string) => ({
      $case: 'publish' as const,
      value: { firstPublishSequence: sequence, events: [{ topic, payload }] },
    });
    stream.send(publish(1, 'chat.own'));
    const topicsStored = () => town.journal.usage().topics.map(({ topic }) => topic);
    await until(() => topicsStored().includes('chat.own'));
    other.stream.send(publish(1, 'inbox.quiet'), publish(2, 'chat.other'));
    const topics: string[] = [];
    while (!topics.includes('chat.other')) {
      topics.push(...(await stream.next('eventBatch')).events.map(({ topic }) => topic));
    }
    expect(topics).to.deep.equal(['nodes.other', 'inbox.quiet', 'chat.other']);
  });
});
