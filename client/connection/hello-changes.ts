/** The topics and commands that the coordinator has for a stream: those of its Hello, and the changes since. */
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Frame } from './outbox.js';

export class HelloChanges {
  /** Returns false before Welcome, and sends nothing then. */
  readonly #send: (frame: Frame) => boolean;
  #topics: readonly string[] = [];
  #commands: readonly string[] = [];

  constructor(send: (frame: Frame) => boolean) {
    this.#send = send;
  }

  begin({ topics, commands }: Hello): void {
    this.#topics = topics;
    this.#commands = commands;
  }

  /** Asks for a Snapshot of topics that the stream reads already. Sends nothing before Welcome. */
  requestSnapshot(topics: readonly string[]): void {
    const value = { addedTopics: [...topics], removedTopics: [], startAt: StartAt.SNAPSHOT };
    this.#send({ $case: 'updateSubscription', value });
  }

  /** Makes these the topics of the stream. Added topics start with new events. Sends nothing before Welcome. */
  setTopics(topics: readonly string[]): void {
    const addedTopics = missing(topics, this.#topics);
    const removedTopics = missing(this.#topics, topics);
    if (addedTopics.length + removedTopics.length === 0) return;
    const value = { addedTopics, removedTopics, startAt: StartAt.LATEST };
    if (this.#send({ $case: 'updateSubscription', value })) this.#topics = topics;
  }

  /** Makes these the commands of the node. Sends nothing before Welcome. */
  setCommands(names: readonly string[]): void {
    const addedCommands = missing(names, this.#commands);
    const removedCommands = missing(this.#commands, names);
    if (addedCommands.length + removedCommands.length === 0) return;
    const change = NodeChange.create({ addedCommands, removedCommands });
    if (this.#send({ $case: 'updateOwnNode', value: { change } })) this.#commands = names;
  }
}

/** The items of `some` that are not in `others`. */
function missing(some: readonly string[], others: readonly string[]): string[] {
  const there = new Set(others);
  return some.filter((one) => !there.has(one));
}
