/**
 * One connection to the primary, which is made anew whenever it breaks. The library's own reconnecting is off: it
 * would send commands again, and it would keep those that wait for a connection.
 */
import { createClient } from '@redis/client';
import { type Cancel, type Clock } from '../../core/clock.js';
import type { Host, RedisAddress } from './address.js';
import { messageOf, RedisFault } from './fault.js';

export interface LinkOptions {
  readonly address: RedisAddress;
  /** PEM of the authorities whose certificates are trusted. Default: the system's. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  /** Finds the primary before each attempt. */
  readonly find: () => Promise<Host>;
  /** Called with each new connection, before others may use it. If it rejects, the attempt failed. */
  readonly prepare: (client: Client) => Promise<unknown>;
  readonly onUp: () => void;
}

export type Client = ReturnType<typeof newClient>;

/** A connection, a command and a search for the primary fail after this time. */
export const DEADLINE_MS = 2000;
const FIRST_PAUSE_MS = 50;
/** Nobody can log in or publish while Redis is away: when it is back, it is found so soon. */
const LONGEST_PAUSE_MS = 400;

export class Link {
  readonly #options: LinkOptions;
  /** Undefined while there is no connection. */
  #client: Client | undefined;
  #attempt: Client | undefined;
  #cancelPause: Cancel | undefined;
  #cancelPing: Cancel | undefined;
  #pauseMs = 0;
  #closed = false;
  /** Why there is no connection. */
  fault = new RedisFault('DISCONNECTED', 'Redis has not answered yet');
  /** Since when there is no connection, by the monotonic clock. */
  downSinceMs: number;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.downSinceMs = options.clock.now();
    void this.#connect();
  }

  get client(): Client | undefined {
    return this.#client;
  }

  /** Gives a connection up, and makes another one. Commands that wait for an answer fail with LOST. */
  drop(client: Client, cause: unknown): void {
    if (client === this.#attempt) this.#attempt = undefined;
    else if (client === this.#client) {
      this.#client = undefined;
      this.downSinceMs = this.#options.clock.now();
    } else return;
    this.fault = new RedisFault(
      'DISCONNECTED',
      `no connection to Redis: ${messageOf(cause)}`,
      cause,
    );
    client.destroy();
    this.#again();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPause?.();
    this.#cancelPing?.();
    this.fault = new RedisFault('DISCONNECTED', 'the connection to Redis is closed');
    this.#attempt?.destroy();
    this.#client?.destroy();
    this.#attempt = this.#client = undefined;
  }

  /** Tries again: at once after a connection that lasted, then after pauses that grow. */
  #again(): void {
    if (this.#closed) return;
    const spread = 0.5 + Math.random() / 2;
    this.#cancelPause = this.#options.clock.after(
      this.#pauseMs * spread,
      () => void this.#connect(),
    );
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
  }

  async #connect(): Promise<void> {
    const { address, clock, find, prepare, onUp } = this.#options;
    let client: Client | undefined;
    let cancel: Cancel | undefined;
    try {
      const host = await find();
      if (this.#closed) return;
      const made = (client = this.#attempt = newClient(this.#options, host));
      made.on('error', (error: unknown) => this.drop(made, error));
      const late = `it did not answer in time${address.tls ? '; rediss:// needs TLS there' : ''}`;
      cancel = clock.after(DEADLINE_MS, () => this.drop(made, late));
      await made.connect();
      await prepare(made);
    } catch (error) {
      if (client) this.drop(client, error);
      else this.#failed(error);
      return;
    } finally {
      cancel?.();
    }
    if (this.#attempt !== client) return;
    this.#attempt = undefined;
    this.#client = client;
    this.#ping(client);
    onUp();
  }

  /** A connection that only listens would never notice that its peer is gone. */
  #ping(client: Client): void {
    const { clock } = this.#options;
    this.#cancelPing?.();
    this.#cancelPing = clock.after(DEADLINE_MS, () => {
      if (client !== this.#client) return;
      const late = clock.after(DEADLINE_MS, () => this.drop(client, 'it did not answer in time'));
      client.ping().then(
        () => {
          late();
          // Not at the connect: a replica accepts connections, and refuses every write.
          this.#pauseMs = 0;
          this.#ping(client);
        },
        (error: unknown) => {
          late();
          this.drop(client, error);
        },
      );
    });
  }

  #failed(cause: unknown): void {
    this.fault = new RedisFault('DISCONNECTED', `Redis was not found: ${messageOf(cause)}`, cause);
    this.#again();
  }
}

/** Bytes come as Buffers: an entry is no text. */
export function newClient(
  { address, ca }: Pick<LinkOptions, 'address' | 'ca'>,
  { host, port }: Host,
) {
  const tls = { tls: true as const, ...(ca !== undefined && { ca }) };
  const { username, password, database } = address;
  const client = createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    database,
    RESP: 2,
    name: 'kelpie',
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: {
      host,
      port,
      reconnectStrategy: false,
      connectTimeout: DEADLINE_MS,
      ...(address.tls && tls),
    },
    commandOptions: { timeout: 0, typeMapping: { 36: Buffer } },
  });
  // The library keeps a connection that was under way when the client was destroyed: it would keep the process too.
  client.on('connect', () => {
    if (!client.isOpen) client.destroy();
  });
  return client;
}
