/**
 * Logs refused sessions and peers. A peer can cause any number of refusals. So in ten seconds only the first refusals get a line
 * each; one more line reports the count of the others.
 */
import { addressBlock } from '../../core/address.js';
import type { Cancel, Clock } from '../../core/clock.js';
import { cutText } from '../../core/text.js';
import type { Logger } from './log.js';

export interface Refusal {
  /** The name of the node, if the peer sent one. */
  readonly name?: string | undefined;
  /** The id of the credential, if the peer has shown that it has it. */
  readonly credential?: string | undefined;
  readonly host: string;
  readonly reason: string;
}

/** The messages for one refusal, and for those without a line. */
interface Messages {
  readonly one: string;
  readonly more: string;
}

const SESSIONS: Messages = {
  one: 'session refused',
  more: 'further sessions refused, without a line each',
};

/** Of peers without a good credential. */
export const PEERS: Messages = {
  one: 'peer refused',
  more: 'further peers refused, without a line each',
};

const WINDOW_MS = 10_000;
/** The limit of lines for one reason from one host, in a window. */
const LINES = 5;
/** The limit of pairs of reason and host in a window. One line reports the count of all further pairs. */
const MOST_KINDS = 20;
/** The log cuts longer names, which the coordinator refuses anyway. */
const NAME_LENGTH = 64;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #counts = new Map<string, { readonly facts: object; count: number }>();
  #others = 0;
  #cancel: Cancel | undefined;

  readonly #messages: Messages;

  constructor(logger: Logger, clock: Clock, messages: Messages = SESSIONS) {
    this.#logger = logger;
    this.#clock = clock;
    this.#messages = messages;
  }

  refused({ name, host, reason, credential }: Refusal): void {
    this.#cancel ??= this.#clock.after(WINDOW_MS, () => this.close());
    // An IPv6 host has any number of addresses.
    const key = `${reason} ${addressBlock(host)}`;
    const kind = this.#counts.get(key) ?? { facts: { host, reason }, count: 0 };
    if (kind.count === 0 && this.#counts.size === MOST_KINDS) {
      this.#others += 1;
      return;
    }
    kind.count += 1;
    this.#counts.set(key, kind);
    if (kind.count > LINES) return;
    this.#logger.warn(
      { node: name && cutText(name, NAME_LENGTH), host, reason, credential },
      this.#messages.one,
    );
  }

  /** Ends the window: logs the counts of the refusals that got no line. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const message = this.#messages.more;
    for (const { facts, count } of this.#counts.values()) {
      if (count > LINES) this.#logger.warn({ ...facts, count: count - LINES }, message);
    }
    if (this.#others > 0) this.#logger.warn({ host: 'others', count: this.#others }, message);
    this.#counts.clear();
    this.#others = 0;
  }
}
