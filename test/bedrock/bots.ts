import { History } from './history.js';
import type { Client, Text } from './library.js';
import { dial, HOST, sendText } from './library.js';
import { type Gates, PROXIES, type ProxyName } from './network.js';

const CONNECT_TIMEOUT_MS = 10_000;
const GREETING = /^Welcome to ([^,]+), /;

/** Something that the client of a bot received. */
type Sight =
  | { type: 'text'; text: Text }
  /** A line of a title, or a toast: `set_title Fair`, `toast Lunch: on the house`. */
  | { type: 'shown'; what: string }
  /** Its client was sent to this proxy. */
  | { type: 'transfer'; proxy: ProxyName }
  | { type: 'disconnect'; message: string }
  | { type: 'close' }
  | { type: 'error'; message: string };

/** A player. The demo accepts only the things that its client saw as proof. */
export class Bot {
  readonly seen = new History<Sight>();
  readonly name: string;
  readonly #gates: Gates;
  #proxy: ProxyName;
  #server = '';
  #client: Client | undefined;

  constructor(name: string, proxy: ProxyName, gates: Gates) {
    this.name = name;
    this.#proxy = proxy;
    this.#gates = gates;
  }

  /** The proxy to which it connects. */
  get proxy(): ProxyName {
    return this.#proxy;
  }

  /** The server that greeted it last. */
  get server(): string {
    return this.#server;
  }

  /** Resolves when a server has greeted it: the client's own 'join' proves little. */
  async join(): Promise<void> {
    const first = await this.#knock();
    if (first.type !== 'text') throw new Error(`${this.name} did not get in: ${describe(first)}`);
  }

  /** Resolves with the message with which a proxy refuses it. Throws if it gets in. */
  async refusal(): Promise<string> {
    const first = await this.#knock();
    if (first.type === 'disconnect') return first.message;
    throw new Error(`${this.name} was not refused: ${describe(first)}`);
  }

