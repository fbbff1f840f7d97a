/** Messages between coordinators by channels of Redis. A message is lost if its receiver is not connected then. */
import type { Clock } from '../../core/clock.js';
import { Listeners } from '../../core/listeners.js';
import type { Unsubscribe } from '../../journal/journal.js';
import type { RedisConnection } from '../../journal/redis/connection.js';
import type { Bus, BusMessage } from '../bus.js';

const ALL = 'kelpie:{cluster}:bus';
/** How long the channels may take at the start. */
const OPENS_MS = 2000;
const LOOK_MS = 5;

export class RedisBus implements Bus {
  readonly #connection: RedisConnection;
  readonly #id: string;
  readonly #listeners: Listeners<[BusMessage]>;
  readonly #ends: readonly Unsubscribe[];

  private constructor(connection: RedisConnection, id: string, onFault: (error: unknown) => void) {
    this.#connection = connection;
    this.#id = id;
    this.#listeners = new Listeners(onFault);
    const take = (frame: Buffer): void => this.#take(frame);
    this.#ends = [connection.subscribe(ALL, take), connection.subscribe(channelOf(id), take)];
  }

  /** Resolves when messages arrive. The connection is shared, and stays open at `close`. */
  static async open(
    connection: RedisConnection,
    id: string,
    clock: Clock,
    onFault: (error: unknown) => void,
  ): Promise<RedisBus> {
    const bus = new RedisBus(connection, id, onFault);
    try {
      await subscribed(connection, channelOf(id), clock);
      return bus;
    } catch (error) {
      await bus.close();
      throw error;
    }
  }

  async send(to: string, bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', channelOf(to), frameOf(this.#id, bytes)]);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', ALL, frameOf(this.#id, bytes)]);
  }

  #take(frame: Buffer): void {
    const [length = 0] = frame;
    const from = frame.toString('latin1', 1, 1 + length);
    if (from !== this.#id) this.#listeners.tell({ from, bytes: frame.subarray(1 + length) });
  }

  onMessage(listener: (message: BusMessage) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#listeners.clear();
  }
}

function channelOf(id: string): string {
  return `${ALL}:${id}`;
}

/** The length of the sender's id, the id, then the message. */
function frameOf(from: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([from.length]), Buffer.from(from, 'latin1'), bytes]);
}

/** Asks Redis until it counts the receiver of the channel. Channels are subscribed in order, so others are too. */
async function subscribed(
  connection: RedisConnection,
  channel: string,
  clock: Clock,
): Promise<void> {
  const endMs = clock.now() + OPENS_MS;
  for (;;) {
    const [, count] = (await connection.command(['PUBSUB', 'NUMSUB', channel])) as [Buffer, number];
    if (count > 0) return;
    if (clock.now() > endMs) throw new Error('Redis brings no messages of channels');
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}
