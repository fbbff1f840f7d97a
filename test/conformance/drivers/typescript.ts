/** The driver of the TypeScript SDK: see README.md. It uses the public SDK alone. */
import { createInterface } from 'node:readline';
import {
  type Acquired,
  type CommandContext,
  connect,
  type ConnectOptions,
  type EventBody,
  type Evicted,
  type KelpieClient,
  KelpieError,
  type Load,
  type MessageContent,
  type MessageOptions,
  type OwnNodeChange,
  type PickOptions,
  type PlayerFacts,
  type PlayersOptions,
  type Policy,
  type ReceivedEvent,
  type Status,
  type Target,
} from '../../../client/index.js';

/** Content in the fields of a request. */
interface Given {
  readonly text?: string;
  readonly json?: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly base64?: string;
}

type Verified = ReturnType<NonNullable<PlayersOptions['verify']>>;

/** Options as JSON has them: with results where the SDK takes functions. */
interface Options extends Omit<ConnectOptions, 'load' | 'players'> {
  readonly load?: Load;
  readonly players?: Omit<PlayersOptions, 'onEvicted' | 'verify'> & { readonly verify?: Verified };
}

interface Subscribing {
  readonly topic: string;
  readonly subscription: string;
  readonly behaviour?: 'return' | 'throw' | 'hold';
}

interface Handled extends Given {
  readonly command: string;
  readonly behaviour?: 'reply' | 'fail' | 'hold';
  readonly message?: string;
}

interface Answered extends Given {
  readonly number: number;
  readonly fail?: string;
}

interface Connecting {
  readonly options: Options;
  readonly subscribe?: readonly Subscribing[];
  readonly handle?: readonly Handled[];
}

interface Named {
  readonly id: string;
}
type Plain = Extract<
  Target,
  { node: string } | { nodes: readonly string[] } | { every: object } | { any: object }
>;

interface Issuing {
  readonly target: Plain | { readonly playerProxy: Named } | { readonly playerServer: Named };
  readonly custom?: { readonly name: string; readonly content: Given };
  readonly runConsoleCommand?: { readonly line: string };
  readonly timeoutMs?: number;
}

interface Publishing extends Given, MessageOptions {
  readonly topic: string;
}

interface Picking {
  readonly player?: PickOptions['player'];
  readonly occasion?: 'JOIN' | 'FALLBACK';
  readonly from?: string;
  readonly reason?: PickOptions['reason'];
  readonly host?: string;
  readonly lastServer?: string;
}

/** The arguments of each action, as README.md has them. */
interface Arguments {
  readonly ready: object;
  readonly subscribe: Subscribing;
  readonly unsubscribe: { readonly subscription: string };
  readonly release: { readonly subscription: string };
  readonly publish: Publishing;
  readonly publishMany: { readonly topic: string; readonly count: number; readonly bytes?: number };
  readonly handle: Handled;
  readonly answer: Answered;
  readonly issue: Issuing;
  readonly cancel: { readonly request: number };
  readonly acquire: { readonly player: PlayerFacts; readonly policy?: Policy };
  readonly releasePlayer: { readonly player: string };
  readonly joined: { readonly player: PlayerFacts };
  readonly moved: { readonly player: string; readonly server: string };
  readonly changed: { readonly player: string; readonly language: string };
  readonly left: { readonly player: string; readonly reason?: 'QUIT' | 'KICKED' };
  readonly players: object;
  readonly roster: object;
  readonly pick: Picking;
  readonly update: OwnNodeChange & { readonly removeLabels?: readonly string[] };
  readonly putValue: Place & Given & { readonly sequence?: number };
  readonly getValue: Place;
  readonly watchValue: Place;
  readonly move: { readonly player: string; readonly server: string; readonly timeoutMs?: number };
  readonly pending: object;
}

