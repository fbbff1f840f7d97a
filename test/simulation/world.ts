/**
 * A network of a simulation: coordinators on one engine, and nodes and proxies that come to any of them, while all of
 * them fail. The seed decides what happens.
 */
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { DuplicatePolicy } from '../../gen/ts/kelpie/v1/player.js';
import { faultsIn } from '../history/check.js';
import type { Act, Step } from '../history/steps.js';
import { hello, TestStream } from '../support/model/coordinator.js';
import { player } from '../support/model/proxy.js';
import { idOf, ProxyModel } from '../support/model/proxy-model.js';
import { Counter } from './counter.js';
import { Engine } from './engine/engine.js';
import { Laws } from './laws.js';
import { SimulatedNode, type Surroundings, topic } from './node.js';
import { Place, type Planting, times } from './place.js';
import { Scheduler, type Span } from './scheduler.js';
import { quiet } from './turns.js';
import { Wire } from './wire.js';

/** The size of a simulation. */
export interface Plan {
  readonly coordinators: number;
  readonly nodes: number;
  readonly proxies: number;
  readonly players: number;
  /** Acts and faults. */
  readonly acts: number;
  /** The faults that happen. Default: all. */
  readonly only?: readonly FaultName[];
  readonly planting?: Planting;
}

export type FaultName =
  | ('cutStream' | 'stallStream' | 'kill' | 'stop' | 'cutLink' | 'stallLink')
  | ('crash' | 'leave' | 'steal' | 'failOver' | 'loseAnswers' | 'freeze');

const STEP_MS: Span = [0, 60];
/** Shorter than a node may take to prove that it lives. */
const STALL_MS: Span = [20, 400];
/** With the time until the others notice, and the grace, shorter than a node may take to leave. */
const STILL_MS: Span = [100, 4000];
/** An engine may be slow for longer. */
const SLOW_MS: Span = [50, 1500];
const POLICIES = [DuplicatePolicy.DENY_NEW, DuplicatePolicy.KICK_OLD, DuplicatePolicy.VERIFY_OLD];
/** A network that does not come to rest in this time never does. */
const REST_MS = 20_000;

export class World {
  readonly scheduler: Scheduler;
  readonly history: Step[] = [];
  readonly places: readonly Place[];
  readonly nodes: readonly SimulatedNode[];
  readonly proxies: readonly ProxyModel[];
  readonly engine: Engine;
  readonly #plan: Plan;
  readonly #wire: Wire;
  readonly #laws: Laws;
  readonly #players;
  readonly #acts: readonly [number, () => void][];
  readonly #counter = new Counter();
  #failedOver = false;
  #streams = 0;
  #isCalm = false;

  constructor(seed: number, plan: Plan) {
    this.#plan = plan;
    this.scheduler = new Scheduler(seed);
    const { scheduler } = this;
    this.#wire = new Wire(scheduler);
    this.engine = new Engine(scheduler, scheduler.chance(30) ? 40 : 1000);
    const many = (count: number) => Array.from({ length: count }, (_, index) => index);
    this.places = many(plan.coordinators).map(
      (index) => new Place('abc'[index] ?? '', scheduler, this.engine, plan.planting ?? {}),
    );
    for (const place of this.places) place.onGone = () => this.#wire.lose(place);
    const around: Surroundings = {
      scheduler,
      choose: (node) => this.#choose(node),
      record: (client, act) => this.record(client, act),
      number: () => ++this.#streams,
      counter: this.#counter,
    };
    this.nodes = many(plan.nodes).map((index) => {
      const topics = index === 0 ? ['chat.*', 'nodes.*', 'players.*'] : [topic(index), 'nodes.*'];
      return new SimulatedNode(`node-${index}`, topics, around);
    });
    this.proxies = many(plan.proxies).map(
      (index) => new ProxyModel(`gate-${index}`, true, () => scheduler.nowMs),
    );
    this.#players = many(plan.players).map((index) => player(index));
    this.#laws = new Laws(this);
    this.#acts = this.#weighed();
    plan.planting?.engine?.(this.engine);
  }

