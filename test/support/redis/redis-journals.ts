/** Journals in one real Redis, each with a connection of its own, as several coordinators have them. */
import type { Clock } from '../../../server/core/clock.js';
import { realClock } from '../../../server/core/real-clock.js';
import { RedisConnection } from '../../../server/journal/redis/connection.js';
import { RedisJournal } from '../../../server/journal/redis/redis-journal.js';
import type { Entry, Retention } from '../../../server/journal/journal.js';

const everything: Retention = { entries: 1_000_000, bytes: 2 ** 30, ageMs: 2 ** 40 };

/** Shorter than for users: tests wait for it. */
const CHECK_MS = 100;

export interface Coordinator {
  readonly connection: RedisConnection;
  readonly journal: RedisJournal;
  /** All entries that its listener got. */
  readonly received: Entry[];
  /** Why its epoch ended, each time. */
  readonly ends: string[];
}

export class RedisJournals {
  readonly #open: Coordinator[] = [];
  readonly #url: string;
  readonly #ca: string | undefined;
  network: string;

  constructor(url: string, network = 'main', ca?: string) {
    this.#url = url;
    this.#ca = ca;
    this.network = network;
  }

  /** A journal as another coordinator opens it. */
  async open(
    retention: Partial<Retention> = {},
    clock: Clock = realClock,
    url = this.#url,
  ): Promise<Coordinator> {
    const onListenerFault = (error: unknown): never => {
      throw error;
    };
    const connection = new RedisConnection(
      { url, tag: this.network, ca: this.#ca },
      realClock,
      onListenerFault,
    );
    const ends: string[] = [];
    const journal = await RedisJournal.open({
      connection,
      network: this.network,
      clock,
      retention: { ...everything, ...retention },
      checkMs: CHECK_MS,
      onEpochEnd: (reason) => ends.push(reason),
      onListenerFault,
    }).catch((error: unknown) => {
      connection.close();
      throw error;
    });
    const received: Entry[] = [];
    journal.onAppend((entries) => received.push(...entries));
    const coordinator = { connection, journal, received, ends };
    this.#open.push(coordinator);
    return coordinator;
  }

  /** Closes all that were opened. */
  async close(): Promise<void> {
    for (const { journal, connection } of this.#open.splice(0)) {
      await journal.close();
      connection.close();
    }
  }
}
