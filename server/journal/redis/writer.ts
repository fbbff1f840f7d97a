/**
 * Stores transactions in the order in which they come. Those of one turn of the event loop go in one call of the
 * script; some calls are under way at once. If an answer is lost, the writer sends the call again: Redis knows the
 * number of the call and answers a repeat with the outcome that it stored. If a call must wait, the later ones wait.
 */
import { randomInt } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import type { Outcome, Transaction } from '../journal.js';
import { NotStored } from '../error.js';
import { CALLS } from './append-lua.js';
import { CALL_BYTES, CALL_ENTRIES, type Encoder, outcomesOf } from './call.js';
import { RedisFault } from './fault.js';
import { type Call, PendingAppend, type Unit } from './pending-append.js';
import { runOfCall, type Run } from './run.js';

/** Every `append` ends within this time, also without an answer of Redis. */
export const APPEND_MS = 2000;

/** A call whose outcomes are there. */
interface Decided {
  readonly call: Call;
  readonly outcomes: readonly Outcome[];
  /** The newest entry on which they rest. */
  readonly newest: number;
}

export interface WriterParts {
  readonly clock: Clock;
  readonly encoder: Encoder;
  /** Sends a call. `oldest` is the number of the oldest call that is not settled. */
  readonly send: (call: Call, oldest: number) => Promise<Answer>;
  /** Why nothing can be sent for a while; undefined if it can. */
  readonly away: () => Error | undefined;
  /** Whether a call can be sent now. */
  readonly isUp: () => boolean;
  /** Gives Redis the script again. */
  readonly load: () => Promise<void>;
  /** The sequence that listeners have. */
  readonly passed: () => number;
  readonly onRun: (run: Run) => void;
  /** Entries up to this sequence exist that listeners do not have. */
  readonly onBehind: (upTo: number) => void;
  readonly onEpochEnd: (reason: string) => void;
}

/** The answer of the script, as text. */
export type Answer = readonly string[];

export class Writer {
  readonly #parts: WriterParts;
  readonly #queue: Unit[] = [];
  /** Calls without an outcome, in order. */
  #calls: Call[] = [];
  /** Their outcomes are reported as soon as listeners have the entries. */
  #decided: Decided[] = [];
  #numbers = 0;
  #scheduled = false;
  #needsScript = false;
  readonly #idle: (() => void)[] = [];
  #ended: Error | undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    const fault = this.#ended ?? this.#parts.away();
    if (fault) return Promise.reject(fault);
    const { encoder, clock } = this.#parts;
    const all = transactions.map((transaction) => encoder.encode(transaction));
    const begin = (one: PendingAppend) => clock.after(APPEND_MS, () => this.#late(one));
    const append = new PendingAppend(all.length, begin);
    for (const encoded of all) this.#queue.push({ encoded, append });
    this.#schedule();
    return append.settled;
  }

