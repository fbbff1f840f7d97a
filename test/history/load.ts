/**
 * The load of a run: nodes that publish on all topics and read some, that change their topics, command each other, and
 * proxies whose players log in, log out and log in elsewhere. Beside them come nodes without the SDK: readers that start at
 * old and at invented cursors, nodes with two streams, and thieves of names.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { inSoak } from '../support/soak.js';
import { below, type LoadFloor, loadOf, saved } from './check.js';
import { RawStream } from './clients/raw-stream.js';
import { RecordedNode } from './clients/recorded-node.js';
import { positionsOf } from './log.js';
import { Choices } from './random.js';
import { Recorder } from './recorder.js';
import { recordStalls } from './stalls.js';
import type { Position } from './steps.js';

/** How much of everything. */
export interface Scale {
  readonly services: number;
  readonly proxies: number;
  readonly players: number;
  readonly topics: number;
  readonly publishesPerSecond: number;
  readonly commandsPerSecond: number;
  /** Logins, logouts and logins elsewhere. */
  readonly loginsPerSecond: number;
  /** Changes of topics. */
  readonly changesPerSecond: number;
  /** Nodes without the SDK. */
  readonly rawPerSecond: number;
}

const TICK_MS = 20;
/** A command may take this long. */
const TIMEOUT_MS = 3000;
/** A run that does not come to rest within this time never does. */
const REST_MS = inSoak(300_000, 60_000);
/** So many calls may be under way. A machine that is slower than the load does not get more. */
const PENDING = 2000;
/** A load that is not at its floor after this time never is. */
const WARM_MS = 30_000;
/** Nodes that are not back within this time never come back. */
const BACK_MS = 60_000;
const EVERYBODY = 'rest';

export class Load {
  readonly recorder = new Recorder();
  readonly choices: Choices;
  readonly nodes: readonly RecordedNode[];
  readonly proxies: readonly RecordedNode[];
  readonly #scale: Scale;
  readonly #endpoints: readonly string[];
  /** The players whose login or logout is under way. */
  readonly #busy = new Set<string>();
  readonly #background = new Set<Promise<unknown>>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #watched: () => void;
  #raw = 0;

  constructor(endpoints: readonly string[], scale: Scale, choices = new Choices()) {
    this.choices = choices;
    this.#scale = scale;
    this.#endpoints = endpoints;
    this.#watched = recordStalls(this.recorder);
    const node = (name: string, role: 'SERVICE' | 'PROXY', index: number): RecordedNode =>
      new RecordedNode(this.recorder, {
        ...{ name, role, endpoints: this.#from(index), players: role === 'PROXY' || index < 3 },
        // One node reads everything, so that the log of the run is whole.
        topics: [
          EVERYBODY,
          ...(name === 'node-0' ? ['chat.*'] : [1, 2, 3].map(() => this.#topic())),
        ],
      });
    const many = (count: number) => Array.from({ length: count }, (_, index) => index);
    this.proxies = many(scale.proxies).map((index) => node(`proxy-${index}`, 'PROXY', index));
    const services = many(scale.services).map((index) => node(`node-${index}`, 'SERVICE', index));
    this.nodes = [...this.proxies, ...services];
  }

  /** All coordinators, beginning with another one for each node. */
  #from(index: number): string[] {
    const first = index % this.#endpoints.length;
    return [...this.#endpoints.slice(first), ...this.#endpoints.slice(0, first)];
  }

  #topic(): string {
    return `chat.${this.choices.below(this.#scale.topics)}`;
  }

  /** Resolves when all nodes have a session and all players are in. */
  async ready(): Promise<void> {
    await Promise.all(this.nodes.map(({ client }) => client.ready()));
    const players = Array.from({ length: this.#scale.players }, (_, index) => this.#player(index));
    await Promise.all(players.map((player, index) => this.#proxy(index).login(player, 'DENY_NEW')));
  }

  /**
   * Resolves when the load has run for a while and is at its floor: the first fault may come then. A machine that does not
   * reach the floor in time makes the run void.
   */
  async warm(ms: number, floor: LoadFloor): Promise<void> {
    const giveUpMs = performance.now() + WARM_MS;
    await pause(ms);
    while (below(loadOf(this.recorder.history), floor) && performance.now() < giveUpMs)
      await pause(200);
  }

  /** Resolves when all nodes have a session again. */
  back(): Promise<void> {
    return this.#saving(this.#connected(AbortSignal.timeout(BACK_MS)));
  }

  #connected(signal: AbortSignal): Promise<void> {
    return within(signal, 'its sessions', () =>
      this.nodes.every(({ client }) => client.connectionState === 'CONNECTED'),
    );
  }

  #player(index: number): string {
    return String(9000 + index);
  }

  #proxy(index: number): RecordedNode {
    const proxy = this.proxies[index % this.proxies.length];
    if (!proxy) throw new Error('a run has a proxy');
    return proxy;
  }

  /** Everything begins. */
  start(): void {
    const { publishesPerSecond, commandsPerSecond } = this.#scale;
    const { loginsPerSecond, changesPerSecond, rawPerSecond } = this.#scale;
    const node = (): RecordedNode => this.choices.of(this.nodes);
    const pending = (): number => this.nodes.reduce((sum, one) => sum + one.pending.size, 0);
    this.#each(publishesPerSecond, () => {
      if (pending() < PENDING) void node().publish(this.#topic(), 'x'.repeat(100));
    });
    this.#each(commandsPerSecond, () => {
      const targets = [...new Set([node().name, node().name])];
      void node().issue(targets, TIMEOUT_MS);
    });
    this.#each(changesPerSecond, () => this.#changeTopics(node()));
    this.#each(loginsPerSecond, () => this.#inBackground(this.#relog()));
    this.#each(rawPerSecond, () => this.#inBackground(this.#comeRaw()));
  }

