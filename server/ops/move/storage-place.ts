/** The storage that the settings of kelpied name, for `kelpied data export` and `kelpied data import`. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { pemOf } from '../../core/certificates.js';
import type { Clock } from '../../core/clock.js';
import { fileStorage } from '../../journal/file/file-storage.js';
import type { Storage } from '../../journal/storage.js';
import { asOwner } from '../as-owner.js';
import { defaultRetention } from '../config/options.js';
import { type Settings, toOptions } from '../config/settings.js';

/** Rejects with an Error that says what to do. `onWarning` gets what an operator should change about Redis. */
export async function openStorage(
  settings: Settings,
  clock: Clock,
  onWarning: (warning: string) => void,
): Promise<Storage> {
  const options = toOptions(settings);
  const retention = { ...defaultRetention, ...options.retention };
  switch (settings.journal) {
    case 'memory':
      throw new Error('the journal in memory ends with kelpied; use --journal file or redis');
    case 'file': {
      // The absolute path: the operator may not know in which folder the coordinator runs.
      const data = resolve(settings.data);
      return fileStorage({ data, clock, retention, own: (work) => asOwner(data, work) });
    }
    case 'redis': {
      const { RedisEngine } = await import('../../cluster/redis/engine.js');
      const { url = '', ca } = options.redis ?? {};
      const pem = ca === undefined ? undefined : await pemOf(ca, 'the CA of Redis');
      const engine = await RedisEngine.open({
        ...{ redis: { url, ca: pem }, id: randomUUID(), clock, retention },
        onFault: (error) => onWarning(String(error)),
        onWarning: ({ problem, advice }) => onWarning(`${problem}. ${advice}`),
      });
      return engine.storage();
    }
  }
}
