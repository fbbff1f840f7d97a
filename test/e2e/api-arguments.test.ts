/** `kelpie/api` refuses wrong arguments by name, before it asks the coordinator anything. */
import { expect } from 'chai';
import {
  apiAt,
  type Api,
  type DrainCallOptions,
  KelpieError,
  reachApi,
} from '../../client/api/index.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { rejectionOf } from '../support/thrown.js';
import { Wire } from '../support/wire/wire.js';
import { WireNode } from '../support/wire/wire-node.js';

const steve = { xuid: '2535400000000001', name: 'Steve' };

describe('kelpie/api, with wrong arguments,', () => {
  let kelpied: Kelpied;
  let wire: Wire;
  let gate: WireNode;
  let api: Api;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
    gate = await WireNode.proxy(wire, 'gate');
    const labels = { mode: 'hub' };
    await WireNode.join(wire, 'lobby', { role: 'NODE_ROLE_DOWNSTREAM', labels });
    await gate.bring(steve, 'lobby');
    api = apiAt(kelpied.endpoint);
  });
  after(async () => {
    api.close();
    await wire.leave();
    wire.close();
    await kelpied.stop();
  });

  const refused = async (what: unknown, call: Promise<unknown>) => {
    const { reason, message } = await rejectionOf(KelpieError, call);
    expect(reason, JSON.stringify(what)).to.equal('VALUE_INVALID');
    return message;
  };

  it('kicks nobody and shows nobody anything, unless the target names whom', async () => {
    const wrong = [
      { name: 'Steve' },
      { everyone: false },
      { everyone: 1 },
      { everyone: true, server: 'lobby' },
      { everyone: true, severs: {} },
      { player: 'Steve' },
      { player: {} },
      { player: { Name: 'Steve' } },
      { server: undefined },
      { proxy: 5 },
      { servers: { label: { mode: 'hub' } } },
      { servers: undefined },
      {},
      [],
      'everyone',
      null,
      undefined,
    ];
    for (const target of wrong as Parameters<Api['players']['kick']>[0][]) {
      await refused(target, api.players.kick(target));
      await refused(target, api.players.show(target, { chat: 'hello' }));
      await refused(target, api.players.transfer(target, { server: 'lobby' }).next());
    }
    expect(gate.asked).to.deep.equal([]);
    const mistyped = api.players.kick({ name: 'Steve' } as never);
    expect((await rejectionOf(KelpieError, mistyped)).message).to.equal(
      'target has "name"; it must have exactly one of player, server, proxy, servers, everyone',
    );
    expect((await api.players.kick({ everyone: true })).succeeded).to.equal(1);
    await gate.bring(steve, 'lobby');
  });

  it('moves nobody, unless the destination names where to', async () => {
    const wrong = [{}, null, 'lobby', { server: '' }, { Server: 'lobby' }, { proxy: 5 }];
    for (const destination of [...wrong, { server: 'lobby', strategy: 'RANDOM' }]) {
      const moved = api.players.transfer({ everyone: true }, destination as never);
      await refused(destination, moved.next());
    }
    const context = new Uint8Array(16_385);
    const large = api.players.transfer({ everyone: true }, { server: 'lobby' }, { context });
    expect((await rejectionOf(KelpieError, large.next())).reason).to.equal('PAYLOAD_TOO_LARGE');
    const mistyped = [{ contxt: 'x' }, { reservation: 'r-1' }, { reservation: {} }];
    for (const options of [...mistyped, { reservation: { id: '' } }] as never[]) {
      const moved = api.players.transfer({ everyone: true }, { server: 'a' }, options);
      await refused(options, moved.next());
    }
  });

  it('asks for no node whose name is no text', async () => {
    const name = { name: 'lobby' } as never;
    expect(await refused(name, api.nodes.get(name))).to.equal(
      'name is an object (Object); it must be text',
    );
    await refused(name, api.nodes.update(name, {}));
    await refused(name, api.nodes.disconnect(name));
  });

  it('takes endpoints as connect does, and shows the cause if none answers', async () => {
    const reached = await reachApi(`127.0.0.1:1, ${kelpied.endpoint}`);
    expect(reached.endpoint).to.equal(kelpied.endpoint);
    reached.close();
    const nobody = apiAt('127.0.0.1:1');
    const { message } = await rejectionOf(KelpieError, nobody.nodes.list());
    expect(message).to.equal('connect ECONNREFUSED 127.0.0.1:1');
    nobody.close();
  });

  it('looks up no player whom the look-up does not name', async () => {
    for (const player of [{}, { Name: 'Steve' }, { id: undefined }, 'Steve', null, undefined]) {
      await refused(player, api.players.get(player as never));
      await refused(player, api.players.getMany([player as never]));
    }
    await refused('no list', api.players.getMany({ name: 'Steve' } as never));
    const whole = await api.players.get({ name: 'Steve' });
    expect((await api.players.get(whole)).id).to.equal(steve.xuid);
  });

  it('asks no node that the target or the filter does not name', async () => {
    const command = { run_console_command: { line: 'stop' } };
    const wrong = [
      ...[{}, null, undefined, { Node: 'lobby' }, { node: 'lobby', every: {} }],
      ...[{ every: { label: { mode: 'hub' } } }, { any: { role: ['PROXY'] } }, { nodes: 'lobby' }],
    ];
    for (const target of wrong) {
      await refused(target, api.commands.issue(target as never, command).next());
    }
    const two = { ...command, custom: { name: 'x', content: 'y' } };
    for (const odd of [{}, null, { stop: {} }, two]) {
      await refused(odd, api.commands.issue({ every: {} }, odd as never).next());
    }
    const mistyped = { label: { mode: 'hub' } } as never;
    expect(await refused(mistyped, api.nodes.list(mistyped))).to.equal(
      'the selector has no field "label"; did you mean "labels"?',
    );
    await refused(mistyped, api.players.count({ nodes: mistyped }));
  });

  it('sets no settings of the network that the caller cannot mean', async () => {
    const wrong = [
      ...[{ maintenence: true }, { maintenance: 'on' }, { maintenanceMessage: 5 }, null, 'on'],
      ...[{ allowedPlayers: 'Steve' }, { allowedPlayers: [7] }, { allowedPlayers: ['\ud800'] }],
    ];
    for (const settings of wrong) {
      await refused(settings, api.network.setSettings(settings as never));
    }
    for (const expectedSequence of [-1, 0.5, '7', NaN, null]) {
      const options = { expectedSequence } as never;
      const { reason } = await rejectionOf(KelpieError, api.network.setSettings({}, options));
      expect(reason).to.equal('OUT_OF_RANGE');
    }
    expect((await api.network.settings()).sequence).to.equal(0);
  });

  it('sets no rules that the caller cannot mean, and explains none', async () => {
    const a = { name: 'a' };
    const wrong = [
      ...['rules', 5, {}, { rules: [a] }, [null], ['a'], [{ nam: 'a' }], [{ name: 5 }]],
      ...[{ when: 'join' }, { when: { occasion: ['JOIN'] } }, { when: { occasions: 'JOIN' } }].map(
        (fields) => [{ ...a, ...fields }],
      ),
      ...[{ occasions: ['join'] }, { occasions: [1] }, { fallbackReasons: ['LATE'] }].map(
        (when) => [{ ...a, when }],
      ),
      ...[{ hosts: ['\ud800'] }, { playerProperties: { rank: 5 } }, { from: 'lobby' }].map(
        (when) => [{ ...a, when }],
      ),
      ...[{ to: 'lobby' }, { to: { names: 'lobby' } }, { strategy: 'sticky' }].map((fields) => [
        { ...a, ...fields },
      ]),
    ];
    for (const rules of wrong as never[]) {
      await refused(rules, api.routing.set(rules));
      await refused(rules, api.routing.explain({ rules }));
    }
    for (const fields of [
      { priority: 0.5 },
      { priority: 2 ** 31 },
      { limit: -1 },
      { limit: '5' },
    ]) {
      const set = api.routing.set([{ ...a, ...fields } as never]);
      expect((await rejectionOf(KelpieError, set)).reason).to.equal('OUT_OF_RANGE');
    }
    const questions = [
      ...[null, 5, { for: 'leave' }, { occasion: 'JOIN' }, { from: 'lobby' }, { properties: {} }],
      ...[{ player: 'Steve' }, { player: {} }, { playerProperties: { a: 1 } }, { fromServer: 5 }],
      ...[{ host: 5 }, { lastServer: null }, { reason: 'LATE', for: 'fallback' }],
    ];
    for (const question of questions as never[])
      await refused(question, api.routing.explain(question));
    expect((await api.routing.get()).sequence).to.equal(0);
  });

  it('writes no shared value that the caller cannot mean', async () => {
    const calls: (() => Promise<unknown>)[] = [
      ...[undefined, 5, null, () => 1].map(
        (value) => () => api.state.put('a', 'b', value as never),
      ),
      ...[{ expected: 1 }, { bound: true }, 'soon', null].map(
        (options) => () => api.state.put('a', 'b', 'x', options as never),
      ),
      ...[5, null, undefined].map((key) => () => api.state.put('a', key as never, 'x')),
      () => api.state.delete('a', 'b', { expct: 1 } as never),
    ];
    for (const call of calls) await refused(call.toString(), call());
    for (const options of [{ ttlMs: 999 }, { ttlMs: 'soon' }, { expect: -1 }, { expect: '1' }]) {
      const put = api.state.put('a', 'b', 'x', options as never);
      expect((await rejectionOf(KelpieError, put)).reason).to.equal('OUT_OF_RANGE');
    }
    for (const [bucket, key] of [
      ['A', 'b'],
      ['', 'b'],
      ['a', ''],
      ['a', 'x'.repeat(129)],
    ] as const) {
      const put = api.state.put(bucket, key, 'x');
      expect((await rejectionOf(KelpieError, put)).reason).to.equal('KEY_INVALID');
    }
    expect((await api.state.list()).values).to.deep.equal([]);
  });

  it('makes no credential that the caller cannot mean', async () => {
    const wrong = [
      ...[null, 'SERVER', { prset: 'SERVER' }, { preset: 'server' }, { preset: 1 }],
      ...[{ rights: 'all' }, { rights: { nodes: ['a'] } }, { rights: { nodeNames: 'a' } }],
      ...[{ rights: { roles: ['proxy'] } }, { rights: { verbs: ['FLY'] } }],
      ...[{ rights: { readTopics: [5] } }, { certificateName: 5 }, { withoutToken: 'yes' }],
      ...[{ join: 5 }, { join: { times: 1 } }],
    ];
    for (const request of wrong as never[])
      await refused(request, api.access.create('lobby-1', request));
    for (const request of [
      ...[{ ttlMs: -1 }, { ttlMs: NaN }, { ttlMs: '5' }],
      ...[{ join: { uses: 0 } }, { join: { uses: '1' } }, { join: { uses: 0.5 } }],
    ] as never[]) {
      const { reason } = await rejectionOf(KelpieError, api.access.create('lobby-1', request));
      expect(reason, JSON.stringify(request)).to.equal('OUT_OF_RANGE');
    }
    for (const id of [undefined, 5, null, {}] as never[]) {
      for (const call of [api.access.create(id), api.access.get(id)]) await refused(id, call);
      for (const call of [api.access.revoke(id), api.access.rotate(id)]) await refused(id, call);
    }
    // The first credential would have closed the coordinator.
    expect((await api.access.own()).credential).to.equal(undefined);
    expect((await api.access.list()).credentials).to.deep.equal([]);
  });

  it('drains no node by options that it cannot mean', async () => {
    const wrong = [
      ...[{ rate: 5 }, { deadline: 5 }, null, 5, 'fast', { to: 'lobby' }, { to: {} }],
      ...[{ to: null }, { to: { server: '' } }, { to: { proxy: 5 } }, { to: { routed: 'SOON' } }],
    ];
    for (const options of wrong as DrainCallOptions[]) {
      await refused(options, api.nodes.drain('lobby', options).next());
    }
    const ranges: DrainCallOptions[] = [
      ...[-1, 0, NaN, 1e9, Infinity].map((playersPerSecond) => ({ playersPerSecond })),
      ...[-1, 0, NaN, 25 * 3_600_000].map((deadlineMs) => ({ deadlineMs })),
    ];
    for (const options of ranges) {
      const { reason } = await rejectionOf(KelpieError, api.nodes.drain('lobby', options).next());
      expect(reason, JSON.stringify(options)).to.equal('OUT_OF_RANGE');
    }
    for (const name of [undefined, 5, null] as unknown as string[]) {
      await refused(name, api.nodes.drain(name).next());
      await refused(name, api.nodes.cancelDrain(name));
    }
    expect((await api.nodes.get('lobby')).drained).to.equal(false);
  });

  it('takes no time and no number that it cannot mean', async () => {
    const reasonOf = async (call: Promise<unknown>) => {
      const { reason, message } = await rejectionOf(KelpieError, call);
      return `${reason}: ${message.split(' ')[0] ?? ''}`;
    };
    const command = { run_console_command: { line: 'stop' } };
    for (const wrong of [NaN, -1, Infinity, '5'] as number[]) {
      for (const timeoutMs of [wrong, 0, 2 ** 40]) {
        const options = { timeoutMs };
        expect(await reasonOf(api.nodes.get('gate', options))).to.equal('OUT_OF_RANGE: timeoutMs');
        const late = 'DEADLINE_INVALID: timeoutMs';
        expect(await reasonOf(api.players.kick({ everyone: true }, '', options))).to.equal(late);
        const moved = api.players.transfer({ everyone: true }, { server: 'lobby' }, options);
        expect(await reasonOf(moved.next())).to.equal(late);
        const issued = api.commands.issue({ every: {} }, command, options).next();
        expect(await reasonOf(issued)).to.equal(late);
      }
      const page = { pageSize: wrong };
      for (const listed of [
        api.nodes.list(page),
        api.players.list(page),
        api.coordinator.listSessions(page),
        api.events.read('chat.>', page),
      ]) {
        expect(await reasonOf(listed)).to.equal('OUT_OF_RANGE: pageSize');
      }
      const waits = api.events.read('chat.>', { waitMs: wrong });
      expect(await reasonOf(waits)).to.equal('OUT_OF_RANGE: waitMs');
      const replies = api.commands.issue({ every: {} }, command, { maxReplies: wrong }).next();
      expect(await reasonOf(replies)).to.equal('OUT_OF_RANGE: maxReplies');
    }
    expect(gate.asked).to.have.length(1);
  });
});
