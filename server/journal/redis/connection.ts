/**
 * The connection of a coordinator to Redis: one for commands, one for messages of channels. Both are made anew when
 * they break. A command fails at once while there is no connection, and after 2 s without an answer; nothing is sent
 * twice. The journal, the list of coordinators and the bus share it.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { Listeners } from '../../core/listeners.js';
import type { Unsubscribe } from '../journal.js';
import { redisAddress } from './address.js';
import { messageOf, RedisFault } from './fault.js';
import { findPrimary } from './find.js';
import { type Client, DEADLINE_MS, Link } from './link.js';

export interface RedisOptions {
  /** See `redisAddress`. */
  readonly url: string;
  /** PEM of the authorities whose certificates are trusted. Default: the system's. */
  readonly ca?: string | undefined;
  /** The hash tag of the keys. A Redis Cluster needs a connection for each tag. */
  readonly tag?: string;
}

/** A Lua script; Redis keeps it by the sum of its text. */
export class Script {
  readonly text: string;
  readonly sum: string;

  constructor(text: string) {
    this.text = text;
    this.sum = createHash('sha1').update(text).digest('hex');
  }
}

export type Argument = string | Buffer;

const READY_MS = 5000;

/** Sums since the start, for metrics. */
export interface RedisSums {
  /** Connections for commands or messages that were made. */
  connects: number;
  commands: number;
  commandMs: number;
  /** Entries that the regular look at the stream found: their messages were lost, or late. */
  found: number;
}

export class RedisConnection {
  readonly sums: RedisSums = { connects: 0, commands: 0, commandMs: 0, found: 0 };
  readonly #clock: Clock;
  readonly #database: number;
  readonly #commands: Link;
  readonly #messages: Link;
  /** The listeners of each channel. */
  readonly #channels = new Map<string, Listeners<[Buffer]>>();
  /** The channels of the present connection for messages. */
  #subscribed = new Set<string>();
  readonly #ups: Listeners<[]>;
  readonly #onFault: (error: unknown) => void;

  /** Begins to connect. `onFault` gets the errors of listeners. Throws a RangeError if the URL is wrong. */
  constructor(options: RedisOptions, clock: Clock, onFault: (error: unknown) => void) {
    const { url, ca, tag = '' } = options;
    const address = redisAddress(url);
    const find = () => findPrimary(address, ca, tag);
    this.#database = address.database;
    this.#clock = clock;
    this.#onFault = onFault;
    this.#ups = new Listeners(onFault);
    const link = { address, ca, clock, find };
    // A Redis that still loads its data refuses PING.
    const counted = async (client: Client): Promise<void> => {
      await client.ping();
      this.sums.connects += 1;
    };
    this.#commands = new Link({ ...link, prepare: counted, onUp: () => this.#ups.tell() });
    this.#messages = new Link({ ...link, prepare: counted, onUp: () => void this.#resubscribe() });
  }

  /** Keys belong to one database of Redis, but channels to all of them: two clusters must not hear each other. */
  channelOf(name: string): string {
    return this.#database === 0 ? name : `${name}@${this.#database}`;
  }

  /** Whether commands are sent at once. */
  get isUp(): boolean {
    return this.#commands.client !== undefined;
  }

  /** For how long there has been no connection for commands; 0 if there is one. */
  get downMs(): number {
    return this.isUp ? 0 : this.#clock.now() - this.#commands.downSinceMs;
  }

  /** Why there is no connection for commands. */
  get fault(): RedisFault {
    return this.#commands.fault;
  }

  /** Why messages of channels do not come, or did not come before. */
  get messagesFault(): RedisFault {
    return this.#messages.fault;
  }

  /** Resolves when commands can be sent. Rejects with a RedisFault if that takes longer than 5 s: a start may wait. */
  async ready(): Promise<void> {
    if (this.isUp) return;
    // Else a program that only waits for Redis would end: neither the clock nor a failed connection keeps it.
    const kept = setInterval(() => undefined, READY_MS);
    try {
      await this.#up();
    } finally {
      clearInterval(kept);
    }
  }

