/**
 * A node of a simulation, by the rules of the contract: it publishes under numbers, reads from its cursor, answers
 * commands, and comes back to any coordinator when its stream ends. It records what it does and sees.
 */
import type { CommandRequest } from '../../gen/ts/kelpie/v1/command.js';
import { type Cursor, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { reasonNameOf } from '../../client/errors.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import {
  type CoordinatorFrame,
  GoodbyeReason,
  Heartbeat,
  type NodeFrame,
  type PublishAck,
} from '../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../server/core/duration.js';
import { KelpieError } from '../../server/core/errors.js';
import type { SessionPort } from '../../server/session/port.js';
import { received, sent } from '../history/recorder.js';
import type { Act, Published as Outcome } from '../history/steps.js';
import { replyTo } from '../history/validators/commands.js';
import { after, hello, SNAPSHOT, TestStream } from '../support/model/coordinator.js';
import { messageDraft } from '../support/wire/messages.js';
import { Additions, type Counter } from './counter.js';
import { times } from './place.js';
import type { Scheduler, Span } from './scheduler.js';

/** The network around a node. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  /** A coordinator, if one can be reached. */
  readonly choose: (node: object) => Pick<SessionPort, 'serve'> | undefined;
  readonly record: (client: string, act: Act) => void;
  /** A number for a stream. */
  readonly number: () => number;
  readonly counter: Counter;
}

type SentFrame = NonNullable<NodeFrame['frame']>;

interface Published {
  readonly number: number;
  readonly id: string;
  readonly topic: string;
}

/** A stream of it. */
interface Open {
  readonly stream: TestStream;
  readonly number: number;
  /** Its Welcome has come. */
  isReady: boolean;
}

const COMMAND = 'echo';
const RETRY_MS: Span = [20, 400];
const COMMAND_MS = 1500;
const STREAM_TOPICS = 3;
/** The outcome of an event by the reason of its rejection. */
const OUTCOMES: ReadonlyMap<number | undefined, Outcome> = new Map([
  [ErrorReason.ENGINE_UNAVAILABLE, 'refused'],
  [ErrorReason.OUTCOME_UNKNOWN, 'unknown'],
]);

export class SimulatedNode {
  readonly name: string;
  /** The coordinator's part of the contract is broken. */
  readonly wrong: string[] = [];
  readonly #around: Surroundings;
  #topics: readonly string[];
  readonly #additions: Additions;
  #instance: Buffer;
  #position: Cursor | undefined;
  #unsettled: Published[] = [];
  #next = 1;
  #ids = 0;
  #requests = 0;
  #open: Open | undefined;
  /** Commands that it issued, by the number of their request. */
  readonly #issued = new Map<number, string>();
  /** It has left, and may come again. */
  #away = true;

  constructor(name: string, topics: readonly string[], around: Surroundings) {
    this.name = name;
    this.#topics = topics;
    this.#around = around;
    this.#instance = around.scheduler.bytes(16);
    const number = (): number => ++this.#requests;
    this.#additions = new Additions(around.counter, number, (one) => this.#send(one));
    this.#beat();
  }

  /** Whether it is or wants to be in the network. */
  get present(): boolean {
    return !this.#away;
  }

  get isReady(): boolean {
    return this.#open?.isReady ?? false;
  }

  /** The number of its publishes that nobody has acknowledged. */
  get pending(): number {
    return this.#unsettled.length;
  }

  get position(): number {
    return this.#position?.sequence ?? 0;
  }

  get instance(): Uint8Array {
    return this.#instance;
  }

