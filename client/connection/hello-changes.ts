/** The topics and commands of a stream: those of its Hello, and the changes since. */
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeChange } from '../../gen/ts/kelpie/v1/node.js';
import type { Hello } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Frame } from './outbox.js';

export class HelloChanges {
  /** False: not before Welcome. */
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

  /** Asks for a Snapshot of topics that the stream reads already. Nothing before Welcome. */
  requestSnapshot(topics: readonly string[]): void {
    const value = { addedTopics: [...topics], removedTopics: [], startAt: StartAt.SNAPSHOT };
    this.#send({ $case: 'updateSubscription', value });
  }

  /** Brings the topics of the stream up to date. What is added starts now. Nothing before Welcome. */
  setTopics(topics: readonly string[]): void {
    const addedTopics = missing(topics, this.#topics);
    const removedTopics = missing(this.#topics, topics);
    if (addedTopics.length + removedTopics.length === 0) return;
    const value = { addedTopics, removedTopics, startAt: StartAt.LATEST };
    if (this.#send({ $case: 'updateSubscription', value })) this.#topics = topics;
  }

  /** Brings what the node says that it does up to date. Nothing before Welcome. */
  setCommands(names: readonly string[]): void {
    const addedCommands = missing(names, this.#commands);
    const removedCommands = missing(this.#commands, names);
    if (addedCommands.length + removedCommands.length === 0) return;
    const change = NodeChange.create({ addedCommands, removedCommands });
    if (this.#send({ $case: 'updateOwnNode', value: { change } })) this.#commands = names;
  }
}

/** Those of the first that are not among the second. */
function missing(some: readonly string[], others: readonly string[]): string[] {
  const there = new Set(others);
  return some.filter((one) => !there.has(one));
}
