/**
 * Streams between nodes and coordinators. Messages take their time, and stay in order. When a stream breaks, messages on
 * the way are lost; a side that does not notice sends on into nothing. A node notices silence by itself in the end.
 */
import { openAccess } from '../../server/access/access.js';
import type { Message, SessionPort } from '../../server/session/port.js';
import { times } from './place.js';
import type { Running } from './running.js';
import type { Scheduler, Span } from './scheduler.js';

const WAY_MS: Span = [0, 6];
/** Until a side notices that the connection broke. */
const NOTICE_MS: Span = [0, 30];
const access = openAccess('main', { host: '10.0.0.7' });

/** The side that notices that a stream breaks. */
export type Noticed = 'both' | 'node' | 'coordinator';

/** A coordinator that a stream reaches. */
interface Goal {
  /** Whether the other coordinators count it as alive. */
  readonly isAlive: boolean;
  /** Of its process. */
  readonly running: Running | undefined;
  readonly port: () => Promise<SessionPort>;
}

export class Wire {
  readonly #scheduler: Scheduler;
  readonly #streams = new Set<Stream>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The port of a coordinator as a node reaches it. */
  reach(node: object, goal: Goal): Pick<SessionPort, 'serve'> {
    return {
      serve: (requests, { signal }) => {
        const end = (): void => void this.#streams.delete(stream);
        const stream = new Stream(this.#scheduler, { node, goal, end });
        this.#streams.add(stream);
        return stream.run(requests, signal);
      },
    };
  }

  /** The streams, oldest first. */
  get streams(): readonly Stream[] {
    return [...this.#streams];
  }

  /** The coordinator is gone. */
  lose(goal: Goal): void {
    for (const stream of this.#streams) if (stream.goal === goal) stream.cut('node');
  }
}

interface Ends {
  readonly node: object;
  readonly goal: Goal;
  readonly end: () => void;
}

export class Stream {
  readonly node: object;
  readonly goal: Goal;
  readonly #scheduler: Scheduler;
  readonly #ends: Ends;
  readonly #up: Lane<Message>;
  readonly #down: Lane<Uint8Array>;
  readonly #server = new AbortController();
  /** Does something in the process of the coordinator. */
  readonly #there: (work: () => void) => void;
  #isWhole = true;
  #isOver = false;

  constructor(scheduler: Scheduler, ends: Ends) {
    this.node = ends.node;
    this.goal = ends.goal;
    this.#scheduler = scheduler;
    this.#ends = ends;
    const { running } = ends.goal;
    this.#there = (work) => (running ? running.do(work) : work());
    this.#up = new Lane(scheduler, this.#there);
    this.#down = new Lane(scheduler);
  }

  /** Whether messages arrive, and the coordinator has not ended it. */
  get isWhole(): boolean {
    return this.#isWhole && !this.#isOver;
  }

  /** The side of the node. */
  async *run(requests: AsyncIterable<Message>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    void this.#send(requests);
    this.#there(() => void this.#serve());
    signal.addEventListener('abort', () => this.#leave(), { once: true });
    try {
      yield* this.#down.read();
    } finally {
      this.cut('coordinator');
    }
  }

  #leave(): void {
    this.cut('coordinator');
    this.#down.break();
  }

  async #send(requests: AsyncIterable<Message>): Promise<void> {
    for await (const request of requests) this.#up.send(request);
    this.#up.end();
  }

  async #serve(): Promise<void> {
    const peer = { host: access.address, signal: this.#server.signal, access };
    try {
      const { serve } = await this.goal.port();
      for await (const bytes of serve(this.#up.read(), peer)) this.#down.send(bytes);
      this.#over();
    } catch (error) {
      this.#over(error as Error);
    }
  }

  #over(error?: Error): void {
    this.#isOver = true;
    this.#down.end(error);
  }

  /** Messages that are sent from now on arrive late. */
  stall(ms: number): void {
    this.#up.stall(ms);
    this.#down.stall(ms);
  }

  /** The connection breaks. */
  cut(noticed: Noticed): void {
    if (!this.#isWhole) return;
    this.#isWhole = false;
    this.#ends.end();
    this.#up.lose();
    this.#down.lose();
    const nodeSpan: Span =
      noticed === 'coordinator' ? [times.maxSilenceMs / 2, times.maxSilenceMs] : NOTICE_MS;
    this.#scheduler.later(nodeSpan, () => this.#down.break(new Error('the connection broke')));
    if (noticed === 'node') return;
    this.#scheduler.later(NOTICE_MS, () =>
      this.#there(() => {
        this.#server.abort();
        this.#up.break();
      }),
    );
  }
}

type Arrival<Item> = { readonly item: Item } | { readonly error: Error | undefined };

/** One direction. */
class Lane<Item> {
  readonly #scheduler: Scheduler;
  readonly #there: (work: () => void) => void;
  #arrived: Arrival<Item>[] = [];
  #lastMs = 0;
  #lost = false;
  #wake: () => void = () => undefined;

  /** `there`: does something in the process of the reader. */
  constructor(scheduler: Scheduler, there = (work: () => void): void => work()) {
    this.#scheduler = scheduler;
    this.#there = there;
  }

  send(item: Item): void {
    this.#travel({ item });
  }

  end(error?: Error): void {
    this.#travel({ error });
  }

  stall(ms: number): void {
    this.#lastMs = Math.max(this.#lastMs, this.#scheduler.nowMs + ms);
  }

  #travel(one: Arrival<Item>): void {
    if (this.#lost) return;
    const { clock, nowMs } = this.#scheduler;
    this.#lastMs = Math.max(this.#lastMs, nowMs + this.#scheduler.within(WAY_MS));
    clock.after(this.#lastMs - nowMs, () => {
      if (this.#lost) return;
      this.#there(() => {
        this.#arrived.push(one);
        this.#wake();
      });
    });
  }

  lose(): void {
    this.#lost = true;
  }

  /** The reader notices the end, after all that has arrived. */
  break(error?: Error): void {
    this.#arrived.push({ error });
    this.#wake();
  }

  async *read(): AsyncGenerator<Item> {
    for (;;) {
      const one = this.#arrived.shift();
      if (!one) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if ('item' in one) yield one.item;
      else if (one.error) throw one.error;
      else return;
    }
  }
}
