/**
 * Messages between coordinators by channels of Redis. A message is lost if its receiver is not connected then. It is also
 * lost if it is under way for too long: a network that heals still delivers what a connection that was given up had sent,
 * and a coordinator that was frozen reads what came before. The nodes of an old command must not get it then.
 */
import type { Clock } from '../../core/clock.js';
import { Listeners } from '../../core/listeners.js';
import type { Unsubscribe } from '../../journal/journal.js';
import type { RedisConnection } from '../../journal/redis/connection.js';
import type { Bus, BusMessage } from '../bus.js';
import { RedisClock } from './redis-clock.js';

const ALL = 'kelpie:{cluster}:bus';
/** How long the channels may take at the start. */
const OPENS_MS = 2000;
const LOOK_MS = 5;
/** A message that was under way for longer is lost. */
const UNDER_WAY_MS = 5000;
/** The bytes of the time until which a message counts, by the clock of Redis. */
const TIME_BYTES = 8;

interface BusParts {
  readonly time: RedisClock;
  readonly underWayMs: number;
  readonly onFault: (error: unknown) => void;
}

export class RedisBus implements Bus {
  readonly #connection: RedisConnection;
  readonly #id: string;
  readonly #time: RedisClock;
  readonly #underWayMs: number;
  readonly #listeners: Listeners<[BusMessage]>;
  readonly #ends: readonly Unsubscribe[];

  private constructor(
    connection: RedisConnection,
    id: string,
    { time, underWayMs, onFault }: BusParts,
  ) {
    this.#connection = connection;
    this.#id = id;
    this.#time = time;
    this.#underWayMs = underWayMs;
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
    underWayMs = UNDER_WAY_MS,
  ): Promise<RedisBus> {
    const time = new RedisClock(connection, clock);
    const bus = new RedisBus(connection, id, { time, underWayMs, onFault });
    try {
      await time.ask();
      await subscribed(connection, channelOf(id), clock);
      return bus;
    } catch (error) {
      await bus.close();
      throw error;
    }
  }

  async send(to: string, bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', channelOf(to), this.#frameOf(bytes)]);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', ALL, this.#frameOf(bytes)]);
  }

  #take(frame: Buffer): void {
    const [length = 0] = frame;
    const from = frame.toString('latin1', 1, 1 + length);
    const content = 1 + length + TIME_BYTES;
    if (from === this.#id || frame.length < content) return;
    if (frame.readDoubleLE(1 + length) < this.#time.earliestMs) return;
    this.#listeners.tell({ from, bytes: frame.subarray(content) });
  }

  /** The length of the sender's id, the id, the time until which the message counts, then the message. */
  #frameOf(bytes: Uint8Array): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeDoubleLE(this.#time.latestMs + this.#underWayMs);
    const id = Buffer.from(this.#id, 'latin1');
    return Buffer.concat([Buffer.from([id.length]), id, time, bytes]);
  }

  onMessage(listener: (message: BusMessage) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#time.close();
    for (const end of this.#ends) end();
    this.#listeners.clear();
  }
}

function channelOf(id: string): string {
  return `${ALL}:${id}`;
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
