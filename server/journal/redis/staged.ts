/** A journal in Redis that is filled beside that of its network, and takes its place in one step. */
import type { Clock } from '../../core/clock.js';
import type { Retention } from '../journal.js';
import type { StagedJournal } from '../storage.js';
import { type RedisConnection, Script } from './connection.js';
import { keysOf } from './guard-lua.js';
import { RedisJournal } from './redis-journal.js';

/** Stands in the names of the keys. */
const BESIDE = 'import:';

/** The first keys take the names of the others, all or none. */
const REPLACE = new Script(`#!lua
local count = #KEYS / 2
for at = 1, count do
  if redis.call('EXISTS', KEYS[at]) == 0 then return redis.error_reply('ERR Redis has lost the key ' .. KEYS[at]) end
end
for at = 1, count do
  redis.call('UNLINK', KEYS[count + at])
  redis.call('RENAME', KEYS[at], KEYS[count + at])
end
`);

export interface StageOptions {
  readonly connection: RedisConnection;
  readonly network: string;
  readonly clock: Clock;
  readonly retention: Retention;
}

export async function stageRedis(options: StageOptions): Promise<StagedJournal> {
  const { connection, network } = options;
  const { all: staged } = keysOf(network, BESIDE);
  const remove = (): Promise<unknown> => connection.command(['UNLINK', ...staged]);
  await connection.ready();
  await remove();
  const journal = await RedisJournal.open({ ...options, beside: BESIDE });
  let isOpen = true;
  return {
    journal,
    commit: async () => {
      await journal.close();
      await connection.evaluate(REPLACE, [...staged, ...keysOf(network).all], []);
      isOpen = false;
    },
    discard: async () => {
      if (!isOpen) return;
      isOpen = false;
      await journal.close();
      await remove();
    },
  };
}

/** Whether Redis has anything of the network. */
export async function hasNetwork({
  connection,
  network,
}: Pick<StageOptions, 'connection' | 'network'>): Promise<boolean> {
  await connection.ready();
  return Number(await connection.command(['EXISTS', ...keysOf(network).all])) > 0;
}
