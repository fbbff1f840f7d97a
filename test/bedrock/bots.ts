import { History } from './history.js';
import type { Client, Text } from './library.js';
import { dial, HOST, sendText } from './library.js';

const CONNECT_TIMEOUT_MS = 10_000;
const GREETING = /^Welcome to ([^,]+), /;

/** Something that the bot's own client received. */
type Sight =
  | { type: 'text'; text: Text }
  | { type: 'disconnect'; message: string }
  | { type: 'close' }
  | { type: 'error'; message: string };

/** A player. What it saw is the only proof that the demo takes. */
export class Bot {
  readonly seen = new History<Sight>();
  readonly name: string;
  /** Where its last greeting came from. */
  server = '';
  #client: Client | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Resolves with the name of the server that greeted it: the client's own 'join' proves little. */
  async join(port: number): Promise<string> {
    const since = this.seen.mark;
    const client = dial({ host: HOST, port, name: this.name, timeoutMs: CONNECT_TIMEOUT_MS });
    this.#client = client;
    const see = (sight: Sight) => {
      if (this.#client === client) this.seen.add(sight);
    };
    client.on('text', (text) => see({ type: 'text', text }));
    client.on('disconnect', ({ message = '' }) => see({ type: 'disconnect', message }));
    client.on('close', () => see({ type: 'close' }));
    client.on('error', ({ message }) => see({ type: 'error', message }));

    const first = await this.seen.waitFor(
      `${this.name} to be greeted`,
      (sight) => sight.type !== 'text' || GREETING.test(sight.text.message),
      { since },
    );
    if (first.type !== 'text') throw new Error(`${this.name} did not get in: ${describe(first)}`);
    this.server = GREETING.exec(first.text.message)?.[1] ?? '';
    return this.server;
  }

  /** Whether it has a connection, and did not leave. */
  get here(): boolean {
    return this.#client !== undefined;
  }

  say(message: string): void {
    if (!this.#client) throw new Error(`${this.name} is not connected`);
    sendText(this.#client, { type: 'chat', source_name: this.name, message });
  }

  /** Resolves with the first text that matches, also if it came before. */
  async waitForText(matches: (text: Text) => boolean, deadlineMs = 30_000): Promise<Text> {
    const what = `a text that ${this.name} should see`;
    const isIt = (sight: Sight) => sight.type === 'text' && matches(sight.text);
    const sight = await this.seen.waitFor(what, isIt, { deadlineMs });
    if (sight.type !== 'text') throw new Error(what);
    return sight.text;
  }

  /** Resolves with the message with which the bot was shown out. */
  async waitForDisconnect(since: number): Promise<string> {
    const sight = await this.seen.waitFor(
      `${this.name} to be told`,
      ({ type }) => type !== 'text',
      { since },
    );
    if (sight.type !== 'disconnect') throw new Error(`${this.name} only saw: ${describe(sight)}`);
    return sight.message;
  }

  /** Every text that it saw, in order. */
  texts(): string[] {
    return this.seen
      .since(0)
      .flatMap((sight) => (sight.type === 'text' ? [sight.text.message] : []));
  }

  /** How often the bot saw a text in which these words are. */
  count(words: string): number {
    return this.texts().filter((text) => text.includes(words)).length;
  }

  /** What broke its connection since then, if anything did. */
  brokenSince(mark: number): string | undefined {
    const broken = this.seen.since(mark).find(({ type }) => type !== 'text');
    return broken && `${this.name}: ${describe(broken)}`;
  }

  /** Leaves of its own will, which is nothing that the bot sees. */
  leave(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.close();
  }
}

function describe(sight: Sight): string {
  return 'message' in sight ? `${sight.type} "${sight.message}"` : sight.type;
}
