/** Records of acts: each act has one on `kelpie.audit`, by calls and by sessions, also a denied one. */
import { expect } from 'chai';
import { type Api, apiAt, KelpieError } from '../../client/api/index.js';
import { type AuditRecord, connect, type KelpieClient } from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { runKelpie } from '../support/process/cli.js';
import { rejectionOf } from '../support/thrown.js';
import { until } from '../support/until.js';

/** Reads to the end. */
async function all(results: AsyncIterable<unknown>): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const result of results) read.push(result);
  return read;
}

const steve = { xuid: '2535400000000001', name: 'Steve' };

describe('the audit of a network', () => {
  let coordinator: Coordinator;
  let root: Api;
  let rootToken: string;
  let gate: KelpieClient;
  let lobby: KelpieClient;
  let watcher: KelpieClient;
  const closers: (() => unknown)[] = [];
  const records: AuditRecord[] = [];
  /** The topics of all events, in their order. */
  const order: string[] = [];

  const apiOf = (token: string): Api => {
    const api = apiAt(coordinator.endpoint, { token });
    closers.push(() => api.close());
    return api;
  };
  const nodeOf = (name: string, role: 'PROXY' | 'DOWNSTREAM', token: string): KelpieClient => {
    const players = role === 'PROXY' ? { players: { onEvicted: () => undefined } } : {};
    const node = connect({ name, role, endpoints: [coordinator.endpoint], token, ...players });
    closers.push(() => node.close());
    return node;
  };
  /** The record of the next act of this kind. */
  const recordOf = async (action: string, act: () => Promise<unknown>): Promise<AuditRecord> => {
    const before = records.length;
    await act();
    await until(() => records.slice(before).some((one) => one.action === action));
    const [record, more] = records.slice(before);
    expect(more, 'an act has one record').to.equal(undefined);
    if (record?.action !== action) throw new Error(`no record of ${action}`);
    return record;
  };
  /** A new token, whose own record has come. */
  const tokenOf = async (name: string, request: { preset: 'READ_ONLY' }): Promise<string> => {
    let token = '';
    await recordOf('CREATE_CREDENTIAL', async () => {
      ({ token } = await root.access.create(name, request));
    });
    return token;
  };
  const run = (line: string) => ({ run_console_command: { line } });
  const done = [{ reason: undefined, count: 1 }];

  before(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0, times: { drainMs: 0 } });
    rootToken = await coordinator.createToken({ name: 'root' });
    root = apiOf(rootToken);
    const tokens = await Promise.all([
      root.access.create('gate-1', { preset: 'PROXY' }),
      root.access.create('lobby-1', { preset: 'SERVER' }),
    ]);
    const [gateToken = '', lobbyToken = ''] = tokens.map(({ token }) => token);
    gate = nodeOf('gate-1', 'PROXY', gateToken);
    lobby = nodeOf('lobby-1', 'DOWNSTREAM', lobbyToken);
    gate.handle('kick_players', () => undefined);
    gate.handle('show_message', () => undefined);
    lobby.handle('run_console_command', ({ line }) => ({ success: true, lines: [line] }));
    watcher = nodeOf('watcher', 'DOWNSTREAM', rootToken);
    for (const topic of ['kelpie.audit', 'kelpie.settings', 'state.>', 'nodes.*'])
      watcher.subscribe(topic, ({ topic: of, body }) => {
        order.push(of);
        if (body?.kind === 'auditRecorded') records.push(body.record);
      });
    await Promise.all([gate.ready(), lobby.ready(), watcher.ready()]);
    await gate.players.acquire(steve);
    await gate.players.joined(steve);
    await gate.players.moved(steve.xuid, 'lobby-1');
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
    await coordinator.stop();
  });

  it('has a record of each call of an operator, after the events of the act', async () => {
    const settings = await recordOf('SET_SETTINGS', () =>
      root.network.setSettings({ maintenance: true, maintenanceMessage: 'Back at 8' }),
    );
    expect(settings).to.deep.include({ actorNode: '', actorName: 'root', address: '127.0.0.1' });
    expect(settings.credentialId).to.match(/^[0-9a-f]{12}$/);
    expect(settings).to.deep.include({ detail: 'maintenance on; Back at 8', outcomes: done });
    expect(order.slice(-2)).to.deep.equal(['kelpie.settings', 'kelpie.audit']);
    const put = await recordOf('PUT_VALUE', () => root.state.put('maps', 'a.b', 'secret stuff'));
    expect(put).to.deep.include({ targets: ['state.maps.a_2eb'], detail: '14 bytes' });
    expect(order.slice(-2)).to.deep.equal(['state.maps.a_2eb', 'kelpie.audit']);
    const acts: [string, () => Promise<unknown>, object][] = [
      ['DELETE_VALUE', () => root.state.delete('maps', 'a.b'), { detail: '' }],
      ['SET_ROUTING', () => root.routing.set([{ name: 'vips', to: {} }]), { detail: 'rules vips' }],
      [
        'UPDATE_NODE',
        () => root.nodes.update('lobby-1', { labels: { mode: 'hub', token: 'hunter2' } }),
        { targets: ['lobby-1'], detail: 'mode=hub, token=***' },
      ],
      [
        'DISCONNECT',
        () => root.nodes.disconnect('nobody').catch(() => undefined),
        { targets: ['nobody'], outcomes: [{ reason: 'NODE_NOT_FOUND', count: 1 }] },
      ],
      ['KICK', () => root.players.kick({ server: 'lobby-1' }, 'bye'), { targets: [steve.xuid] }],
      [
        'CANCEL_DRAIN',
        () => root.nodes.cancelDrain('lobby-1'),
        { targets: ['lobby-1'], outcomes: done },
      ],
    ];
    for (const [action, act, facts] of acts)
      expect(await recordOf(action, act), action).to.deep.include(facts);
  });

  it('has the outcome of each target of a stream', async () => {
    const run = await recordOf('RUN', async () => {
      const command = { run_console_command: { line: '/login Steve hunter2' } };
      await all(root.commands.issue({ nodes: ['lobby-1', 'nobody'] }, command));
    });
    expect(run.targets).to.have.members(['lobby-1', 'nobody']);
    expect(run.detail).to.equal('/login ***');
    expect(run.outcomes).to.have.deep.members([
      { reason: undefined, count: 1 },
      { reason: 'NODE_NOT_FOUND', count: 1 },
    ]);
    const moved = await recordOf('TRANSFER', async () => {
      await all(root.players.transfer({ server: 'lobby-1' }, { server: 'lobby-1' }));
    });
    expect(moved.detail).to.equal('all on server lobby-1; to server lobby-1');
    expect(moved.targets).to.deep.equal([steve.xuid]);
    expect(moved.outcomes).to.deep.equal([{ reason: 'ALREADY_THERE', count: 1 }]);
  });

  it('has a record of each act of a session', async () => {
    const acts: [string, () => Promise<unknown>, object][] = [
      [
        'RUN',
        () => all(watcher.issue({ target: { node: 'lobby-1' }, command: run('list') })),
        { targets: ['lobby-1'], detail: 'list', outcomes: done },
      ],
      [
        'TRANSFER',
        () => all(watcher.transfer({ player: { xuid: steve.xuid } }, { server: 'nowhere' })),
        { detail: 'to server nowhere', outcomes: [{ reason: 'NODE_NOT_FOUND', count: 1 }] },
      ],
    ];
    for (const [action, act, facts] of acts) {
      const record = await recordOf(action, () => act().catch(() => undefined));
      expect(record, action).to.deep.include({ actorNode: 'watcher', actorName: 'root', ...facts });
    }
    const { players } = await root.players.list();
    const steves = players.map(({ id, generation }) => ({ id, generation }));
    const target = { node: 'gate-1' };
    const kick = { kick_players: { players: steves, message: 'bye' } };
    const kicked = await recordOf('KICK', () => all(watcher.issue({ target, command: kick })));
    expect(kicked).to.deep.include({ targets: [steve.xuid], detail: 'bye', outcomes: done });
    const show = { show_message: { players: steves, display: { chat: 'hi' } } };
    const shown = await recordOf('SHOW_MESSAGE', () =>
      all(watcher.issue({ target, command: show })),
    );
    expect(shown).to.deep.include({ targets: [steve.xuid], detail: 'hi', outcomes: done });
  });

  it('has a record of a denied act, of a call and of a session', async () => {
    const token = await tokenOf('reader', { preset: 'READ_ONLY' });
    const reader = apiOf(token);
    const denied = [{ reason: 'RIGHT_MISSING', count: 1 }];
    const call = await recordOf('SET_SETTINGS', () =>
      rejectionOf(KelpieError, reader.network.setSettings({ maintenance: false })),
    );
    expect(call).to.deep.include({ actorName: 'reader', outcomes: denied });
    const frame = await recordOf('RUN', () =>
      rejectionOf(
        KelpieError,
        all(lobby.issue({ target: { node: 'gate-1' }, command: run('op me') })),
      ),
    );
    expect(frame).to.deep.include({ actorNode: 'lobby-1', targets: ['gate-1'], outcomes: denied });
  });

  it('has the acts upon credentials, by their ids', async () => {
    const made = await recordOf('CREATE_CREDENTIAL', () =>
      root.access.create('shop', { preset: 'SERVICE' }),
    );
    expect(made.detail).to.equal('shop; preset SERVICE');
    const [id = ''] = made.targets;
    expect(id).to.match(/^[0-9a-f]{12}$/);
    const rotated = await recordOf('ROTATE_CREDENTIAL', () => root.access.rotate(id));
    const revoked = await recordOf('REVOKE_CREDENTIAL', () => root.access.revoke(id));
    for (const record of [rotated, revoked])
      expect(record).to.deep.include({ targets: [id], detail: 'shop', outcomes: done });
    expect(JSON.stringify(records)).not.to.include('klp_');
  });

  it('has the credentials that the program around the coordinator makes', async () => {
    const made = await recordOf('CREATE_CREDENTIAL', () =>
      coordinator.createToken({ name: 'robot', preset: 'read-only' }),
    );
    expect(made).to.deep.include({ actorName: 'kelpied', address: '' });
    expect(made.detail).to.equal('robot; preset read-only');
    expect(made.targets[0]).to.match(/^[0-9a-f]{12}$/);
  });

  it('is for readers with the right to it alone, and no wildcard reads it', async () => {
    const token = await tokenOf('guest', { preset: 'READ_ONLY' });
    const guest = apiOf(token);
    const read = guest.events.read(['kelpie.audit'], { start: 'EARLIEST' });
    expect((await rejectionOf(KelpieError, read)).reason).to.equal('RIGHT_MISSING');
    const { code, errors } = await runKelpie(['audit'], coordinator.endpoint, {
      KELPIE_TOKEN: token,
    });
    expect(code).to.equal(1);
    expect(errors).to.include('the right "read kelpie.audit"').and.include('RIGHT_MISSING');
    const { events } = await root.events.read(['>'], { start: 'EARLIEST' });
    expect(events.filter(({ topic }) => topic.startsWith('kelpie'))).to.deep.equal([]);
    const wild = rejectionOf(KelpieError, root.events.read(['kelpie.>'], { start: 'EARLIEST' }));
    expect((await wild).reason).to.equal('TOPIC_RESERVED');
  });

  it('is a table for people, which they can filter, and JSON for scripts', async () => {
    const kelpie = (...args: string[]) =>
      runKelpie(['audit', ...args], coordinator.endpoint, { KELPIE_TOKEN: rootToken });
    const { code, output } = await kelpie('--action', 'kick,run', '--since', '1h');
    expect(code).to.equal(0);
    const lines = output.split('\n');
    expect(lines[0]).to.match(/^TIME {18}ACTOR {13}ACTION {13}OUTCOME {11}TARGETS {11}DETAIL$/);
    const kicks = lines.filter((line) => / {2}KICK {2}/.test(line));
    expect(kicks[0]).to.match(/^\S+Z {2}root {14}KICK {15}done {14}2535400000000001 {2}all on/);
    expect(kicks).to.have.length(2);
    expect(lines.filter((line) => / {2}RUN {2}/.test(line))).to.have.length(3);
    expect(lines.at(-1)).to.match(/^Nothing older is known: history goes back to /);
    const steves = (await kelpie('--json', '--target', 'steve', '--actor', 'WATCHER')).output;
    const found = steves.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(found.map(({ kind, action }) => action ?? kind)).to.deep.equal([
      'AUDIT_ACTION_TRANSFER',
      'AUDIT_ACTION_KICK',
      'AUDIT_ACTION_SHOW_MESSAGE',
      'HistoryReach',
    ]);
    const { code: wrong, errors } = await kelpie('--action', 'dance');
    expect([wrong, errors]).to.deep.include(2);
    expect(errors).to.include('"dance" is none of kick, transfer, run');
  });
});
