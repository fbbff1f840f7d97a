/** What users see: a node's membership of the network. */
import type { OwnNodeChange } from './connection/own-node.js';
import type { MessageContent } from './events/content.js';
import type { AnyCommand, FormName, ResultOf, Target } from './commands/commands.js';
import { fromThrown, KelpieError, typed } from './errors.js';
import type { CustomHandler, FormHandler, Handling } from './commands/handlers.js';
import { type CommandResult, type Issue, issue, type IssueOptions } from './commands/issued.js';
import { checkedOptions } from './checked-options.js';
import type { ConnectOptions } from './options.js';
import type { Players } from './players/players.js';
import { draftOf, type MessageOptions } from './events/received.js';
import type { Roster } from './roster/roster.js';
import { Session, type Surroundings } from './session.js';
import type { Status } from './status.js';
import type { Handler, Subscription } from './events/subscriptions.js';

/**
 * Connects a node. Returns at once; the first stream opens in this tick's end, with all topics that
 * were subscribed and all commands that are handled until then. Throws for options that can never do.
 */
export function connect(options: ConnectOptions): KelpieClient {
  return new KelpieClient(options);
}

export class KelpieClient {
  readonly #session: Session;

  /** `connect` does it; tests bring time and coordinators of their own. */
  constructor(options: ConnectOptions, surroundings?: Partial<Surroundings>) {
    this.#session = typed(() => new Session(checkedOptions(options), surroundings));
  }

  /** The players of this proxy. Throws ROLE_NOT_PROXY unless it is one, with the option `players`. */
  get players(): Players {
    if (this.#session.proxy) return this.#session.proxy.players;
    const message = 'players are of proxies: connect({ role: "PROXY", players: { onEvicted } })';
    throw new KelpieError('ROLE_NOT_PROXY', message, { permanent: true });
  }

  /** The nodes of the network, live, from memory. */
  get roster(): Roster {
    return this.#session.reading.roster;
  }

  /**
   * Resolves when the session is open and the roster is loaded. Rejects with the error that ended
   * the client, for instance NODE_NAME_IN_USE.
   */
  async ready(): Promise<void> {
    await this.#session.ready();
  }

  /**
   * Publishes a message. Resolves when the coordinator has stored it, also over reconnects; rejects
   * with its refusal (TOPIC_RESERVED, PAYLOAD_TOO_LARGE …), PUBLISH_QUEUE_FULL or CLOSED. All that this
   * client knows of is checked before it is sent, by the limits of the coordinator that it goes to. Where
   * an acknowledgement was lost with its stream, the coordinator says only that the event is settled:
   * one that refuses more than this client knows of may not have stored it.
   */
  publish(topic: string, content: MessageContent, options: MessageOptions = {}): Promise<void> {
    const { publishesEnded, publisher } = this.#session;
    if (publishesEnded) return Promise.reject(publishesEnded);
    try {
      return publisher.publish(typed(() => draftOf(topic, content, options)));
    } catch (error) {
      return Promise.reject(fromThrown(error));
    }
  }

  /**
   * Calls the handler with each event whose topic matches, in order, one at a time. A topic that is
   * subscribed later than the first stream starts with what happens from then on. What others
   * publish on `inbox.<this node>` reaches this node alone. Throws TOPIC_INVALID, TOPIC_RESERVED,
   * PATTERN_LIMIT, HELLO_TOO_LARGE or VALUE_INVALID.
   */
  subscribe(pattern: string, handler: Handler): Subscription {
    return typed(() => this.#session.subscribe(pattern, handler));
  }

  /**
   * Does a command whenever this node is asked to. The others see the name at once, also on later
   * streams. Throws COMMAND_INVALID for what is no name, or is handled already; HELLO_TOO_LARGE.
   */
  handle<Name extends FormName>(name: Name, handler: FormHandler<Name>): Handling;
  handle(name: string, handler: CustomHandler): Handling;
  handle(name: string, handler: FormHandler<FormName> | CustomHandler): Handling {
    return typed(() => this.#session.handlers.add(name, handler));
  }

  /**
   * Asks nodes to do something, and gives each one's result as it comes. It is asked once: reading ends
   * with what IssueCommand names, UNAVAILABLE if no coordinator is connected, or OUTCOME_UNKNOWN if the
   * stream breaks. Whoever stops reading withdraws it. Throws DEADLINE_INVALID, OUT_OF_RANGE, VALUE_INVALID …
   */
  issue<C extends AnyCommand>(options: Issue<C>): AsyncGenerator<CommandResult<ResultOf<C>>, void> {
    return typed(() => issue(this.#session.link, options));
  }

  /**
   * Asks for a command of the nodes' own. Resolves with the first answer; rejects with the first error
   * if there is none, for instance NO_TARGET, COMMAND_FAILED or OUTCOME_UNKNOWN.
   */
  async call(
    target: Target,
    name: string,
    content: MessageContent,
    options: IssueOptions = {},
  ): Promise<MessageContent | undefined> {
    const command = { custom: { name, content } };
    let failure: KelpieError | undefined;
    const all = typed(() => ({ ...options, target, command, maxReplies: 1 }));
    for await (const one of this.issue(all)) {
      if (!one.error) return one.reply;
      failure ??= one.error;
    }
    throw failure ?? new KelpieError('PROTOCOL', 'a command ended without a result');
  }

  /**
   * The optional features of the contract that the coordinator reports in its Welcome. Empty before the
   * first stream is open.
   */
  get features(): readonly string[] {
    return this.#session.features;
  }

  /**
   * Changes what others see of this node. What is left out stays. Resolves when it is stored, and
   * holds for later streams too; rejects with LABELS_INVALID, or UNAVAILABLE while no coordinator is
   * connected.
   */
  async update(change: OwnNodeChange): Promise<void> {
    await this.#session.update(change);
  }

  /** Requests and commands that wait for an answer, from here or from others. */
  get pending(): number {
    const { link, handlers, proxy } = this.#session;
    return (link?.pending ?? 0) + handlers.pending + (proxy?.pending ?? 0);
  }

  /**
   * What the client goes through, from its present state on. Ends when the client does. While nobody reads
   * it, what goes wrong is a warning.
   */
  status(): AsyncIterableIterator<Status, undefined> {
    return this.#session.status.read();
  }

  /**
   * Waits for publishes, up to 5 s, also while no coordinator is connected; says goodbye, and ends. The node
   * leaves at once. What is not acknowledged then rejects with CLOSED; what is published from now on too.
   */
  close(): Promise<void> {
    return this.#session.close();
  }
}