interface Place {
  readonly bucket: string;
  readonly key: string;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Content as a field. */
function contentAs(content: MessageContent | undefined): object {
  if (content === undefined) return {};
  if (typeof content === 'string') return { text: content };
  return content instanceof Uint8Array
    ? { base64: Buffer.from(content).toString('base64') }
    : { json: content };
}

function contentOf({ text, json, base64 }: Given): MessageContent {
  return text ?? json ?? Buffer.from(base64 ?? '', 'base64');
}

function errorAs(thrown: unknown): object {
  if (thrown instanceof KelpieError) return { reason: thrown.reason, message: thrown.message };
  const reason = thrown instanceof Unsupported ? 'NOT_SUPPORTED' : 'UNKNOWN';
  return { reason, message: String(thrown) };
}

function bodyAs(body: EventBody | undefined): object | undefined {
  if (!body) return undefined;
  const { kind } = body;
  const reason = 'reason' in body ? { reason: body.reason } : {};
  if ('node' in body) return { kind, name: body.node.name, ...reason };
  if ('player' in body) return { kind, id: body.player.id, ...reason };
  return 'value' in body ? { kind, key: body.value.key } : { kind };
}

/** One scenario: a client, and what its handlers wait for. */
class Session {
  readonly client: KelpieClient;
  readonly #subscriptions = new Map<string, { close(): void }>();
  /** The handlers that hold an event, by subscription, oldest first. */
  readonly #held = new Map<string, (() => void)[]>();
  /** The handlers that hold a command, by its number. */
  readonly #commands = new Map<number, (answer: Answered) => void>();
  readonly #issued = new Map<number, AbortController>();
  /** The ids of the players that were named. */
  readonly #named = new Set<string>();
  #commandCount = 0;
  isOver = false;

  constructor({ options, subscribe = [], handle = [] }: Connecting) {
    this.client = connect(this.#optionsOf(options));
    for (const one of subscribe) this.subscribe(one);
    for (const one of handle) this.handle(one);
    void this.#report();
  }

  #see(observation: object): void {
    if (!this.isOver) print(observation);
  }

  #optionsOf({ load, players, ...options }: Options): ConnectOptions {
    return {
      ...options,
      ...(load && { load: () => load }),
      ...(players && { players: this.#playersOf(players) }),
    };
  }

  #playersOf({ verify, ...players }: NonNullable<Options['players']>): PlayersOptions {
    const onEvicted = (evicted: Evicted): void => this.#see({ saw: 'evicted', ...evicted });
    if (!verify) return { ...players, onEvicted };
    const verified = (id: string): Verified => {
      this.#see({ saw: 'verify', id });
      return verify;
    };
    return { ...players, onEvicted, verify: verified };
  }

  async #report(): Promise<void> {
    for await (const status of this.client.status()) this.#see(statusAs(status));
  }

  subscribe({ topic, subscription, behaviour = 'return' }: Subscribing): void {
    const taken = this.client.subscribe(topic, (event) => {
      this.#see(eventAs(subscription, event));
      if (behaviour === 'throw') throw new Error('the handler throws');
      if (behaviour === 'hold') return this.#hold(subscription);
      return undefined;
    });
    this.#subscriptions.set(subscription, taken);
  }

