/**
 * The coordinators on one engine, as this one sees them. It beats for itself, keeps the last list of those alive, and
 * notices when it is cut off. A coordinator counts as dead only if a list without it came: while nobody can be asked,
 * nobody is dead. A list that lacks this coordinator too was lost by the engine, or has run out because nobody could
 * beat. Then the others get the time to beat again.
 */
import { type Cancel, type Clock, every } from '../core/clock.js';
import { Listeners } from '../core/listeners.js';
import type { Unsubscribe } from '../journal/journal.js';
import type { CoordinatorFacts, Membership } from './membership.js';

export interface MembersParts {
  readonly id: string;
  readonly membership: Membership;
  /** The other facts that this coordinator gives to the others now. */
  readonly facts: () => Omit<CoordinatorFacts, 'id' | 'endpoint'>;
  readonly clock: Clock;
  /** Counts only the time in which this coordinator listened: a stall of its own does not cut it off. */
  readonly listening: Clock;
  readonly onFault: (error: unknown) => void;
  /** How long a beat counts. */
  readonly ttlMs: number;
}

/** A list of the coordinators that are alive, beside the list before it. */
export interface View {
  /** When the list was asked for, by the clock. */
  readonly askedMs: number;
  readonly came: readonly CoordinatorFacts[];
  readonly left: readonly CoordinatorFacts[];
}

export class Members {
  readonly id: string;
  readonly #parts: MembersParts;
  readonly #ttlMs: number;
  readonly #views: Listeners<[View]>;
  readonly #cuts: Listeners<[boolean, unknown]>;
  #endpoint = '';
  #beats = 0;
  #beatMs: number;
  /** The newest beat of each other coordinator, and when this one asked for the first list with it. */
  readonly #heard = new Map<
    string,
    { readonly beats: number | undefined; readonly atMs: number }
  >();
  #all: ReadonlyMap<string, CoordinatorFacts> = new Map();
  /** Until then nobody is missing. */
  #holdsUntilMs = -Infinity;
  #cutOff = false;
  /** Of the last beat that failed. */
  #error: unknown;
  #cancelCut: Cancel = () => undefined;
  #stop: Cancel = () => undefined;
  #round: Promise<unknown> | undefined;

  constructor(parts: MembersParts) {
    const { id, ttlMs, onFault } = parts;
    this.#parts = parts;
    this.#ttlMs = ttlMs;
    this.#beatMs = parts.clock.now();
    this.id = id;
    this.#views = new Listeners(onFault);
    this.#cuts = new Listeners(onFault);
  }

  /** Joins the list. Rejects if the engine does not take the first beat, or cannot be asked. */
  async join(): Promise<void> {
    try {
      await this.#beat();
      await this.#look();
    } catch (error) {
      this.#cancelCut();
      throw error;
    }
    this.#stop = every(this.#parts.clock, this.#ttlMs / 4, () => void this.refresh());
  }

  /** Gives the others the host and port where nodes reach this coordinator. Never rejects. */
  async listens(endpoint: string): Promise<void> {
    this.#endpoint = endpoint;
    await this.announce();
  }

  /** Says now what has changed about this coordinator: a round under way may have said it as it was. Never rejects. */
  async announce(): Promise<void> {
    await this.#round;
    await this.refresh();
  }

  get #facts(): CoordinatorFacts {
    return { id: this.id, endpoint: this.#endpoint, ...this.#parts.facts(), beats: this.#beats };
  }

  /** The coordinators that are alive, by their ids; this one is always among them. */
  get all(): ReadonlyMap<string, CoordinatorFacts> {
    return new Map(this.#all).set(this.id, this.#facts);
  }

  /** How long ago the newest beat of a coordinator came here; 0 if nobody can tell. */
  silentMs(id: string): number {
    const nowMs = this.#parts.clock.now();
    return nowMs - (id === this.id ? this.#beatMs : (this.#heard.get(id)?.atMs ?? nowMs));
  }

  /** False only for a coordinator that the engine has certainly found dead. */
  alive(id: string): boolean {
    return id === this.id || this.#all.has(id) || this.#holds;
  }

  get #holds(): boolean {
    return this.#parts.clock.now() < this.#holdsUntilMs;
  }

  /** Whether this coordinator could not beat for half the time that a beat counts. */
  get cutOff(): boolean {
    return this.#cutOff;
  }

  /** Calls the listener after each list that came, also if nobody came or left. */
  onView(listener: (view: View) => void): Unsubscribe {
    return this.#views.add(listener);
  }

  /**
   * Calls the listener with true and the error of the last beat when this coordinator is cut off, and with false when it
   * can beat again.
   */
  onCutOff(listener: (cutOff: boolean, error: unknown) => void): Unsubscribe {
    return this.#cuts.add(listener);
  }

  /** Asks for the list and beats, if no such round is under way. Never rejects. */
  refresh(): Promise<unknown> {
    // The question goes out first: the answer shows whether the engine still has the beat before this one.
    return (this.#round ??= Promise.allSettled([this.#look(), this.#beat()]).finally(() => {
      this.#round = undefined;
    }));
  }

  async #look(): Promise<void> {
    const { membership, clock } = this.#parts;
    const askedMs = clock.now();
    const found = new Map((await membership.alive()).map((one) => [one.id, one]));
    if (!found.has(this.id)) this.#holdsUntilMs = clock.now() + this.#ttlMs;
    const before = this.#all;
    const missing = [...before.values()].filter(({ id }) => !found.has(id));
    if (this.#holds) for (const one of missing) found.set(one.id, one);
    this.#all = found;
    this.#hear(askedMs);
    this.#views.tell({
      askedMs,
      came: [...found.values()].filter(({ id }) => !before.has(id)),
      left: missing.filter(({ id }) => !found.has(id)),
    });
  }

  #hear(askedMs: number): void {
    for (const id of this.#heard.keys()) if (!this.#all.has(id)) this.#heard.delete(id);
    for (const { id, beats } of this.#all.values()) {
      if (this.#heard.get(id)?.beats !== beats) this.#heard.set(id, { beats, atMs: askedMs });
    }
  }

  async #beat(): Promise<void> {
    const { membership, listening, clock } = this.#parts;
    const beganMs = listening.now();
    const beatMs = clock.now();
    this.#beats += 1;
    try {
      await membership.beat(this.#facts, this.#ttlMs);
    } catch (error) {
      this.#error = error;
      throw error;
    }
    this.#beatMs = beatMs;
    this.#cancelCut();
    const leftMs = Math.max(0, beganMs + this.#ttlMs / 2 - listening.now());
    this.#cancelCut = listening.after(leftMs, () => this.#setCutOff(true));
    this.#setCutOff(false);
  }

  #setCutOff(cutOff: boolean): void {
    if (this.#cutOff === cutOff) return;
    this.#cutOff = cutOff;
    this.#cuts.tell(cutOff, cutOff ? this.#error : undefined);
  }

  /** Takes this coordinator off the list. */
  async close(): Promise<void> {
    const { membership } = this.#parts;
    this.#stop();
    await this.#round;
    this.#cancelCut();
    // If the engine is away, the beat runs out.
    await membership.leave(this.id).catch(() => undefined);
    await membership.close();
  }
}
