/**
 * Questions and answers between the coordinators of one network. Each question ends once: with its last answer, or
 * without one, when its time is over or the other coordinator is dead. Without an answer nobody knows whether the other
 * coordinator did what it was asked.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { BusMessage } from '../../gen/ts/kelpie/storage/v1/bus.js';
import type { Cancel, Clock } from '../core/clock.js';
import type { Unsubscribe } from '../journal/journal.js';
import type { Bus, BusMessage as Received } from './bus.js';
import type { Members } from './members.js';

export { BusMessage };

/** The content of a message. */
export type Body = NonNullable<BusMessage['body']>;
/** The kinds of content. */
export type Kind = Body['$case'];
export type BodyOf<K extends Kind> = Extract<Body, { $case: K }>['value'];

/** A question of another coordinator, while this one works on it. */
export interface Asker {
  readonly from: string;
  /** So long ago at most it asked. */
  readonly ageMs: number;
  answer(body: Body): void;
  /** The work on the question, which ends when nobody waits for answers any more. */
  working(cancel: Cancel): void;
  /** This coordinator has given its last answer. */
  done(): void;
}

/** Takes messages of one kind. */
export type Handler<K extends Kind> = (value: BodyOf<K>, asker: Asker) => void;

/** How a question ends, and what comes before that. */
export interface Asking {
  readonly timeoutMs: number;
  /** Called with each answer, before the end. True: it is the last one. */
  readonly onAnswer: (answer: Body) => boolean;
  /** Called if the question ends without its last answer. */
  readonly onLost: () => void;
}

interface Question {
  readonly to: string;
  readonly asking: Asking;
  readonly askedMs: number;
  readonly stop: Cancel;
}

/** A question of another coordinator on which this one works. */
interface Work {
  readonly cancel: Cancel;
  readonly beganMs: number;
}

/** Whether a coordinator is dead that lived at this time. */
type IsGone = (id: string, sinceMs: number) => boolean;

export interface ExchangeParts {
  readonly network: string;
  readonly bus: Bus;
  readonly members: Pick<Members, 'onView' | 'all' | 'alive'>;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

/** The tag of the field `network`, the first one of each message. */
const NETWORK = (1 << 3) | 2;

export class Exchange {
  /** Of all exchanges of this process: when a network begins anew, late answers to its former questions may come. */
  static #lastId = 0;
  readonly #parts: ExchangeParts;
  readonly #questions = new Map<number, Question>();
  readonly #handlers = new Map<Kind, (value: never, asker: Asker) => void>();
  /** The works on questions of others, by the sender and the number of the question. */
  readonly #works = new Map<string, Map<number, Work>>();
  readonly #subscriptions: Unsubscribe[];

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { bus, members } = parts;
    this.#subscriptions = [
      bus.onMessage((message) => this.#take(message)),
      members.onView(({ askedMs, left }) => {
        const gone = new Set(left.map(({ id }) => id));
        // A coordinator that came and died between two lists, or that was asked after its death, is on none of them.
        this.#lose((id, ms) => gone.has(id) || (ms < askedMs && !members.alive(id)));
      }),
    ];
  }

  /** Sets what this coordinator does with messages of a kind. Without a handler it answers Unimplemented. */
  handle<K extends Kind>(kind: K, handler: Handler<K>): void {
    this.#handlers.set(kind, handler);
  }

  /** Whether other coordinators are there. */
  get hasOthers(): boolean {
    return this.#parts.members.all.size > 1;
  }