  #beat(): void {
    this.#around.scheduler.clock.after(times.heartbeatMs, () => {
      this.#send({ $case: 'heartbeat', value: Heartbeat.create() });
      this.#beat();
    });
  }

  #send(...frames: (SentFrame | { requestId: number; frame: SentFrame })[]): void {
    const open = this.#open;
    if (!open) return;
    for (const one of frames) {
      const frame = 'frame' in one ? one.frame : one;
      this.#record(sent(open.number, frame));
    }
    open.stream.send(...frames);
  }

  #record(act: Act): void {
    this.#around.record(this.name, act);
  }

  /** Joins the network, or comes back to it. */
  join(): void {
    this.#away = false;
    if (!this.#open) this.#connect();
  }

  #connect(): void {
    if (this.#away) return;
    const port = this.#around.choose(this);
    if (!port) return this.#later();
    const stream = new TestStream(port);
    const open = { stream, number: this.#around.number(), isReady: false };
    this.#forget();
    this.#open = open;
    const start = this.#position ? after(this.#position) : SNAPSHOT;
    const facts = { instanceId: this.#instance, topics: [...this.#topics], start };
    const more = { role: NodeRole.SERVICE, commands: [COMMAND] };
    this.#send({ $case: 'hello', value: hello(this.name, { ...facts, ...more }) });
    void this.#read(open);
  }

  #later(): void {
    this.#around.scheduler.later(RETRY_MS, () => {
      if (!this.#open) this.#connect();
    });
  }

  async #read(open: Open): Promise<void> {
    let reason: string | undefined;
    try {
      for (let frames = await open.stream.pull(); frames; frames = await open.stream.pull()) {
        if (this.#open !== open) return;
        for (const { requestId, frame } of frames) if (frame) this.#take(requestId, frame);
      }
    } catch (error) {
      reason = error instanceof KelpieError ? error.reason : 'the connection broke';
    }
    if (this.#open !== open) return;
    this.#close(reason);
    this.#later();
  }

  #close(reason?: string): void {
    if (this.#open)
      this.#record({
        ...{ kind: 'closed', stream: this.#open.number },
        ...(reason !== undefined && { reason }),
      });
    this.#open = undefined;
    this.#forget();
  }

  /** The commands on an older stream have no results any more. */
  #forget(): void {
    for (const command of this.#issued.values())
      this.#record({ kind: 'ended', command, reason: 'OUTCOME_UNKNOWN' });
    this.#issued.clear();
    this.#additions.end();
  }

  #take(requestId: number, frame: NonNullable<CoordinatorFrame['frame']>): void {
    this.#record(received(this.#open?.number ?? 0, frame));
    this.#additions.take(requestId, frame);
    switch (frame.$case) {
      case 'welcome':
        return this.#welcome(frame.value.publishSequence, frame.value.cursor);
      case 'eventBatch':
        this.#reach(frame.value.upTo);
        return this.#send({ $case: 'ack', value: { sequence: this.position } });
      case 'gap':
        this.#position = frame.value.resumesAt;
        return;
      case 'publishAck':
        return this.#acknowledged(frame.value);
      case 'heartbeatRequested':
        return this.#send({ $case: 'heartbeat', value: Heartbeat.create() });
      case 'heartbeatAck':
      case 'subscriptionUpdated':
        return this.#reach(frame.value.cursor);
      case 'drain':
        return this.#around.scheduler.later([0, 300], () => this.#move());
      case 'commandRequest':
        return this.#execute(frame.value);
      case 'commandResult':
        return this.#result(requestId, frame.value);
      case 'requestFailed':
        if (frame.value.error?.reason === ErrorReason.PUBLISH_SEQUENCE_HOLE)
          return this.#comeAgain();
        return this.#failed(requestId, frame.value.error?.reason ?? 0);
      default:
        return;
    }
  }

  #reach(cursor: Cursor | undefined): void {
    if (cursor && cursor.sequence >= this.position) this.#position = cursor;
  }

  /** The numbers of events that no coordinator has stored are free. */
  #welcome(stored: number, cursor: Cursor | undefined): void {
    if (this.#open) this.#open.isReady = true;
    this.#position ??= cursor;
    this.#settle(stored);
    if (stored > 0) {
      this.#next = stored + 1;
      this.#unsettled = this.#unsettled.map((one) => ({ ...one, number: this.#next++ }));
    }
    this.#publishFrom(0);
  }

  #acknowledged({ publishSequence, rejections }: PublishAck): void {
    const outcomes = new Map<number, Outcome>();
    for (const { publishSequence: number, error } of rejections) {
      const outcome = OUTCOMES.get(error?.reason);
      if (outcome) outcomes.set(number, outcome);
      else this.wrong.push(error?.message ?? '?');
    }
    this.#settle(publishSequence, outcomes);
  }

  #settle(upTo: number, outcomes = new Map<number, Outcome>()): void {
    while (this.#unsettled[0] && this.#unsettled[0].number <= upTo) {
      const { id, number } = this.#unsettled[0];
      this.#unsettled.shift();
      this.#record({ kind: 'published', id, outcome: outcomes.get(number) ?? 'stored' });
    }
  }

  #publishFrom(index: number): void {
    const some = this.#unsettled.slice(index);
    const [first] = some;
    if (!first || !this.isReady) return;
    const events = some.map(({ id, topic }) => {
      const draft = messageDraft(id, topic);
      return { ...draft, payload: draft.payload && { ...draft.payload, attributes: { id } } };
    });
    this.#send({ $case: 'publish', value: { firstPublishSequence: first.number, events } });
  }

  /** A publish came before the one in front of it. The next Welcome has the number to send from. */
  #comeAgain(): void {
    const old = this.#open;
    this.#close('PUBLISH_SEQUENCE_HOLE');
    void old?.stream.cut();
    this.#later();
  }

  publish(topic: string): void {
    if (this.#away) return;
    const id = `${this.name}:${++this.#ids}`;
    this.#record({ kind: 'publish', id, topic });
    this.#unsettled.push({ number: this.#next++, id, topic });
    this.#publishFrom(this.#unsettled.length - 1);
  }

  /** Reads a topic from now on, or reads it no more. A stream that breaks before the answer is followed by a Hello with all topics. */
  toggle(topic: string): void {
    if (this.#topics.includes('chat.*')) return;
    const isRead = this.#topics.includes(topic);
    const others = this.#topics.filter((one) => one !== topic);
    this.#topics = isRead ? others : [...others, topic];
    const change = isRead
      ? { addedTopics: [], removedTopics: [topic], startAt: StartAt.UNSPECIFIED }
      : { addedTopics: [topic], removedTopics: [], startAt: StartAt.LATEST };
    this.#send({ $case: 'updateSubscription', value: change });
  }

  /** Adds one to the shared number. */
  count(): void {
    if (this.isReady) this.#additions.add();
  }

  /** Asks nodes to do something. */
  issue(targets: readonly string[]): void {
    if (!this.isReady) return;
    const requestId = ++this.#requests;
    const command = `${this.name}-command-${requestId}`;
    this.#record({ kind: 'issue', command, targets, timeoutMs: COMMAND_MS });
    this.#issued.set(requestId, command);
    const names = [...targets];
    const value = {
      command: {
        form: { $case: 'custom' as const, value: { name: COMMAND, content: text(command) } },
      },
      target: { place: { $case: 'nodes' as const, value: { names } } },
      ...{ timeout: durationOf(COMMAND_MS), maxReplies: 0, attributes: {} },
    };
    this.#send({ requestId, frame: { $case: 'issueCommand', value } });
  }

  #execute({ commandId, command }: CommandRequest): void {
    if (command?.form?.$case !== 'custom') return;
    const { content } = command.form.value;
    const name = content?.form?.$case === 'text' ? content.form.value : '';
    this.#record({ kind: 'executes', command: name });
    const output = { form: { $case: 'custom', value: text(replyTo(name, this.name)) } } as const;
    const reply = { commandId, outcome: { $case: 'output', value: output } } as const;
    this.#around.scheduler.later([0, 200], () =>
      this.#send({ $case: 'commandReply', value: reply }),
    );
  }

  #result(requestId: number, { node, outcome, last }: ResultFrame): void {
    const command = this.#issued.get(requestId);
    if (command === undefined) return;
    const custom = outcome?.$case === 'output' ? outcome.value.form : undefined;
    const content = custom?.$case === 'custom' ? custom.value.form : undefined;
    const reply = content?.$case === 'text' ? { reply: content.value } : {};
    const reason = outcome?.$case === 'error' ? { reason: reasonNameOf(outcome.value.reason) } : {};
    this.#record({ kind: 'result', command, node, ...reply, ...reason });
    if (last) this.#ended(requestId, command);
  }

  #failed(requestId: number, reason: ErrorReason): void {
    const command = this.#issued.get(requestId);
    if (command !== undefined) this.#ended(requestId, command, reasonNameOf(reason));
  }

  #ended(requestId: number, command: string, reason?: string): void {
    this.#issued.delete(requestId);
    this.#record({ kind: 'ended', command, ...(reason !== undefined && { reason }) });
  }

  /** It goes to another coordinator, and leaves its stream only when it has a newer one. */
  #move(): void {
    const old = this.#open;
    if (!old || this.#away) return;
    this.#record({ kind: 'closed', stream: old.number });
    this.#connect();
    this.#around.scheduler.later([0, 300], () => void old.stream.cut());
  }

  /** Leaves in order. */
  leave(): void {
    if (!this.isReady) return;
    this.#send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    this.#away = true;
    const old = this.#open;
    this.#close();
    this.#around.scheduler.later([200, 600], () => void old?.stream.cut());
    this.#renew();
  }

  /** The process dies. The next one of its name is a new one. */
  crash(): void {
    this.#away = true;
    const old = this.#open;
    this.#close('the process died');
    void old?.stream.cut();
    this.#renew();
  }

  #renew(): void {
    for (const { id } of this.#unsettled)
      this.#record({ kind: 'published', id, outcome: 'unknown' });
    this.#unsettled = [];
    this.#next = 1;
    this.#position = undefined;
    this.#instance = this.#around.scheduler.bytes(16);
  }
}

type ResultFrame = Extract<
  NonNullable<CoordinatorFrame['frame']>,
  { $case: 'commandResult' }
>['value'];

function text(value: string) {
  return { form: { $case: 'text', value } } as const;
}

/** The topics of a simulation. */
export function topic(number: number): string {
  return `chat.${number % STREAM_TOPICS}`;
}
