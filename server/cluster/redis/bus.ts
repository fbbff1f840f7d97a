/**
 * Messages between coordinators by channels of Redis. A message is lost if its receiver is not connected then. It is also
 * lost if it is under way for too long: a network that heals still delivers what a connection that was given up had sent,
 * and a coordinator that was frozen reads what came before. The nodes of an old command must not get it then.
 *
 * No coordinator reads the clock of another one. A message has the time of Redis at which it was sent at the earliest, and
 * its receiver knows what time Redis has now at the latest: the difference is its age at most. Both measure by their own
 * monotonic clock how far that of Redis is ahead, so a stall of sender or receiver counts as age. An age is too small only
 * if the clock of Redis was set back while the message was under way, or if a whole machine was asleep, until Redis was
 * asked again: for a second.
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
/** A message that may have been under way for longer is lost. */
const UNDER_WAY_MS = 5000;
/** The bytes of the time at which a message was sent at the earliest, by the clock of Redis. */
const TIME_BYTES = 8;

interface BusParts {
  readonly time: RedisClock;
  readonly underWayMs: number;
  readonly onFault: (error: unknown) => void;
}

export class RedisBus implements Bus {
  readonly #connection: RedisConnection;
  readonly #id: string;
  readonly #all: string;
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
    this.#all = connection.channelOf(ALL);
    this.#ends = [this.#all, this.#channelOf(id)].map((one) => connection.subscribe(one, take));
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
      await subscribed(connection, bus.#channelOf(id), clock);
      return bus;
    } catch (error) {
      await bus.close();
      throw error;
    }
  }

  async send(to: string, bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', this.#channelOf(to), this.#frameOf(bytes)]);
  }

  async broadcast(bytes: Uint8Array): Promise<void> {
    await this.#connection.command(['PUBLISH', this.#all, this.#frameOf(bytes)]);
  }

  #channelOf(id: string): string {
    return `${this.#all}:${id}`;
  }

  #take(frame: Buffer): void {
    const [length = 0] = frame;
    const from = frame.toString('latin1', 1, 1 + length);
    const content = 1 + length + TIME_BYTES;
    if (from === this.#id || frame.length < content) return;
    const ageMs = this.#time.latestMs - frame.readDoubleLE(1 + length);
    if (ageMs > this.#underWayMs) return;
    this.#listeners.tell({ from, bytes: frame.subarray(content), ageMs });
  }

  /** The length of the sender's id, the id, the time at which the message is sent at the earliest, then the message. */
  #frameOf(bytes: Uint8Array): Buffer {
    const time = Buffer.alloc(TIME_BYTES);
    time.writeDoubleLE(this.#time.earliestMs);
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
    if (clock.now() > endMs) {
      const why = connection.messagesFault.message;
      throw new Error(`Redis brings no messages of channels: ${why}`);
    }
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}
