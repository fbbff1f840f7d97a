/**
 * Questions and answers between the coordinators of one network. Each question ends once: with its last answer, or
 * without one, when its time is over or the other coordinator is dead. Without an answer nobody knows whether the other
 * coordinator did what it was asked.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { BusMessage } from '../../gen/ts/kelpie/storage/v1/bus.js';
import type { Cancel, Clock } from '../core/clock.js';
import type { Unsubscribe } from '../journal/journal.js';
import type { Bus } from './bus.js';
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
  readonly stop: Cancel;
}

export interface ExchangeParts {
  readonly network: string;
  readonly bus: Bus;
  readonly members: Pick<Members, 'onView' | 'all'>;
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
  readonly #works = new Map<string, Map<number, Cancel>>();
  readonly #subscriptions: Unsubscribe[];

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { bus, members } = parts;
    this.#subscriptions = [
      bus.onMessage(({ from, bytes }) => this.#take(from, bytes)),
      members.onView(({ left }) => {
        for (const { id } of left) this.#lost(id);
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
    const id = ++Exchange.#lastId;
    const stop = this.#parts.clock.after(asking.timeoutMs, () => this.#end(id, asking.onLost));
    this.#questions.set(id, { to, asking, stop });
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

  #take(from: string, bytes: Uint8Array): void {
    const reader = new BinaryReader(bytes);
    if (reader.uint32() !== NETWORK || reader.string() !== this.#parts.network) return;
    const { question, about, body } = BusMessage.decode(bytes);
    if (body?.$case === 'withdrawn') return this.#works.get(from)?.get(about)?.();
    if (about > 0) return this.#answered(from, about, body);
    const handler = body && this.#handlers.get(body.$case);
    const asker = this.#asker(from, question);
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

  #asker(from: string, question: number): Asker {
    const works = (): Map<number, Cancel> | undefined => this.#works.get(from);
    return {
      from,
      answer: (body) => {
        if (question === 0) return;
        this.#send(from, { question: 0, about: question, body }).catch(this.#parts.onFault);
      },
      working: (cancel) => {
        const known = works();
        if (known) known.set(question, cancel);
        else this.#works.set(from, new Map([[question, cancel]]));
      },
      done: () => {
        works()?.delete(question);
        if (works()?.size === 0) this.#works.delete(from);
      },
    };
  }

  /** The coordinator is dead: it answers nothing more, and waits for nothing. */
  #lost(id: string): void {
    for (const [number, { to, asking }] of this.#questions) {
      if (to === id) this.#end(number, asking.onLost);
    }
    for (const cancel of [...(this.#works.get(id)?.values() ?? [])]) cancel();
    this.#works.delete(id);
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
