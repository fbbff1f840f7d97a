/** `kelpie/api`: every call of the contract in one line, against a real kelpied. */
import { expect } from 'chai';
import {
  apiAt,
  type Api,
  KelpieError,
  type NodeWithLoad,
  reachApi,
  type Watched,
} from '../../client/api/index.js';
import { Durability } from '../../gen/ts/kelpie/v1/coordinator.js';
import { NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { rejectionOf } from '../support/thrown.js';
import { startStandIn } from '../support/wire/stand-in.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

/** Only the compiler reads it: each wrong spelling that it must refuse is marked. */
export function shownNode(node: NodeWithLoad): string {
  if (node.state === 'DRAINING') return `${node.name} drains at ${node.load?.tps ?? 0}`;
  // @ts-expect-error no state has this name
  if (node.state === 'DRAINIG') return '';
  // @ts-expect-error a state is a name, not a number of the wire
  return node.state === 3 ? '' : node.role;
}

/** Only the compiler reads it. */
export function shownPart(part: Watched): string {
  if (part.kind === 'gap') return part.gap.reason === 'TRIMMED' ? 'too old' : part.gap.reason;
  // @ts-expect-error frames of the wire are in api.messages
  if (part.kind === 'eventBatch') return '';
  if (part.kind === 'snapshot') return part.nodes.map(({ state }) => state).join();
  const left = part.events.flatMap(({ body }) => (body?.kind === 'playerLeft' ? body : []));
  return left.map(({ reason }) => (reason === 'KICKED' ? 'kicked' : reason)).join();
}

const steve = { xuid: '2535400000000001', name: 'Steve', properties: { rank: 'vip' } };
const alex = { xuid: '2535400000000002', name: 'Alex' };

describe('kelpie/api', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let gate: WireNode;
  let api: Api;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    const role = 'NODE_ROLE_DOWNSTREAM';
    const commands = ['run_console_command'];
    const console = { success: true, lines: ['done'] };
    gate = await WireNode.proxy(wire, 'gate');
    await WireNode.join(wire, 'lobby', { role, commands, labels: { mode: 'hub' } }, () => ({
      console,
    }));
    await gate.bring(steve, 'lobby');
    await gate.bring(alex);
    api = apiAt(kelpied.endpoint);
  });
  after(async () => {
    api.close();
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  it('lists, gets and changes nodes, and disconnects one', async () => {
    const { nodes, cursor } = await api.nodes.list();
    expect(nodes.map(({ name }) => name)).to.deep.equal(['gate', 'lobby']);
    expect(cursor?.sequence).to.be.greaterThan(0);
    const hubs = await collect(api.nodes.all({ roles: ['DOWNSTREAM'], labels: { mode: 'hub' } }));
    expect(hubs.map(({ name }) => name)).to.deep.equal(['lobby']);
    const pages = await collect(api.nodes.pages({ pageSize: 1 }));
    expect(pages.map((page) => page.nodes.map(({ name }) => name))).to.deep.equal([
      ['gate'],
      ['lobby'],
    ]);
    const changed = await api.nodes.update('LOBBY', {
      labels: { map: 'new' },
      removedLabels: ['mode'],
    });
    expect(changed.labels).to.deep.equal({ map: 'new' });
    expect((await api.nodes.get('lobby')).state).to.equal('READY');
    // @ts-expect-error a node does not make itself unreachable
    const wrong = api.nodes.update('lobby', { state: 'UNREACHABLE' });
    expect((await rejectionOf(KelpieError, wrong)).reason).to.equal('VALUE_INVALID');
    await WireNode.join(wire, 'rogue', { role: 'NODE_ROLE_SERVICE' });
    await api.nodes.disconnect('rogue');
    expect((await rejectionOf(KelpieError, api.nodes.get('rogue'))).reason).to.equal(
      'NODE_NOT_FOUND',
    );
  });

  it('gets, lists, counts, kicks players and shows them something', async () => {
    expect((await api.players.get({ name: 'STEVE' })).id).to.equal(steve.xuid);
    const { players, missing } = await api.players.getMany([{ xuid: alex.xuid }, { uuid: 'x' }]);
    expect([players.length, missing]).to.deep.equal([1, [{ uuid: 'x' }]]);
    const names = async (filter: Parameters<Api['players']['all']>[0]) =>
      (await collect(api.players.all(filter))).map(({ name }) => name);
    expect(await names({})).to.deep.equal(['Steve', 'Alex']);
    expect(await names({ namePrefix: 'al' })).to.deep.equal(['Alex']);
    expect(await names({ properties: { rank: 'vip' }, proxy: 'gate' })).to.deep.equal(['Steve']);
    expect((await api.players.list({ pageSize: 1 })).nextPageToken).to.not.equal('');
    const { network, selected, nodes } = await api.players.count({
      nodes: { roles: ['DOWNSTREAM'] },
    });
    expect([network, selected]).to.deep.equal([2, 1]);
    expect(nodes).to.deep.equal([{ name: 'lobby', role: 'DOWNSTREAM', players: 1 }]);
    const shown = await api.players.show({ server: 'lobby' }, { chat: 'hello' });
    expect([shown.succeeded, shown.failed]).to.deep.equal([1, 0]);
    const kicked = await api.players.kick({ player: { name: 'alex' } }, 'bye', { timeoutMs: 5000 });
    expect(kicked).to.deep.equal({ succeeded: 1, failed: 0, outcomes: [{ id: alex.xuid }] });
    expect(gate.asked.at(-1)?.kick_players).to.deep.include({ message: 'bye' });
    const nobody = api.players.kick({ servers: { labels: { mode: 'none' } } });
    expect((await rejectionOf(KelpieError, nobody)).reason).to.equal('NO_TARGET');
  });

  it('publishes, reads and watches events', async () => {
    const watched = api.events.watch('chat.>', { start: 'EARLIEST' });
    const { firstSequence } = await api.events.publish({ topic: 'chat.a', content: 'one' });
    await api.events.publish([
      { topic: 'chat.b', content: { coins: 5 }, type: 'sale' },
      { topic: 'other', content: 'not asked for' },
    ]);
    const first = await api.events.read('chat.>', { pageSize: 1 });
    expect(first.events.map(({ sequence }) => sequence)).to.deep.equal([firstSequence]);
    if (!first.cursor) throw new Error('a page has a cursor');
    const rest = await api.events.read(['chat.>'], {
      start: { after: first.cursor },
      waitMs: 1000,
    });
    expect(rest.events.map(({ topic }) => topic)).to.deep.equal(['chat.b']);
    const heard: string[] = [];
    for await (const part of watched) {
      if (part.kind === 'events') heard.push(...part.events.map(({ topic }) => topic));
      if (heard.length === 2) break;
    }
    expect(heard).to.deep.equal(['chat.a', 'chat.b']);
  });

  it('has names in answers, and the numbers of the contract in api.messages', async () => {
    for await (const part of api.events.watch('nodes.*', { start: 'SNAPSHOT' })) {
      if (part.kind !== 'snapshot') throw new Error(`the first part is of the kind ${part.kind}`);
      expect(part.nodes.map(({ name, role }) => [name, role])).to.deep.include(['gate', 'PROXY']);
      break;
    }
    const { events } = await api.events.read('nodes.rogue');
    expect(events.at(-1)?.body).to.deep.include({ kind: 'nodeLeft', reason: 'DISCONNECTED' });
    const listed = (await api.nodes.list({ roles: ['PROXY'] })).nodes[0];
    expect(listed).to.include({ name: 'gate', role: 'PROXY', state: 'READY' });
    expect((await api.coordinator.info()).durability).to.equal('NONE');
    const { messages } = api;
    const [gate] = (await messages.nodes.list({ roles: ['PROXY'] })).nodes;
    expect(gate).to.include({ role: NodeRole.PROXY, state: NodeState.READY });
    const read = await messages.events.read('nodes.rogue');
    expect(read.events.at(-1)?.body).to.have.nested.property(
      'value.reason',
      NodeLeaveReason.DISCONNECTED,
    );
    expect((await messages.coordinator.info()).durability).to.equal(Durability.NONE);
  });

  it('issues commands, and answers for the coordinator', async () => {
    const command = { run_console_command: { line: 'save-all' } };
    const results = await collect(api.commands.issue({ every: {} }, command));
    expect(results).to.deep.equal([{ node: 'lobby', reply: { success: true, lines: ['done'] } }]);
    expect((await api.coordinator.info()).network).to.equal('main');
    const sessions = await collect(api.coordinator.sessions());
    expect(sessions.map(({ nodeName }) => nodeName)).to.deep.equal(['gate', 'lobby']);
    expect(await api.coordinator.isServing()).to.equal(true);
  });

  it('ends a call in time, or when its caller wants it, with a reason', async () => {
    const silent = await startStandIn(undefined);
    const slow = apiAt(silent.endpoint, { timeoutMs: 100 });
    const late = await rejectionOf(KelpieError, slow.coordinator.info());
    expect(late.reason).to.equal('CALL_TIMEOUT');
    expect(late.message).to.include('0.1 s');
    const signal = AbortSignal.abort();
    const ended = await rejectionOf(
      KelpieError,
      slow.coordinator.info({ signal, timeoutMs: 60_000 }),
    );
    expect(ended.reason).to.equal('CALL_CANCELLED');
    slow.close();
    await silent.stop();
  });

  it('goes to the first endpoint that answers', async () => {
    const found = await reachApi(['127.0.0.1:1', kelpied.endpoint]);
    expect(found.endpoint).to.equal(kelpied.endpoint);
    expect(found.next).to.deep.equal(['127.0.0.1:1', kelpied.endpoint]);
    found.close();
    expect(() => apiAt('nowhere')).to.throw(KelpieError, 'no endpoint');
  });

  it('sends a token to other machines by TLS alone, unless plain text is named', () => {
    const encrypted = (endpoint: string, options = {}): boolean => {
      const api = apiAt(endpoint, { token: 'secret', ...options });
      api.close();
      return api.encrypted;
    };
    for (const endpoint of ['10.0.0.7:50051', 'localhost.example:1', '[2001:db8::1]:1']) {
      expect([encrypted(endpoint), encrypted(endpoint, { insecure: true })]).to.deep.equal([
        true,
        false,
      ]);
    }
    for (const endpoint of ['localhost:1', '[::1]:1']) expect(encrypted(endpoint)).to.equal(false);
  });
});

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of all) list.push(one);
  return list;
}
