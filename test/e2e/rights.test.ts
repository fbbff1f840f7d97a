/** The rights of nodes upon players and other nodes: real clients on a real coordinator. */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
  type Target,
} from '../../client/index.js';
import { apiAt } from '../../client/api/index.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import type { PresetName, TokenOptions } from '../../server/access/token-options.js';
import { rejectionOf } from '../support/thrown.js';
import { FakeNetwork } from '../support/transfers/fake-network.js';
import { sayNothing } from '../support/transfers/fake-proxy.js';
import { until } from '../support/until.js';

const timeoutMs = 20_000;
const STEVE = '2535400000000001';
const ALEX = '2535400000000002';
/** Each client reads these. */
const ROSTER = ['nodes.*', 'routing', 'kelpie.settings'];

async function reasonOf(work: Promise<unknown>): Promise<string> {
  return (await rejectionOf(KelpieError, work)).reason;
}

describe('The rights of a node', () => {
  let coordinator: Coordinator;
  const open: KelpieClient[] = [];

  before(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0, times: { drainMs: 0 } });
    await coordinator.createToken({ name: 'root' });
  });
  afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));
  after(() => coordinator.stop());

  const join = async (
    name: string,
    token: Partial<TokenOptions>,
    options: Partial<ConnectOptions> = {},
    prepare: (client: KelpieClient) => void = () => undefined,
  ): Promise<KelpieClient> => {
    const client = connect({
      ...{ name, role: 'DOWNSTREAM', endpoints: coordinator.endpoint },
      token: await coordinator.createToken({ name, ...token }),
      ...options,
    });
    open.push(client);
    prepare(client);
    await client.ready();
    return client;
  };
  const server = (name: string): Promise<KelpieClient> => join(name, { preset: 'server' });

  it('reach the players on it and its own, and others by UPDATE_PLAYERS alone', async () => {
    const gate = await join(
      'gate-1',
      { preset: 'proxy' },
      { role: 'PROXY', players: { onEvicted: () => undefined } },
    );
    const [here, there] = [await server('lobby-1'), await server('lobby-2')];
    const ranks = await join('ranks', { preset: 'service' }, { role: 'SERVICE' });
    const blind = { nodeNames: ['blind'], roles: [NodeRole.DOWNSTREAM], readTopics: ROSTER };
    const reader = await join('blind', { rights: blind });
    await gate.players.joined({ xuid: STEVE, name: 'Steve', server: 'lobby-1' });
    const steve = await ranks.api.players.get({ id: STEVE });
    const change = (by: KelpieClient, value: string, player = steve): Promise<void> =>
      by.players.update(player, { properties: { rank: value } });

    for (const [by, rank] of [
      [here, 'a'],
      [gate, 'b'],
      [ranks, 'c'],
    ] as const) {
      await change(by, rank);
      expect((await ranks.api.players.get({ id: STEVE })).properties).to.deep.equal({ rank });
    }
    expect(await reasonOf(change(there, 'd'))).to.equal('RIGHT_MISSING');
    expect(await reasonOf(change(reader, 'd'))).to.equal('RIGHT_MISSING');
    await gate.players.moved(STEVE, 'lobby-2');
    expect(await reasonOf(change(here, 'd'))).to.equal('RIGHT_MISSING');
    expect((await ranks.api.players.get({ id: STEVE })).properties).to.deep.equal({ rank: 'c' });
    await change(there, 'e');

    // A node that may read players may see that one is not online.
    const nobody = { ...steve, id: '7' };
    expect(await reasonOf(change(here, 'd', nobody))).to.equal('PLAYER_NOT_FOUND');
    expect(await reasonOf(change(reader, 'd', nobody))).to.equal('RIGHT_MISSING');
  });

  it('are named all at once where a node lacks several', async () => {
    const silent = { logger: { warn: () => undefined } };
    const token = { rights: { nodeNames: ['shop'] } };
    const error = await rejectionOf(KelpieError, join('shop', token, silent));
    expect([error.reason, error.metadata['right']]).to.deep.equal([
      'RIGHT_MISSING',
      'role DOWNSTREAM',
    ]);
    for (const right of ['role DOWNSTREAM', ...ROSTER.map((topic) => `read ${topic}`)])
      expect(error.message).to.include(`"${right}"`);
  });

  it('reach the nodes of a target that it names: the others answer RIGHT_MISSING, and none of them is any', async () => {
    const greeted: string[] = [];
    const names = ['lobby-1', 'lobby-2', 'arena-1'];
    const host = (name: string): Promise<KelpieClient> =>
      join(name, { preset: 'server' }, { labels: { game: name.slice(0, -2) } }, (client) =>
        client.handle('greet', () => {
          greeted.push(name);
          return name;
        }),
      );
    await Promise.all(names.map(host));
    const rights = { nodeNames: ['asker'], roles: [NodeRole.SERVICE], readTopics: ROSTER };
    const token = { rights: { ...rights, commands: ['*'], commandTargets: ['lobby-*'] } };
    const asker = await join('asker', token, { role: 'SERVICE' });
    const command = { custom: { name: 'greet', content: 'hello' } };
    // As frames of a session, and as calls.
    for (const issue of [
      (target: Target) => asker.issue({ target, command, timeoutMs }),
      (target: Target) => asker.api.commands.issue(target, command, { timeoutMs }),
    ]) {
      greeted.length = 0;
      const replies: Record<string, unknown> = {};
      for await (const { node, reply, error } of issue({ every: {} }))
        replies[node] = error?.reason ?? reply;
      expect(replies).to.deep.equal({
        ...{ 'lobby-1': 'lobby-1', 'lobby-2': 'lobby-2' },
        'arena-1': 'RIGHT_MISSING',
      });
      for (let turn = 0; turn < 6; turn++) {
        for await (const { error } of issue({ any: {} })) expect(error).to.equal(undefined);
      }
      expect(new Set(greeted)).to.deep.equal(new Set(['lobby-1', 'lobby-2']));
      const arena = issue({ any: { labels: { game: 'arena' } } });
      expect(await reasonOf(arena.next())).to.equal('NO_TARGET');
      const all = issue({ every: { labels: { game: 'arena' } } });
      expect((await all.next()).value).to.include({ node: 'arena-1' });
      expect(greeted).to.not.include('arena-1');
    }
  });

  it('end with their credential in the middle of calls: of a command, a drain and a transfer', async () => {
    const network = new FakeNetwork({ endpoints: coordinator.endpoint });
    const as = async (preset: PresetName, name: string) => ({
      token: await coordinator.createToken({ name, preset }),
    });
    const gate = await network.proxy('gate-2', { moves: sayNothing }, await as('proxy', 'gate-2'));
    for (const name of ['old', 'lobby-3', 'arena-3'])
      await network.server(name, {}, await as('server', name));
    let asked = 0;
    gate.client.handle('greet', (_, { signal }) => {
      asked += 1;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve('late')));
    });
    await gate.bring({ xuid: STEVE, name: 'Steve' }, 'old');
    await gate.bring({ xuid: ALEX, name: 'Alex' }, 'lobby-3');
    const { token } = await as('operator', 'leaver');
    const [api, root] = [
      apiAt(coordinator.endpoint, { token }),
      apiAt(coordinator.endpoint, await as('operator', 'root')),
    ];
    const begun: unknown[] = [];
    const read = async (updates: AsyncIterable<unknown>): Promise<void> => {
      for await (const one of updates) begun.push(one);
    };
    const custom = { custom: { name: 'greet', content: 'hello' } };
    const to = { server: 'arena-3' };
    const ends = [
      read(api.commands.issue({ node: 'gate-2' }, custom, { timeoutMs })),
      read(api.nodes.drain('old', { to })),
      read(api.players.transfer({ player: { id: ALEX } }, to, { timeoutMs })),
    ].map(reasonOf);
    await until(() => asked === 1 && gate.asked.length === 2 && begun.length > 0);
    await root.access.revoke(createHash('sha256').update(token).digest('hex').slice(0, 12));
    expect(await Promise.all(ends)).to.deep.equal(Array(3).fill('CREDENTIAL_REVOKED'));
    await root.nodes.cancelDrain('old');
    for (const one of [api, root]) one.close();
    await network.close();
  });
});
