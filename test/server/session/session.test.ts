import { nodeIn } from '../../support/wire/rows.js';
import { expect } from 'chai';
import { MessageOrigin, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeLoad, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import {
  GoodbyeReason,
  Heartbeat,
  WelcomeOutcome,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import type { KelpieError } from '../../../server/core/errors.js';
import {
  EARLIEST,
  hello,
  join,
  openCoordinator,
  SNAPSHOT,
  TestStream,
} from '../../support/model/coordinator.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import { until } from '../../support/until.js';

describe('a session', () => {
  it('puts the node into the table and stores one event', async () => {
    const town = await openCoordinator();
    const events = bodiesOf(town.journal);
    const { welcome } = await join(town, hello('Lobby-1', { address: { host: '', port: 19132 } }));
    expect(welcome.outcome).to.equal(WelcomeOutcome.NEW);
    expect(welcome.nodeName).to.equal('lobby-1');
    const row = town.nodeRows.nodes.get('lobby-1')?.value;
    expect(row?.displayName).to.equal('Lobby-1');
    expect(row?.address).to.deep.equal({ host: '10.0.0.7', port: 19132 });
    expect(events.map(({ $case }) => $case)).to.deep.equal(['nodeJoined']);
  });

  it('stores no event about a stream that is back within a second', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1');
    const { stream, welcome } = await join(town, first);
    const events = bodiesOf(town.journal);
    await stream.cut();
    town.clock.advance(900);
    const again = await join(town, first);
    expect(again.welcome.outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(again.welcome.generation).to.be.greaterThan(welcome.generation);
    // Beyond the first stream's grace, within the second one's silence.
    town.clock.advance(14_200);
    await settled();
    expect(events.filter(({ $case }) => $case === 'nodeLeft')).to.be.empty;
    expect(town.claims.losses).to.equal(0);
  });

  it('is UNREACHABLE after a second, READY when it is back, LOST after the grace', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1');
    const { stream } = await join(town, first);
    await stream.cut();
    town.clock.advance(1000);
    await settled();
    expect(town.nodeRows.nodes.get('lobby-1')?.value.state).to.equal(NodeState.UNREACHABLE);

    const again = await join(town, first);
    expect(town.nodeRows.nodes.get('lobby-1')?.value.state).to.equal(NodeState.READY);

    const events = bodiesOf(town.journal);
    await again.stream.cut();
    town.clock.advance(14_999);
    await settled();
    expect(town.nodeRows.nodes.get('lobby-1')).to.not.equal(undefined);
    town.clock.advance(1);
    await settled();
    expect(town.nodeRows.nodes.get('lobby-1')).to.equal(undefined);
    expect(town.nodeRows.owners.get('lobby-1')).to.equal(undefined);
    const left = events.find(({ $case }) => $case === 'nodeLeft');
    expect(left?.$case === 'nodeLeft' && left.value.reason).to.equal(NodeLeaveReason.LOST);
    expect(town.claims.losses).to.equal(0);
  });

  it('leaves at once with a goodbye, and a half-closed stream does not', async () => {
    const town = await openCoordinator();
    const stopped = await join(town, hello('stopped'));
    stopped.stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    expect(await stopped.stream.ended()).to.equal(undefined);
    expect(town.nodeRows.nodes.get('stopped')).to.equal(undefined);

    const halved = await join(town, hello('halved'));
    halved.stream.halfClose();
    expect(await halved.stream.ended()).to.equal(undefined);
    expect(town.nodeRows.nodes.get('halved')).to.not.equal(undefined);
    expect(town.claims.losses).to.equal(1);
  });

  it('stores an event for changed public facts, and none for a mere reconnect', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1', { labels: { mode: 'bedwars', arena: '1' } });
    await join(town, first);
    const events = bodiesOf(town.journal);
    await join(town, { ...first, labels: { arena: '1', mode: 'bedwars' } });
    expect(events).to.be.empty;
    await join(town, { ...first, version: '2.0' });
    expect(events.map(({ $case }) => $case)).to.deep.equal(['nodeUpdated']);
  });

  it('ends the older stream of the same instance, whose later writes are refused', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1');
    const old = await join(town, first);
    await join(town, first);
    const error = (await old.stream.ended()) as KelpieError;
    expect(error.reason).to.equal('SESSION_REPLACED');
    expect(town.registry.size).to.equal(1);
    expect(town.claims.losses).to.equal(0);
  });

  it('ends when nothing arrives for the max silence', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1'));
    const ended = stream.ended();
    town.clock.advance(14_000);
    stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
    await settled();
    town.clock.advance(14_000);
    await settled();
    expect(town.registry.size, 'a heartbeat counts').to.equal(1);
    town.clock.advance(2000);
    expect(((await ended) as KelpieError).reason).to.equal('SESSION_SILENT');
    expect(town.claims.losses, 'a silent node is a lost one').to.equal(1);
  });

  it('must send Hello in five seconds', async () => {
    const town = await openCoordinator();
    const ended = new TestStream(town.port).ended();
    await settled();
    town.clock.advance(5000);
    expect(((await ended) as KelpieError).reason).to.equal('HELLO_TIMEOUT');
  });

  it('handles frames between Hello and Welcome after the Welcome, in order', async () => {
    const town = await openCoordinator();
    const stream = new TestStream(town.port);
    const payload = {
      type: '',
      content: { form: { $case: 'text', value: 'hi' } as const },
      attributes: {},
      origin: MessageOrigin.NODE,
    };
    const events = [{ topic: 'chat.a', payload }];
    stream.send(
      { $case: 'hello', value: hello('eager') },
      { $case: 'publish', value: { firstPublishSequence: 1, events } },
      { $case: 'goodbye', value: { reason: GoodbyeReason.STOP } },
    );
    expect((await stream.next('welcome')).nodeName).to.equal('eager');
    expect((await stream.next('publishAck')).publishSequence).to.equal(1);
    expect(await stream.ended()).to.equal(undefined);
  });
});