  /** The greeting, or the first thing that came instead. */
  #knock(): Promise<Sight> {
    const since = this.seen.mark;
    this.#dial();
    return this.seen.waitFor(
      `${this.name} to be greeted`,
      (sight) => (sight.type === 'text' ? GREETING.test(sight.text.message) : isEnd(sight)),
      { since },
    );
  }

  #dial(): void {
    const port = this.#gates[this.#proxy];
    const client = dial({ host: HOST, port, name: this.name, timeoutMs: CONNECT_TIMEOUT_MS });
    this.#client = client;
    let sentAway = false;
    const see = (sight: Sight) => {
      if (this.#client === client && !sentAway) this.seen.add(sight);
    };
    client.on('text', (text) => {
      this.#server = GREETING.exec(text.message)?.[1] ?? this.#server;
      see({ type: 'text', text });
    });
    client.on('set_title', ({ type, text }) => see({ type: 'shown', what: `${type} ${text}` }));
    client.on('toast_request', ({ title, message }) =>
      see({ type: 'shown', what: `toast ${title}: ${message}` }),
    );
    client.on('disconnect', ({ message = '' }) => see({ type: 'disconnect', message }));
    client.on('close', () => see({ type: 'close' }));
    client.on('error', ({ message }) => see({ type: 'error', message }));
    client.on('transfer', (to) => {
      // The client closes this connection itself.
      sentAway = true;
      this.#follow(client, to);
    });
    // Every client of the game does the same.
    client.on('network_stack_latency', ({ timestamp }) =>
      client.write('network_stack_latency', { timestamp, needs_response: false }),
    );
  }

  /** Connects to the address that the proxy named, as every client of the game does. */
  #follow(client: Client, { port }: { port: number }): void {
    if (this.#client !== client) return;
    this.#proxy = proxyAt(this.#gates, port);
    this.seen.add({ type: 'transfer', proxy: this.#proxy });
    client.close();
    // The library is still handling a packet of the former connection.
    setImmediate(() => {
      if (this.#client === client) this.#dial();
    });
  }

  /** Whether it is connected. */
  get here(): boolean {
    return this.#client !== undefined;
  }

  say(message: string): void {
    sendText(this.#connected, { type: 'chat', source_name: this.name, message });
  }

  /** Types a command: `/who survival`. */
  type(command: string): void {
    const origin = { type: 'player', uuid: this.#connected.profile.uuid, request_id: '' };
    this.#connected.write('command_request', { command, origin, internal: false, version: 66 });
  }

  get #connected(): Client {
    if (!this.#client) throw new Error(`${this.name} is not connected`);
    return this.#client;
  }

  /** Resolves with the first text that matches, also if it came before. */
  async waitForText(matches: (text: Text) => boolean, since = 0): Promise<Text> {
    const what = `a text that ${this.name} should see`;
    const isIt = (sight: Sight) => sight.type === 'text' && matches(sight.text);
    const sight = await this.seen.waitFor(what, isIt, { since });
    if (sight.type !== 'text') throw new Error(what);
    return sight.text;
  }

  /** Resolves with the greeting of this server, also if it came before. */
  async waitForServer(server: string, since: number): Promise<string> {
    const { message } = await this.waitForText(
      (text) => GREETING.exec(text.message)?.[1] === server,
      since,
    );
    return message;
  }

  /** Resolves with the proxy to which its client was sent. */
  async waitForTransfer(since: number): Promise<ProxyName> {
    const what = `${this.name}'s client to be sent to another proxy`;
    const sight = await this.seen.waitFor(what, ({ type }) => type === 'transfer', { since });
    if (sight.type !== 'transfer') throw new Error(what);
    return sight.proxy;
  }

  /** Resolves when a line of a title or a toast is seen, also if it came before. */
  async waitForShown(what: string): Promise<void> {
    const isIt = (sight: Sight) => sight.type === 'shown' && sight.what === what;
    await this.seen.waitFor(`${this.name} to see ${what}`, isIt);
  }

  /** Resolves with the message of the disconnect. */
  async waitForDisconnect(since: number): Promise<string> {
    const sight = await this.#end(since);
    if (sight.type !== 'disconnect') throw new Error(`${this.name} only saw: ${describe(sight)}`);
    return sight.message;
  }

  /** Resolves when its connection breaks without a message. */
  async waitForSilentEnd(since: number): Promise<void> {
    const sight = await this.#end(since);
    if (sight.type !== 'close') throw new Error(`${this.name} saw: ${describe(sight)}`);
  }

  #end(since: number): Promise<Sight> {
    return this.seen.waitFor(`${this.name}'s connection to end`, isEnd, { since });
  }

  /** Every text that it saw, in order. */
  texts(): string[] {
    return this.seen
      .since(0)
      .flatMap((sight) => (sight.type === 'text' ? [sight.text.message] : []));
  }

  /** How often the bot saw a text that contains these words. */
  count(words: string): number {
    return this.texts().filter((text) => text.includes(words)).length;
  }

  /** How often it saw this line of a title, or this toast. */
  countShown(what: string): number {
    return this.seen.since(0).filter((sight) => sight.type === 'shown' && sight.what === what)
      .length;
  }

  /** The event that broke its connection since the mark, if there was one. */
  brokenSince(mark: number): string | undefined {
    const broken = this.seen.since(mark).find(isEnd);
    return broken && `${this.name}: ${describe(broken)}`;
  }

  /** Leaves by itself. The history of the bot does not record that. */
  leave(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.close();
  }
}

function proxyAt(gates: Gates, port: number): ProxyName {
  const proxy = PROXIES.find((name) => gates[name] === port);
  if (!proxy) throw new Error(`no proxy listens on port ${port}`);
  return proxy;
}

function isEnd({ type }: Sight): boolean {
  return type === 'disconnect' || type === 'close' || type === 'error';
}

function describe(sight: Sight): string {
  return 'message' in sight ? `${sight.type} "${sight.message}"` : sight.type;
}
