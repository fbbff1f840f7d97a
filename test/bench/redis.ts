/** A redis-server that syncs its file each second, as most networks run it; alone, or with coordinators on it. */
import { spawnSync } from 'node:child_process';
import { dataFolder } from '../support/process/data-folder.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { type RunningServer, startCoordinator } from './coordinator.js';
import { NotHere } from './not-here.js';

export async function startRedis(): Promise<RunningServer> {
  const redis = await open();
  return { endpoint: redis.url, pid: redis.pid, stop: () => redis.stop() };
}

/** So many coordinators on a Redis of their own. */
export async function startOnRedis(count: number): Promise<RunningServer> {
  const redis = await open();
  const all: RunningServer[] = [];
  for (let number = 0; number < count; number++) {
    all.push(await startCoordinator(['--journal', 'redis', '--redis', redis.url]));
  }
  return {
    endpoint: all.map(({ endpoint }) => endpoint).join(','),
    pid: redis.pid,
    otherPids: all.map(({ pid }) => pid),
    stop: async () => {
      await Promise.all(all.map((one) => one.stop()));
      await redis.stop();
    },
  };
}

function open(): Promise<RedisServer> {
  if (spawnSync('redis-server', ['--version']).error)
    throw new NotHere('no redis-server on the PATH');
  // The folder goes with the run, however it ends.
  const place = ['--dir', dataFolder()];
  return RedisServer.start({
    args: [...place, '--appendonly', 'yes', '--appendfsync', 'everysec'],
  });
}