  /** Redis may be there again: sends what waits. */
  retry(): void {
    if (this.#waits) void this.#resend();
    else this.#schedule();
  }

  /** Reports the outcomes that rest on entries which listeners now have. */
  advanced(): void {
    const passed = this.#parts.passed();
    for (let [next] = this.#decided; next && next.newest <= passed; [next] = this.#decided) {
      this.#decided.shift();
      settle(next);
    }
    this.#checkIdle();
  }

  /** Rejects everything, and all that comes. Outcomes that are there stay right. */
  end(error: Error): void {
    this.#ended = error;
    for (const decided of this.#decided.splice(0)) settle(decided);
    const calls = this.#calls.flatMap(({ units }) => units);
    for (const { append } of [...calls, ...this.#queue]) append.refuse(error);
    this.#calls = [];
    this.#checkIdle();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    if (this.#idle.length === 0 || this.#calls.length > 0 || this.#decided.length > 0) return;
    if (!this.#queue.every(({ append }) => append.over)) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  get #waits(): boolean {
    return this.#calls.some(({ state }) => state === 'waits');
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#calls.length < CALLS && !this.#waits) {
      const units = this.#take();
      if (units.length === 0) break;
      const number = ++this.#numbers;
      const call: Call = { number, tag: randomInt(2 ** 32), units, state: 'sent', maybe: false };
      for (const { append } of units) append.goesIn(call);
      this.#calls.push(call);
      this.#send(call);
    }
    this.#checkIdle();
  }

  /** The next units, as many as fit into a call. */
  #take(): Unit[] {
    const units: Unit[] = [];
    let [taken, entries, bytes] = [0, 0, 0];
    for (const unit of this.#queue) {
      if (!unit.append.over) {
        entries += unit.encoded.entries;
        bytes += unit.encoded.bytes;
        const isFull = entries > CALL_ENTRIES || bytes > CALL_BYTES || units.length >= CALL_ENTRIES;
        if (isFull && units.length > 0) break;
        units.push(unit);
      }
      taken += 1;
    }
    this.#queue.splice(0, taken);
    return units;
  }

  #send(call: Call): void {
    call.state = 'sent';
    this.#parts.send(call, this.#calls[0]?.number ?? call.number).then(
      (answer) => this.#answered(call, answer),
      (error: unknown) => this.#failed(call, error),
    );
  }

  #answered(call: Call, answer: Answer): void {
    if (!this.#calls.includes(call)) return;
    const [word, detail = ''] = answer;
    if (word === 'EPOCH') {
      // The script stored nothing, unless it did so before.
      call.state = 'waits';
      this.#parts.onEpochEnd(detail);
    } else if (word === 'ORDER') this.#wait(call);
    else if (word === 'STALE') {
      call.maybe = true;
      this.#give(call, new Error('Redis has forgotten the call'));
    } else this.#decide(call, answer);
    this.retry();
  }

  #decide(call: Call, [, first = '', newest = '', refusals = '', effects, previous]: Answer): void {
    const encoded = call.units.map((unit) => unit.encoded);
    const outcomes = outcomesOf(encoded, Number(first), refusals);
    this.#remove(call);
    call.state = 'answered';
    this.#decided.push({ call, outcomes, newest: Number(newest) });
    if (effects && previous !== undefined) {
      const stored = encoded.filter((_, index) => outcomes[index]?.kind === 'stored');
      const parts = { tag: call.tag, previousTag: Number(previous), effects };
      this.#parts.onRun(runOfCall(stored, Number(first), parts));
    } else if (this.#parts.passed() < Number(newest)) this.#parts.onBehind(Number(newest));
    this.advanced();
  }

  #failed(call: Call, error: unknown): void {
    if (!this.#calls.includes(call)) return;
    const fault = error instanceof RedisFault ? error : new RedisFault('ERR', String(error), error);
    if (fault.code === 'NOSCRIPT') this.#needsScript = true;
    if (!fault.refused) call.maybe = true;
    if (['NOSCRIPT', 'LOST', 'DISCONNECTED'].includes(fault.code)) {
      this.#wait(call);
    } else {
      this.#give(call, new NotStored(fault.message, fault));
      this.retry();
    }
  }

  #wait(call: Call): void {
    call.state = 'waits';
    void this.#resend();
  }

  /** Sends the calls that wait again, in order, when no answer is under way: an answer could change the order. */
  async #resend(): Promise<void> {
    const isReady = (): boolean =>
      this.#parts.isUp() && !this.#calls.some(({ state }) => state === 'sent');
    if (!isReady()) return;
    if (this.#needsScript) {
      this.#needsScript = false;
      await this.#parts.load().catch(() => (this.#needsScript = true));
      if (!isReady()) return;
    }
    for (const call of [...this.#calls]) this.#send(call);
    this.#schedule();
  }

  #remove(call: Call): void {
    this.#calls = this.#calls.filter((one) => one !== call);
  }

  #give(call: Call, error: Error): void {
    call.state = 'waits';
    this.#remove(call);
    for (const { append } of call.units) append.refuse(error);
    this.#checkIdle();
  }

  #late(append: PendingAppend): void {
    append.refuse(this.#parts.away() ?? new NotStored('Redis did not take it in time'));
    // A call for which nobody waits is not sent again, and holds up nothing.
    const isOver = ({ units }: Call): boolean => units.every((unit) => unit.append.over);
    this.#calls = this.#calls.filter((call) => call.state !== 'waits' || !isOver(call));
    this.#decided = this.#decided.filter(({ call }) => !isOver(call));
    this.#checkIdle();
  }
}

function settle({ call, outcomes }: Decided): void {
  for (const [index, { append }] of call.units.entries()) {
    const outcome = outcomes[index];
    if (outcome) append.add(outcome);
  }
}
