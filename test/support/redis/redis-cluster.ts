/** A Redis Cluster of two nodes. */
import { freePort, RedisServer } from './redis-server.js';

/** The second node has the slots from this one on. Resolves when both nodes take commands. The caller stops them. */
export async function startRedisCluster(from = 8192): Promise<readonly [RedisServer, RedisServer]> {
  const start = async (): Promise<RedisServer> => {
    const args = ['--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`];
    return RedisServer.start({ args });
  };
  const nodes = [await start(), await start()] as const;
  const [one, two] = nodes;
  await one.command('CLUSTER', 'ADDSLOTSRANGE', '0', `${from - 1}`);
  await two.command('CLUSTER', 'ADDSLOTSRANGE', `${from}`, '16383');
  const bus = await two.command('CONFIG', 'GET', 'cluster-port');
  await one.command('CLUSTER', 'MEET', '127.0.0.1', `${two.port}`, bus.split('\n')[1] ?? '');
  for (const node of nodes) {
    await node.until(async () =>
      (await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
  }
  return nodes;
}