  /** Asks a coordinator. Nothing is called before this returns. Returns how to withdraw the question. */
  ask(to: string, body: Body, asking: Asking): Cancel {
    const { clock } = this.#parts;
    const id = ++Exchange.#lastId;
    const stop = clock.after(asking.timeoutMs, () => this.#end(id, asking.onLost));
    this.#questions.set(id, { to, asking, askedMs: clock.now(), stop });
    this.#send(to, { question: id, about: 0, body }).catch((error: unknown) => {
      this.#parts.onFault(error);
      this.#end(id, asking.onLost);
    });
    return () => this.#end(id, () => this.#withdraw(to, id));
  }

  /** Asks a coordinator for one answer. Undefined: no answer came, or the coordinator does not know the question. */
  answerOf<K extends Kind>(
    to: string,
    body: Body,
    { kind, timeoutMs }: { readonly kind: K; readonly timeoutMs: number },
  ): Promise<BodyOf<K> | undefined> {
    return new Promise<BodyOf<K> | undefined>((resolve) => {
      this.ask(to, body, {
        timeoutMs,
        onAnswer: (answer) => {
          resolve(answer.$case === kind ? (answer.value as never) : undefined);
          return true;
        },
        onLost: () => resolve(undefined),
      });
    });
  }

  /** Sends all other coordinators a message that nobody answers. */
  async broadcast(body: Body): Promise<void> {
    await this.#parts.bus.broadcast(this.#encoded({ question: 0, about: 0, body }));
  }

  #withdraw(to: string, id: number): void {
    const body = { $case: 'withdrawn', value: {} } as const;
    // A coordinator that misses this gives up at the end of the question's time.
    this.#send(to, { question: 0, about: id, body }).catch(this.#parts.onFault);
  }

  #send(to: string, message: Omit<BusMessage, 'network'>): Promise<void> {
    return this.#parts.bus.send(to, this.#encoded(message));
  }

  #encoded(message: Omit<BusMessage, 'network'>): Uint8Array {
    return BusMessage.encode({ network: this.#parts.network, ...message }).finish();
  }

  /** Ends a question, if it has not ended. */
  #end(id: number, then: () => void): void {
    const question = this.#questions.get(id);
    if (!question) return;
    this.#questions.delete(id);
    question.stop();
    then();
  }

  #take({ from, bytes, ageMs }: Received): void {
    const reader = new BinaryReader(bytes);
    if (reader.uint32() !== NETWORK || reader.string() !== this.#parts.network) return;
    const { question, about, body } = BusMessage.decode(bytes);
    if (body?.$case === 'withdrawn') return this.#works.get(from)?.get(about)?.cancel();
    if (about > 0) return this.#answered(from, about, body);
    const handler = body && this.#handlers.get(body.$case);
    const asker = { ...this.#asker(from, question), ageMs };
    if (handler) handler(body.value as never, asker);
    else asker.answer({ $case: 'unimplemented', value: {} });
  }

  #answered(from: string, id: number, body: Body | undefined): void {
    const question = this.#questions.get(id);
    if (question?.to !== from) return;
    // A newer coordinator may give an answer that this one does not know.
    if (!body) return this.#end(id, question.asking.onLost);
    if (question.asking.onAnswer(body)) this.#end(id, () => undefined);
  }

  #asker(from: string, question: number): Omit<Asker, 'ageMs'> {
    const works = (): Map<number, Work> | undefined => this.#works.get(from);
    return {
      from,
      answer: (body) => {
        if (question === 0) return;
        this.#send(from, { question: 0, about: question, body }).catch(this.#parts.onFault);
      },
      working: (cancel) => {
        const work = { cancel, beganMs: this.#parts.clock.now() };
        const known = works();
        if (known) known.set(question, work);
        else this.#works.set(from, new Map([[question, work]]));
      },
      done: () => {
        works()?.delete(question);
        if (works()?.size === 0) this.#works.delete(from);
      },
    };
  }

  /** Dead coordinators answer nothing more, and wait for nothing. */
  #lose(isGone: IsGone): void {
    for (const [number, { to, asking, askedMs }] of this.#questions) {
      if (isGone(to, askedMs)) this.#end(number, asking.onLost);
    }
    for (const [from, works] of this.#works) {
      for (const [question, { cancel, beganMs }] of [...works]) {
        if (!isGone(from, beganMs)) continue;
        cancel();
        works.delete(question);
      }
      if (works.size === 0) this.#works.delete(from);
    }
  }

  /** How many questions wait for answers, and how many questions of others this coordinator works on. */
  get pending(): number {
    let pending = this.#questions.size;
    for (const works of this.#works.values()) pending += works.size;
    return pending;
  }

  /** Ends all questions. */
  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    for (const [id, { asking }] of this.#questions) this.#end(id, asking.onLost);
  }
}