describe('a name that two processes want', () => {
  it('stays with the process that lives', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1'));
    const other = new TestStream(town.port);
    other.send({ $case: 'hello', value: hello('lobby-1') });
    const refused = other.ended();
    await stream.next('heartbeatRequested');
    stream.send({ $case: 'heartbeat', value: Heartbeat.create() });
    expect(((await refused) as KelpieError).reason).to.equal('NODE_NAME_IN_USE');
    expect(town.registry.size).to.equal(1);
  });

  it('goes to the other process if its holder does not answer in three seconds', async () => {
    const town = await openCoordinator();
    const holder = await join(town, hello('lobby-1'));
    const events = bodiesOf(town.journal);
    const other = new TestStream(town.port);
    other.send({ $case: 'hello', value: hello('lobby-1') });
    const welcome = other.next('welcome');
    await holder.stream.next('heartbeatRequested');
    town.clock.advance(3000);
    expect((await welcome).outcome).to.equal(WelcomeOutcome.REPLACED);
    expect(((await holder.stream.ended()) as KelpieError).reason).to.equal('SESSION_REPLACED');
    const [left, joined] = events;
    expect(left?.$case === 'nodeLeft' && left.value.reason).to.equal(NodeLeaveReason.REPLACED);
    expect(joined?.$case).to.equal('nodeJoined');
  });

  it('goes to the other process at once if its holder has no stream', async () => {
    const town = await openCoordinator();
    const holder = await join(town, hello('lobby-1'));
    await holder.stream.cut();
    const { welcome } = await join(town, hello('lobby-1'));
    expect(welcome.outcome).to.equal(WelcomeOutcome.REPLACED);
    expect(town.claims.losses).to.equal(0);
  });

  it('ends with one owner when many processes claim it in the same tick', async () => {
    const town = await openCoordinator();
    const first = hello('lobby-1');
    const streams = Array.from({ length: 10 }, () => new TestStream(town.port));
    for (const stream of streams) stream.send({ $case: 'hello', value: first });
    const ends = streams.map((stream) => stream.ended());
    await settled();
    expect(town.registry.size).to.equal(1);
    const drained = town.drain();
    town.clock.advance(10_000);
    await drained;
    const reasons = (await Promise.all(ends)).map((error) => (error as KelpieError).reason);
    expect(reasons.filter((reason) => reason === 'SESSION_REPLACED')).to.have.length(9);
    expect(reasons.filter((reason) => reason === 'DRAINING')).to.have.length(1);
  });
});