  #hold(subscription: string): Promise<void> {
    return new Promise((resolve) => {
      const held = this.#held.get(subscription) ?? [];
      this.#held.set(subscription, [...held, resolve]);
    });
  }

  release(subscription: string): void {
    this.#held.get(subscription)?.shift()?.();
  }

  unsubscribe(subscription: string): void {
    this.#subscriptions.get(subscription)?.close();
  }

  handle({ command, behaviour = 'reply', message, ...content }: Handled): void {
    const handler = async (asked: MessageContent | undefined, context: CommandContext) => {
      const number = ++this.#commandCount;
      const { source, timeLeftMs, signal } = context;
      this.#see({ saw: 'command', number, command, source, timeLeftMs, ...requestAs(asked) });
      signal.addEventListener('abort', () => this.#see({ saw: 'commandCancelled', number }));
      if (behaviour === 'fail') throw new Error(message);
      const held = (): Promise<Answered> =>
        new Promise((resolve) => this.#commands.set(number, resolve));
      const answer: Partial<Answered> = behaviour === 'hold' ? await held() : content;
      if (answer.fail !== undefined) throw new Error(answer.fail);
      return contentOf(answer);
    };
    this.client.handle(command, handler);
  }

  answer(answer: Answered): void {
    this.#commands.get(answer.number)?.(answer);
  }

  async issue(id: number, issuing: Issuing): Promise<object> {
    const { target, custom, runConsoleCommand: run_console_command, timeoutMs } = issuing;
    const abort = new AbortController();
    this.#issued.set(id, abort);
    const options = {
      ...{ target: targetOf(target), signal: abort.signal },
      ...(timeoutMs !== undefined && { timeoutMs }),
    };
    const issued = custom
      ? this.client.issue({
          ...options,
          command: { custom: { name: custom.name, content: contentOf(custom.content) } },
        })
      : this.client.issue({
          ...options,
          command: { run_console_command: run_console_command ?? { line: '' } },
        });
    const results: object[] = [];
    for await (const { node, reply, error } of issued)
      results.push({ node, ...(error ? { error: errorAs(error) } : replyAs(reply)) });
    return { results };
  }

  cancel(request: number): void {
    this.#issued.get(request)?.abort();
  }

  async publishMany({ topic, count, bytes = 0 }: Arguments['publishMany']): Promise<object> {
    const texts = Array.from({ length: count }, (_, index) => String(index + 1).padEnd(bytes));
    await Promise.all(texts.map((text) => this.client.publish(topic, text)));
    return { stored: count };
  }

  acquire({ player, policy }: Arguments['acquire']): Promise<Acquired> {
    this.#note(player);
    return this.client.players.acquire(player, given({ policy }));
  }

  joined({ player }: Arguments['joined']): Promise<void> {
    this.#note(player);
    return this.client.players.joined(player);
  }

  #note({ xuid, uuid }: PlayerFacts): void {
    this.#named.add(xuid ?? uuid?.toLowerCase() ?? '');
  }

  /** The SDK has no list of its own players, but a look-up. */
  get players(): string[] {
    return [...this.#named].filter((id) => this.client.players.get(id)).sort();
  }

  watchValue({ bucket, key }: Place): void {
    this.client.state.watch(bucket, key, (change) => {
      const place = { saw: 'value', bucket: change.bucket, key: change.key };
      if (change.ended !== undefined) return this.#see(place);
      this.#see({ ...place, sequence: change.sequence, ...contentAs(change.value) });
    });
  }

  async close(): Promise<void> {
    await this.client.close();
    this.isOver = true;
  }
}

function targetOf(target: Issuing['target']): Target {
  if ('playerProxy' in target) return { playerProxy: target.playerProxy.id };
  return 'playerServer' in target ? { playerServer: target.playerServer.id } : target;
}

/** The request of a command, as its handler gets it: content, or the form of the contract. */
function requestAs(asked: unknown): object {
  const line = (asked as { line?: unknown } | undefined)?.line;
  return typeof line === 'string' ? { text: line } : contentAs(asked as MessageContent);
}

function replyAs(reply: unknown): object {
  const lines = (reply as { lines?: unknown } | undefined)?.lines;
  return lines === undefined ? contentAs(reply as MessageContent | undefined) : { lines };
}

function eventAs(subscription: string, event: ReceivedEvent): object {
  const { topic, sequence, source, type, content, attributes, origin } = event;
  return {
    ...{ saw: 'event', subscription, topic, sequence, source, type },
    ...contentAs(content),
    ...{ attributes, origin, body: bodyAs(event.body) },
  };
}

function statusAs(status: Status): object {
  const { type } = status;
  const saw = 'status';
  switch (type) {
    case 'connecting':
      return { saw, type, endpoint: status.endpoint };
    case 'connected':
      return { saw, type, endpoint: status.endpoint, outcome: status.welcome.outcome };
    case 'gap':
      return { saw, type, reason: status.gap.reason, topics: status.gap.topics };
    case 'handlerFailed':
      return { saw, type, pattern: status.pattern };
    case 'disconnected':
    case 'refused':
    case 'closed':
      return { saw, type, reason: status.error?.reason };
    default:
      return { saw, type };
  }
}

type Actions = {
  readonly [Action in keyof Arguments]: (
    session: Session,
    request: Arguments[Action],
    id: number,
  ) => unknown;
};

/** The actions by their names. */
const actions: Actions = {
  ready: async ({ client }) => {
    const connected = connectedOf(client);
    await client.ready();
    return connected;
  },
  subscribe: (session, subscribing) => session.subscribe(subscribing),
  unsubscribe: (session, { subscription }) => session.unsubscribe(subscription),
  release: (session, { subscription }) => session.release(subscription),
  publish: ({ client }, { topic, type, attributes, origin, ...content }) =>
    client.publish(topic, contentOf(content), given({ type, attributes, origin })),
  publishMany: (session, many) => session.publishMany(many),
  handle: (session, handled) => session.handle(handled),
  answer: (session, answer) => session.answer(answer),
  issue: (session, issuing, id) => session.issue(id, issuing),
  cancel: (session, { request }) => session.cancel(request),
  acquire: (session, acquiring) => session.acquire(acquiring),
  releasePlayer: ({ client }, { player }) => client.players.release(player),
  joined: (session, joining) => session.joined(joining),
  moved: ({ client }, { player, server }) => client.players.moved(player, server),
  changed: ({ client }, { player, language }) => client.players.changed(player, { language }),
  left: ({ client }, { player, reason = 'QUIT' }) => client.players.left(player, reason),
  players: ({ players }) => ({ players }),
  roster: ({ client }) => ({ nodes: nodesOf(client), players: rosterPlayersOf(client) }),
  pick: ({ client }, { occasion = 'JOIN', from, ...about }) => {
    const occasions = { JOIN: 'join', FALLBACK: 'fallback' } as const;
    const { player, reason, host, lastServer } = about;
    const facts = given({ player, reason, host, lastServer, fromServer: from });
    return given({ server: client.roster.pick({ for: occasions[occasion], ...facts })?.server });
  },
  update: ({ client }, { labels, removeLabels: removedLabels, state, maxPlayers }) =>
    client.update(given({ labels, removedLabels, state, maxPlayers })),
  putValue: ({ client }, { bucket, key, sequence: expect, ...content }) =>
    client.state.put(bucket, key, contentOf(content), given({ expect })),
  getValue: async ({ client }, { bucket, key }) => {
    const found = await client.state.get(bucket, key);
    return found && { sequence: found.sequence, ...contentAs(found.value) };
  },
  watchValue: (session, place) => session.watchValue(place),
  move: async ({ client }, { player, server, timeoutMs }) => {
    const { target } = await client.move({ id: player }, { server }, given({ timeoutMs }));
    return { target };
  },
  pending: ({ client }) => ({ pending: client.pending }),
};

/** The fields that have a value. */
type Present<T> = { [Field in keyof T]?: Exclude<T[Field], undefined> };

/** Leaves the fields out that have no value. */
function given<T extends object>(fields: T): Present<T> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Present<T>;
}

