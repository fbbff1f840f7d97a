/** The chat of all servers, with lines that arrive once, also if the storage of the network was away when they were said. */
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type KelpieClient, KelpieError, type ReceivedEvent } from '../../client/index.js';

const TOPIC = 'chat.global';
/** The newest lines of others, which may come again. */
const MOST_HEARD = 1000;
const PAUSE_MS = 200;
/** The storage of a cluster is away, or its history has just begun anew. */
const AWAY = new Set<string>(['ENGINE_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'EPOCH_ENDED']);

export interface Line {
  readonly player: string;
  readonly server: string;
  readonly message: string;
}

export class Chat {
  readonly #kelpie: KelpieClient;
  readonly #heard = new Set<string>();
  /** The line before: lines go out one at a time, so that their order stays. */
  #last: Promise<unknown> = Promise.resolve();

  /** `show` gets the lines of other servers. */
  constructor(kelpie: KelpieClient, show: (line: Line) => void) {
    this.#kelpie = kelpie;
    kelpie.subscribe(TOPIC, (event) => {
      const line = lineOf(event);
      if (line && this.#isNew(event.attributes['line'])) show(line);
    });
  }

  say({ player, server, message }: Line): void {
    const attributes = { player, server, line: randomUUID() };
    const options = { type: 'chat', attributes };
    this.#last = this.#last
      .then(() => this.#publish(() => this.#kelpie.publish(TOPIC, message, options)))
      .catch((error: unknown) => console.error('not published:', error));
  }

  /** Publishes again if nobody stored the line, or nobody knows: who has it ignores it the second time. */
  async #publish(publish: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await publish();
        return;
      } catch (error) {
        if (!(error instanceof KelpieError) || !AWAY.has(error.reason)) throw error;
        await setTimeout(PAUSE_MS);
      }
    }
  }

  /** Lines of other programs have no id. */
  #isNew(id: string | undefined): boolean {
    if (id === undefined) return true;
    if (this.#heard.has(id)) return false;
    this.#heard.add(id);
    for (const oldest of this.#heard) {
      if (this.#heard.size <= MOST_HEARD) break;
      this.#heard.delete(oldest);
    }
    return true;
  }
}

function lineOf({ content, attributes, source }: ReceivedEvent): Line | undefined {
  if (typeof content !== 'string') return undefined;
  return { player: attributes['player'] ?? '?', server: source, message: content };
}