  #each(perSecond: number, act: () => void): void {
    let done = 0;
    const startMs = performance.now();
    this.#timers.push(
      setInterval(() => {
        const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond);
        for (; done < due; done++) act();
      }, TICK_MS),
    );
  }

  #inBackground(work: Promise<unknown>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  /** One more topic, for a short while. */
  #changeTopics(node: RecordedNode): void {
    const end = node.subscribe(this.#topic());
    this.#inBackground(pause(100 + this.choices.below(900)).then(end));
  }

  /** A player logs out and in again, here or elsewhere; or logs in elsewhere at once. */
  async #relog(): Promise<void> {
    const player = this.#player(this.choices.below(this.#scale.players));
    const holder = this.proxies.find((proxy) => proxy.holds(player));
    const goal = this.choices.of(this.proxies);
    if (this.#busy.has(player)) return;
    this.#busy.add(player);
    try {
      if (holder && this.choices.below(2) === 0) await holder.logout(player).catch(() => undefined);
      await goal.login(player, this.choices.of(['KICK_OLD', 'VERIFY_OLD', 'DENY_NEW'] as const));
    } finally {
      this.#busy.delete(player);
    }
  }

  #comeRaw(): Promise<void> {
    const kind = this.choices.below(4);
    if (kind === 0) return this.#comeTwice();
    if (kind === 1) return this.#steal();
    return this.#readFrom(kind === 2 ? this.#oldPosition() : this.#inventedPosition());
  }

  #oldPosition(): Position | undefined {
    const seen = positionsOf(this.recorder.history.slice(-2000));
    return seen.length > 0 ? this.choices.of(seen).position : undefined;
  }

  /** A position that no coordinator handed out, up to 100 before or after a real one. */
  #inventedPosition(): Position | undefined {
    const real = this.#oldPosition();
    if (!real) return undefined;
    const sequence = real.sequence + this.choices.below(201) - 100;
    return { ...real, sequence, tag: randomBytes(4).readUInt32LE() };
  }

  async #readFrom(start: Position | undefined): Promise<void> {
    if (!start) return;
    const name = `late-${(this.#raw += 1)}`;
    const stream = new RawStream(this.recorder, {
      ...{ name, start, endpoint: this.choices.of(this.#endpoints) },
      topics: ['chat.*'],
    });
    if (!(await stream.welcome)) return stream.vanish();
    await Promise.race([pause(1000), stream.closed]);
    await stream.leave();
  }

  /** A process opens a second stream, perhaps elsewhere, while it still publishes on the first one. */
  async #comeTwice(): Promise<void> {
    const name = `twice-${(this.#raw += 1)}`;
    const instance = randomBytes(16);
    const open = (): RawStream =>
      new RawStream(this.recorder, {
        ...{ name, instance, endpoint: this.choices.of(this.#endpoints) },
      });
    const first = open();
    let publishes = 0;
    const publish = (stream: RawStream, number: number): void =>
      stream.publish(number, `${name}:${(publishes += 1)}`, this.#topic());
    if (!(await first.welcome)) return first.vanish();
    const second = open();
    const until = { welcomed: false };
    void second.welcome.then(() => (until.welcomed = true));
    let number = 0;
    for (let left = 100; left > 0 && !until.welcomed; left--) {
      publish(first, (number += 1));
      await pause(1);
    }
    const welcome = await second.welcome;
    for (let left = 10; left > 0; left--) publish(first, (number += 1));
    if (!welcome) return first.vanish();
    for (let next = 1; next <= 3; next++) publish(second, welcome.publishSequence + next);
    await Promise.race([pause(500), second.closed]);
    await first.cut();
    await second.leave();
  }

  /** Another process asks for the name of a node. It gets the name if the node has no stream, so the node is no proxy. */
  async #steal(): Promise<void> {
    const { name } = this.choices.of(this.nodes.slice(this.proxies.length));
    const thief = new RawStream(this.recorder, {
      ...{ name, endpoint: this.choices.of(this.#endpoints) },
    });
    await thief.welcome;
    await thief.cut();
  }

  /** Ends the load. Resolves when nothing is under way and every node has everything. */
  rest(): Promise<void> {
    return this.#saving(this.#rest());
  }

  /** A failure keeps the history, for those who look for the cause. */
  async #saving(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { seed } = this.choices;
      throw new Error(`seed ${seed}: see ${saved(this.recorder.history, seed)}`, { cause: error });
    }
  }

  async #rest(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const signal = AbortSignal.timeout(REST_MS);
    await within(signal, 'its background', () => this.#background.size === 0);
    await within(signal, 'its calls', () => this.nodes.every(({ pending }) => pending.size === 0));
    await this.#connected(signal);
    await this.#readAll(signal);
    this.recorder.record('test', { kind: 'rest' });
    for (const node of this.#witnesses) node.show();
  }

  /** The nodes whose rosters have the players too. */
  get #witnesses(): RecordedNode[] {
    return this.nodes.filter(({ hasPlayers }) => hasPlayers);
  }

  /** All nodes read one topic, so an event there shows that they have every event before it. */
  async #readAll(signal: AbortSignal): Promise<void> {
    const [first] = this.nodes;
    if (!first) throw new Error('a run has a node');
    const from = this.recorder.history.length;
    const behind = (): Set<string> => {
      const names = new Set(this.nodes.map(({ name }) => name));
      for (const step of this.recorder.history.slice(from))
        if (step.kind === 'handled' && step.pattern === EVERYBODY) names.delete(step.client);
      return names;
    };
    // Again and again, since a reader that lost the event must not keep the run from its judgement.
    while (behind().size > 0 && !signal.aborted) {
      await first.publish(EVERYBODY, 'rest');
      const giveUpMs = performance.now() + 1000;
      while (behind().size > 0 && performance.now() < giveUpMs) await pause(20);
    }
    await within(signal, `its readers ${[...behind()].join()}`, () => behind().size === 0);
  }

  /** Ends everything. Calling it again does nothing more. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#watched();
    await Promise.all(this.nodes.map((node) => node.leave()));
  }
}

async function within(signal: AbortSignal, what: string, holds: () => boolean): Promise<void> {
  while (!holds()) {
    if (signal.aborted) throw new Error(`the run never came to rest: it waits for ${what}`);
    await pause(20);
  }
}