/** The next session of the client, or the present one. */
async function connectedOf(client: KelpieClient): Promise<object> {
  for await (const status of client.status()) {
    if (status.type !== 'connected') continue;
    const { outcome, sessionId, generation } = status.welcome;
    return { outcome, sessionId, generation };
  }
  return {};
}

function nodesOf({ roster }: KelpieClient): object[] {
  return roster.nodes().map(({ name, role, state, labels }) => ({ name, role, state, labels }));
}

function rosterPlayersOf({ roster }: KelpieClient): object[] {
  try {
    return roster.players().map(({ id, name, proxy, server }) => ({ id, name, proxy, server }));
  } catch {
    // A roster without players.
    return [];
  }
}

let session: Session | undefined;

async function run(id: number, action: string, request: object): Promise<unknown> {
  if (action === 'connect') {
    session = new Session(request as Connecting);
    return undefined;
  }
  if (action === 'close') return session?.close();
  const act = (actions as Record<string, Actions[keyof Actions] | undefined>)[action];
  if (!act || !session) throw new Unsupported();
  return act(session, request as never, id);
}

class Unsupported extends Error {}

createInterface(process.stdin)
  .on('line', (line) => {
    const { id, do: action, ...request } = JSON.parse(line) as { id: number; do: string };
    run(id, action, request).then(
      (ok) => print({ id, ok: ok ?? {} }),
      (thrown: unknown) => print({ id, error: errorAs(thrown) }),
    );
  })
  .on('close', () => process.exit(0));