  #up(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const forget = this.#ups.add(() => {
        if (!this.isUp) return;
        forget();
        cancel();
        resolve();
      });
      const cancel = this.#clock.after(READY_MS, () => {
        forget();
        reject(this.fault);
      });
    });
  }

  /** Calls the listener after one of the two connections was made anew: messages may have been lost before. */
  onUp(listener: () => void): Unsubscribe {
    return this.#ups.add(listener);
  }

  /**
   * Sends a command. Commands are carried out in the order of the calls, and may wait for answers together. Rejects
   * with a RedisFault. Bytes of the answer are Buffers.
   */
  async command(words: readonly Argument[]): Promise<unknown> {
    const { client, fault } = this.#commands;
    if (!client) throw fault;
    const cancel = this.#clock.after(DEADLINE_MS, () =>
      this.#commands.drop(client, 'Redis did not answer in time'),
    );
    const beganMs = this.#clock.now();
    try {
      return await client.sendCommand(words);
    } catch (error) {
      throw this.#faultOf(client, error);
    } finally {
      cancel();
      this.sums.commands += 1;
      this.sums.commandMs += this.#clock.now() - beganMs;
    }
  }

  /** Runs a script, which Redis must have, see `load`. */
  run(script: Script, keys: readonly string[], words: readonly Argument[]): Promise<unknown> {
    return this.command(['EVALSHA', script.sum, `${keys.length}`, ...keys, ...words]);
  }

  /** Hands a script to Redis, which loses it with a restart or by SCRIPT FLUSH: `run` then fails with NOSCRIPT. */
  async load(script: Script): Promise<void> {
    await this.command(['SCRIPT', 'LOAD', script.text]);
  }

  /** Runs a script that may run twice, and loads it if Redis does not have it. */
  async evaluate(
    script: Script,
    keys: readonly string[],
    words: readonly Argument[],
  ): Promise<unknown> {
    try {
      return await this.run(script, keys, words);
    } catch (error) {
      if (!(error instanceof RedisFault) || error.code !== 'NOSCRIPT') throw error;
      await this.load(script);
      return this.run(script, keys, words);
    }
  }

  #faultOf(client: Client, error: unknown): RedisFault {
    if (client !== this.#commands.client) {
      return new RedisFault('LOST', `the connection to Redis broke: ${messageOf(error)}`, error);
    }
    const fault = RedisFault.ofReply(error instanceof Error ? error : new Error(String(error)));
    // The primary has moved: search for it.
    if (fault.code === 'READONLY' || fault.code === 'MOVED') this.#commands.drop(client, fault);
    return fault;
  }

  /**
   * Calls the listener with each message of the channel from the time of the next call of `onUp` listeners on.
   * Messages may be lost: after each loss of the connection these listeners are called again.
   */
  subscribe(channel: string, listener: (message: Buffer) => void): Unsubscribe {
    const listeners = this.#channels.get(channel) ?? new Listeners<[Buffer]>(this.#onFault);
    this.#channels.set(channel, listeners);
    const remove = listeners.add(listener);
    const { client } = this.#messages;
    if (client) {
      void this.#subscribe(client, channel).then((done) => {
        if (done) this.#ups.tell();
      });
    }
    return () => {
      remove();
      if (listeners.size > 0 || this.#channels.get(channel) !== listeners) return;
      this.#channels.delete(channel);
      this.#subscribed.delete(channel);
      this.#messages.client?.unsubscribe(channel).catch(() => undefined);
    };
  }

  async #resubscribe(): Promise<void> {
    this.#subscribed = new Set();
    const { client } = this.#messages;
    if (!client) return;
    const done = await Promise.all(
      [...this.#channels.keys()].map((channel) => this.#subscribe(client, channel)),
    );
    if (done.every(Boolean)) this.#ups.tell();
  }

  /** False if the connection broke. */
  async #subscribe(client: Client, channel: string): Promise<boolean> {
    if (this.#subscribed.has(channel)) return true;
    this.#subscribed.add(channel);
    try {
      const tell = (message: Buffer): void => this.#channels.get(channel)?.tell(message);
      await client.subscribe(channel, tell, true);
      return true;
    } catch (error) {
      this.#messages.drop(client, error);
      return false;
    }
  }

  close(): void {
    this.#commands.close();
    this.#messages.close();
    this.#ups.clear();
  }
}
