/** Where the credentials of kelpied are, as its settings say, for `kelpied token`. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pemOf } from '../core/certificates.js';
import type { Clock } from '../core/clock.js';
import type { CredentialStore } from '../journal/credential-store.js';
import { CREDENTIALS_FILE, FileCredentialStore } from '../journal/file/file-credential-store.js';
import { asOwner } from './as-owner.js';
import { type Settings, shownSettings, toOptions } from './config/settings.js';

export interface CredentialPlace {
  /** For people. */
  readonly name: string;
  /** Opens the store for the work. The work closes it. */
  use<Result>(work: (store: CredentialStore) => Promise<Result>): Promise<Result>;
}

/** `creates`: the first credential may be made. Throws an Error that says what to do. */
export function credentialPlace(
  settings: Settings,
  clock: Clock,
  creates: boolean,
): CredentialPlace {
  switch (settings.journal) {
    case 'memory':
      throw new Error(
        'with the journal in memory the credentials are in memory too, and end with kelpied; use --journal file',
      );
    case 'redis':
      return inRedis(settings, clock);
    case 'file':
      // The absolute path: the operator may not know in which folder the coordinator runs.
      return inFolder(resolve(settings.data), clock, creates);
  }
}

function inFolder(folder: string, clock: Clock, mayBeginAnew: boolean): CredentialPlace {
  if (!mayBeginAnew && !existsSync(join(folder, CREDENTIALS_FILE))) {
    throw new Error(
      `${folder} has no credentials; name the data directory of kelpied as --data, or make the first credential ` +
        'with kelpied token create',
    );
  }
  return {
    name: folder,
    // If all credentials are lost, the next one begins anew.
    use: (work) =>
      asOwner(folder, async () => work(new FileCredentialStore(folder, clock, { mayBeginAnew }))),
  };
}

function inRedis(settings: Settings, clock: Clock): CredentialPlace {
  const { url = '', ca } = toOptions(settings).redis ?? {};
  return {
    name: shownSettings(settings).redis,
    use: async (work) => {
      const { RedisConnection } = await import('../journal/redis/connection.js');
      const { RedisCredentialStore } = await import('../journal/redis/redis-credential-store.js');
      const pem = ca === undefined ? undefined : await pemOf(ca, 'the CA of Redis');
      const options = { url, ca: pem, tag: 'cluster' };
      const connection = new RedisConnection(options, clock, () => undefined);
      try {
        await connection.ready();
        return await work(new RedisCredentialStore(connection, clock));
      } finally {
        connection.close();
      }
    },
  };
}