  record(client: string, act: Act): void {
    this.history.push({ ...act, client, atMs: this.scheduler.nowMs });
  }

  #choose(node: object) {
    const open = this.places.filter(({ isOpen }) => isOpen);
    return open.length > 0 ? this.#wire.reach(node, this.scheduler.choices.of(open)) : undefined;
  }

  /** Whether messages of the node arrive, at a coordinator that is alive for the others. */
  isWhole(node: object): boolean {
    return this.#wire.streams.some((one) => one.node === node && one.isWhole && one.goal.isAlive);
  }

  /** Runs everything. Returns the broken promises. */
  async run(): Promise<string[]> {
    for (const place of this.places) place.start();
    await this.scheduler.pass(100);
    for (const node of this.nodes) node.join();
    this.#careForProxies();
    await this.scheduler.pass(100);
    for (let act = 0; act < this.#plan.acts && this.#laws.broken.length === 0; act++) {
      this.#act();
      await this.scheduler.pass(this.scheduler.within(STEP_MS));
    }
    await this.#rest();
    return this.faults();
  }

  /** Proxies beat, and come back, by themselves. */
  #careForProxies(): void {
    for (const proxy of this.proxies) {
      const port = proxy.connected ? undefined : this.#choose(proxy);
      if (port && this.scheduler.chance(50)) proxy.connect(port as never);
      proxy.beat();
    }
    this.scheduler.clock.after(times.heartbeatMs / 2, () => this.#careForProxies());
  }

  /** All acts, and how often they come. In each simulation some faults are rare, and some are frequent. */
  #weighed(): [number, () => void][] {
    const { choices } = this.scheduler;
    const node = (): SimulatedNode => choices.of(this.nodes);
    const place = (): Place => choices.of(this.places);
    const faults: Record<FaultName, [number, () => void]> = {
      cutStream: [20, () => this.#cutStream()],
      stallStream: [10, () => this.#stallStream()],
      kill: [10, () => this.#kill(place())],
      stop: [6, () => this.#stop(place())],
      cutLink: [12, () => this.#cutLink(place())],
      stallLink: [10, () => this.#stallLink(place())],
      crash: [10, () => this.#crash()],
      leave: [6, () => this.#leave(node())],
      steal: [5, () => this.#steal(node())],
      failOver: [3, () => this.#failOver()],
      loseAnswers: [10, () => this.#loseAnswers(place())],
      freeze: [6, () => this.#freeze(place())],
    };
    const { only } = this.#plan;
    const chosen = Object.entries(faults).map(([name, [weight, act]]): [number, () => void] => {
      if (!only) return [weight * choices.of([0, 1, 3]), act];
      return [only.includes(name as FaultName) ? 30 : 0, act];
    });
    return [
      [120, () => node().publish(topic(choices.below(3)))],
      [30, () => node().issue([node().name])],
      [60, () => this.#actOfPlayer()],
      [20, () => node().toggle(topic(choices.below(3)))],
      [20, () => node().count()],
      ...chosen,
    ];
  }

  #act(): void {
    const sum = this.#acts.reduce((total, [weight]) => total + weight, 0);
    let dice = this.scheduler.choices.below(sum);
    for (const [weight, act] of this.#acts) {
      dice -= weight;
      if (dice < 0) return act();
    }
  }

  #actOfPlayer(): void {
    const { choices } = this.scheduler;
    if (this.proxies.length === 0) return;
    const who = choices.of(this.#players);
    const proxy = choices.of(this.proxies);
    const dice = choices.below(4);
    const id = idOf(who);
    if (dice < 2) proxy.login(who, choices.of(POLICIES));
    else if (dice === 2) proxy.quit(id);
    else proxy.move(id, choices.of(this.nodes).name);
  }

  #cutStream(): void {
    const { streams } = this.#wire;
    if (streams.length === 0) return;
    const { choices } = this.scheduler;
    choices.of(streams).cut(choices.of(['both', 'node', 'coordinator'] as const));
  }

  #stallStream(): void {
    const { streams } = this.#wire;
    if (streams.length > 0)
      this.scheduler.choices.of(streams).stall(this.scheduler.within(STALL_MS));
  }

  #stallLink({ link }: Place): void {
    link?.stall(this.scheduler.within(SLOW_MS));
  }

  /** Another process asks for the name of a node, and gives up soon. */
  #steal(node: SimulatedNode): void {
    const port = this.#choose(this);
    if (!port) return;
    const stream = new TestStream(port);
    const facts = { role: NodeRole.SERVICE, instanceId: this.scheduler.bytes(16) };
    stream.send({ $case: 'hello', value: hello(node.name, facts) });
    // It may be refused, and it may get the name.
    stream.pull().catch(() => undefined);
    this.scheduler.later([500, 2000], () => void stream.cut());
  }

  #kill(place: Place): void {
    place.kill();
    this.scheduler.later([50, 3000], () => place.start());
  }

  #stop(place: Place): void {
    place.stop();
    this.scheduler.later([2000, 5000], () => place.start());
  }

  #cutLink({ link }: Place): void {
    link?.cut();
    this.scheduler.later([20, 2500], () => link?.heal());
  }

  /** SIGSTOP, then SIGCONT. */
  #freeze({ running }: Place): void {
    running?.halt();
    this.scheduler.later(STILL_MS, () => running?.go());
  }

  #crash(): void {
    const { choices } = this.scheduler;
    const nodes = [...this.nodes, ...this.proxies];
    const one = choices.of(nodes);
    if (one instanceof SimulatedNode) {
      one.crash();
      this.scheduler.later([0, 5000], () => one.join());
    } else void one.crash();
  }

  #leave(node: SimulatedNode): void {
    node.leave();
    this.scheduler.later([0, 3000], () => node.join());
  }

  #failOver(): void {
    this.#failedOver = true;
    this.engine.store.failOver(this.scheduler.choices.below(4));
  }

  #loseAnswers({ link }: Place): void {
    if (!link || this.#isCalm) return;
    link.lossy = 30;
    this.engine.lossy = 30;
    this.scheduler.later([50, 1000], () => {
      link.lossy = 0;
      this.engine.lossy = 0;
    });
  }

  /** All faults end, and everybody comes back. */
  async #rest(): Promise<void> {
    this.#isCalm = true;
    this.engine.lossy = 0;
    for (const place of this.places) {
      place.running?.go();
      place.link?.heal();
      if (place.link) place.link.lossy = 0;
      place.start();
    }
    for (const node of this.nodes) node.join();
    const endMs = this.scheduler.nowMs + REST_MS;
    // Lost nodes have left by then.
    await this.scheduler.pass(times.maxSilenceMs + times.graceMs);
    while (!this.#laws.isAtRest() && this.scheduler.nowMs < endMs) {
      // A coordinator that was about to stop may be gone only now.
      for (const place of this.places) place.start();
      await this.scheduler.pass(500);
    }
    await quiet();
    this.record('test', { kind: 'rest' });
  }

  /** The broken promises. */
  faults(): string[] {
    const promises = Object.entries(faultsIn(this.history)).filter(
      ([promise]) => promise !== 'presence is true',
    );
    return [
      ...this.#laws.broken,
      ...this.#laws.atRest(),
      ...this.#counter.faults(this.places[0]?.services, this.#failedOver),
      ...promises.flatMap(([promise, faults]) => faults.map((fault) => `${promise}: ${fault}`)),
      ...this.nodes.flatMap(({ wrong }) => wrong),
      ...this.places.flatMap(({ name, faults }) => faults.map((one) => `${name}: ${shown(one)}`)),
    ];
  }

  /** Ends all that would go on. */
  close(): void {
    for (const place of this.places) place.kill();
  }
}

function shown(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
