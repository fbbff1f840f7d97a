/** Two programs kelpied on one Redis, over each way to it: a node on each, events, commands, and credentials. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type KelpieClient } from '../../client/index.js';
import { REDIS_RIGHTS } from '../../server/journal/redis/rights.js';
import { TestCa } from '../support/certificates.js';
import { runKelpie } from '../support/process/cli.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { startRedisCluster } from '../support/redis/redis-cluster.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/until.js';

interface Node {
  readonly client: KelpieClient;
  readonly heard: string[];
  readonly left: string[];
  readonly gaps: string[];
}

describe('two kelpieds reach one Redis', () => {
  let servers: RedisServer[];
  let kelpieds: Kelpied[];
  let nodes: Node[];
  let folder: string;

  beforeEach(() => {
    folder = dataFolder();
    [servers, kelpieds, nodes] = [[], [], []];
  });
  afterEach(async () => {
    await Promise.all(nodes.map(({ client }) => client.close()));
    await Promise.all(kelpieds.map((one) => one.kill()));
    for (const server of servers) await server.stop();
  });
  after(removeDataFolders);

  const started = async (server: Promise<RedisServer>): Promise<RedisServer> => {
    servers.unshift(await server);
    return server;
  };

  function node(name: string, { endpoint }: Kelpied, token: string): Node {
    const client = connect({ name, role: 'SERVICE', endpoints: endpoint, token });
    const node: Node = { client, heard: [], left: [], gaps: [] };
    client.subscribe('chat', ({ content }) => void node.heard.push(content as string));
    client.subscribe('nodes.*', ({ body }) => {
      if (body?.kind === 'nodeLeft') node.left.push(body.node.name);
    });
    client.handle('greet', () => `hello from ${name}`);
    void (async () => {
      for await (const status of client.status())
        if (status.type === 'gap') node.gaps.push(status.gap.reason);
    })();
    nodes.push(node);
    return node;
  }

  /** Starts both with this environment and a node on each; all that crosses them works. */
  async function works(redis: string, more: NodeJS.ProcessEnv = {}): Promise<void> {
    const env = { KELPIE_JOURNAL: 'redis', KELPIE_REDIS: redis, ...more };
    const made = await runKelpied(['token', 'create', '--json'], env, folder);
    expect(made.code, made.errors).to.equal(0);
    const { token } = JSON.parse(made.output) as { token: string };
    kelpieds.push(...(await Promise.all([1, 2].map(() => startKelpied([], folder, env)))));
    const [first, second] = kelpieds;
    if (!first || !second) throw new Error('they did not start');
    const [lobby, arena] = [node('lobby', first, token), node('arena', second, token)];
    await Promise.all([lobby.client.ready(), arena.client.ready()]);
    await lobby.client.publish('chat', 'from the lobby');
    await arena.client.publish('chat', 'from the arena');
    await until(() => nodes.every(({ heard }) => heard.length === 2));
    expect(lobby.heard).to.deep.equal(['from the lobby', 'from the arena']);
    expect(arena.heard).to.deep.equal(lobby.heard);
    const reply = await lobby.client.call({ node: 'arena' }, 'greet', '', { timeoutMs: 5000 });
    expect(reply).to.equal('hello from arena');
    // A coordinator looks at the list every 2.5 s.
    const all = kelpieds.map(({ endpoint }) => endpoint).sort();
    while ((await listedAt(second, token)).join() !== all.join()) continue;
  }

  /** The endpoints that `kelpie coordinators` shows. */
  async function listedAt({ endpoint }: Kelpied, token: string): Promise<string[]> {
    const shown = await runKelpie(['coordinators', '--json'], endpoint, { KELPIE_TOKEN: token });
    const rows = shown.output.split('\n').map((line) => JSON.parse(line) as { endpoint?: string });
    return rows.map((one) => one.endpoint ?? '').sort();
  }

  it('over TLS, as a user with few rights', async () => {
    const ca = await TestCa.make();
    const { certificate, key } = await ca.server();
    const files = { cert: certificate, key, ca: ca.certificate };
    const tls = Object.fromEntries(
      Object.keys(files).map((name) => [name, join(folder, `redis-${name}.pem`)]),
    ) as typeof files;
    for (const [name, text] of Object.entries(files))
      await writeFile(tls[name as keyof typeof files], text);
    const server = await started(RedisServer.start({ tls }));
    await server.command('ACL', 'SETUSER', 'kelpie', 'on', '>secret', ...REDIS_RIGHTS);
    await works(`rediss://kelpie:secret@127.0.0.1:${server.port}`, { KELPIE_REDIS_CA: tls.ca });
    expect(await server.command('ACL', 'LOG')).to.equal('');
  });

  it('in a cluster of Redis, whose nodes have the network and the list of coordinators apart', async () => {
    // Between the slots of {main} and of {cluster}.
    const [one, two] = await startRedisCluster(13_000);
    servers.push(one, two);
    await works(`redis+cluster://127.0.0.1:${two.port},127.0.0.1:${one.port}`);
    const keysAt = async (server: RedisServer): Promise<string> => server.command('KEYS', '*');
    const found = [await keysAt(one), await keysAt(two)];
    const at = (tag: string): number => found.findIndex((keys) => keys.includes(`{${tag}}`));
    expect(at('main')).not.to.equal(at('cluster'));
  });

  it('that sentinels name, and go on by themselves after a failover', async () => {
    const primary = await started(RedisServer.start());
    const replica = await started(primary.replica());
    const sentinel = await started(primary.sentinel());
    await sentinel.until(async () =>
      (await sentinel.command('SENTINEL', 'replicas', 'kelpie')).includes(`${replica.port}`),
    );
    await works(`redis+sentinel://127.0.0.1:${sentinel.port}/kelpie`);
    await primary.kill();
    await until(() => nodes.every(({ gaps }) => gaps.length > 0));
    const [lobby] = nodes;
    await until(() => lobby?.client.roster.nodes().length === 2);
    await lobby?.client.publish('chat', 'after');
    await until(() => nodes.every(({ heard }) => heard.includes('after')));
    expect(nodes.map(({ gaps }) => gaps)).to.deep.equal([['EPOCH_CHANGED'], ['EPOCH_CHANGED']]);
    expect(nodes.map(({ left }) => left)).to.deep.equal([[], []]);
    expect(await replica.info('replication')).to.include('role:master');
  });
});