describe('a drain', () => {
  it('announces itself on every session, waits for them, and marks no node as LOST', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1'));
    const drained = town.drain();
    await stream.next('drain');
    stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.DRAINED } });
    expect(await stream.ended()).to.equal(undefined);
    await drained;
    expect(town.nodeRows.nodes.get('lobby-1'), 'only the stream ended').to.not.equal(undefined);
    expect(town.claims.losses).to.equal(0);
  });

  it('does not wait for a node without another coordinator', async () => {
    const town = await openCoordinator();
    const first = hello('Lobby-1');
    const { stream } = await join(town, first);
    const { stream: other } = await join(town, hello('lobby-2'));
    const drained = town.drain();
    await stream.next('drain');
    const stranger = new TestStream(town.port);
    stranger.send({ $case: 'hello', value: hello('lobby-2') });
    const next = new TestStream(town.port);
    next.send({ $case: 'hello', value: first });
    for (const refused of [stranger, next]) {
      expect(((await refused.ended()) as KelpieError).reason).to.equal('DRAINING');
    }
    const ended = stream.ended();
    town.clock.advance(1000);
    expect(((await ended) as KelpieError).reason).to.equal('DRAINING');
    expect(town.registry.size, 'another process with its name ends nothing').to.equal(1);
    other.send({ $case: 'goodbye', value: { reason: GoodbyeReason.DRAINED } });
    await drained;
    expect(town.claims.losses).to.equal(0);
    expect(town.clock.pending, 'no timer is left').to.equal(0);
  });

  it('also drains a node that connects while the drain begins', async () => {
    const town = await openCoordinator();
    const stream = new TestStream(town.port);
    stream.send({ $case: 'hello', value: hello('lobby-1') });
    // The node has its name, and its Welcome is not written yet.
    const claimed = new Promise<Promise<void>[]>((resolve) => {
      town.network.onEntries(() => resolve([town.drain()]));
    });
    const welcome = stream.next('welcome');
    const drained = await claimed;
    await welcome;
    await stream.next('drain');
    stream.send({ $case: 'goodbye', value: { reason: GoodbyeReason.DRAINED } });
    await Promise.all(drained);
  });

  it('ends the remaining sessions after its time, and accepts no new one', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('lobby-1'));
    const ended = stream.ended();
    const drained = town.drain();
    const late = new TestStream(town.port);
    late.send({ $case: 'hello', value: hello('late') });
    expect(((await late.ended()) as KelpieError).reason).to.equal('DRAINING');
    town.clock.advance(10_000);
    await drained;
    expect(((await ended) as KelpieError).reason).to.equal('DRAINING');
    expect(town.clock.pending, 'no timer is left').to.equal(0);
  });
});

describe('the rows and events of a session', () => {
  it('arrive as a snapshot in parts, then as events after its cursor', async () => {
    const town = await openCoordinator();
    const count = 600;
    for (let index = 0; index < count; index++) {
      await join(town, hello(`node-${String(index).padStart(3, '0')}`));
    }
    const { stream } = await join(town, hello('reader', { topics: ['nodes.*'], start: SNAPSHOT }));
    const parts = [await stream.next('snapshot')];
    while (!parts.at(-1)?.complete) parts.push(await stream.next('snapshot'));
    expect(parts.length).to.be.greaterThan(2);
    expect(parts.map((part) => part.cursor !== undefined)).to.deep.equal([
      true,
      ...parts.slice(1).map(() => false),
    ]);
    const names = parts.flatMap(({ rows }) => rows.map(({ resource }) => nodeIn(resource)));
    expect(new Set(names).size).to.equal(count + 1);

    await join(town, hello('newcomer'));
    const batch = await stream.next('eventBatch');
    expect(batch.afterSequence).to.be.at.most(parts[0]?.cursor?.sequence ?? 0);
    expect(batch.events.map(({ topic }) => topic)).to.deep.equal(['nodes.newcomer']);
  });

  it('never contain the owner of a node', async () => {
    const town = await openCoordinator();
    await join(town, hello('lobby-1'));
    const { stream } = await join(
      town,
      hello('reader', { topics: ['>', 'nodes.>'], start: EARLIEST }),
    );
    const { events } = await stream.next('eventBatch');
    expect(events.map(({ topic }) => topic)).to.deep.equal(['nodes.lobby-1', 'nodes.reader']);
  });
});

describe('the loads of nodes', () => {
  const load = (tps: number) => ({ ...NodeLoad.create(), tps });

  it('reach readers of nodes once a heartbeat interval, the newest of each node', async () => {
    const town = await openCoordinator();
    const [north, south] = [await join(town, hello('north')), await join(town, hello('south'))];
    const reader = await join(town, hello('reader', { topics: ['nodes.*'] }));
    const other = await join(town, hello('other', { topics: ['chat.>', 'nodes.south'] }));
    for (const tps of [20, 12, 5]) {
      north.stream.send({ $case: 'heartbeat', value: { ...Heartbeat.create(), load: load(tps) } });
    }
    await until(() => town.loads.get('north')?.tps === 5);
    town.clock.advance(5000);
    const told = await reader.stream.next('nodeLoads');
    expect(told.loads).to.deep.equal([{ name: 'north', load: load(5), reservedSlots: undefined }]);

    south.stream.send({ $case: 'heartbeat', value: { ...Heartbeat.create(), load: load(19) } });
    await until(() => town.loads.get('south')?.tps === 19);
    town.clock.advance(5000);
    for (const { stream } of [reader, other]) {
      const next = await stream.next('nodeLoads');
      expect(next.loads, 'only new loads').to.deep.equal([
        { name: 'south', load: load(19), reservedSlots: undefined },
      ]);
    }
  });

  it('are no events, and end with the session', async () => {
    const town = await openCoordinator();
    const { stream } = await join(town, hello('north'));
    const head = town.journal.head.sequence;
    stream.send({ $case: 'heartbeat', value: { ...Heartbeat.create(), load: load(20) } });
    await until(() => town.loads.get('north') !== undefined);
    expect(town.journal.head.sequence).to.equal(head);
    await stream.cut();
    expect(town.loads.get('north')).to.equal(undefined);
  });
});
