/** The handle of a process with many nodes, each with our client; crowd-child.ts is that process. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { reachApi } from '../wire/calls.js';

/** Longer than any step takes: a test that waits this long waits for a message that never comes. */
const CEILING_MS = 60_000;

/** The options of the process. */
export interface CrowdOptions {
  readonly endpoint: string;
  /** Its nodes have the names `<name>-0` and on. Node 0 publishes on `<name>.0`, and all nodes read all topics. */
  readonly name: string;
  readonly nodes: number;
  /** How many events each of its nodes publishes in a second. */
  readonly perSecond: number;
  /** How many nodes the whole network has. A node is ready when its roster has all of them. */
  readonly network: number;
}

/**
 * The orders of a parent. `progress`: the process answers when 500 more events are acknowledged. `settle`: the
 * process stops publishing, and reports when all its events are acknowledged and received.
 */
export type Order = 'publish' | 'progress' | 'report' | 'settle' | 'close';

/** The time since the process began to publish. */
export interface CrowdReport {
  readonly published: number;
  readonly acknowledged: number;
  /** The events of all its nodes together. */
  readonly heard: number;
  /** The first 20 mistakes: events that came twice, too early or not at all. */
  readonly wrong: readonly string[];
  /** How many resources of each kind keep its event loop alive. */
  readonly resources: Readonly<Record<string, number>>;
}

/** The messages of the process. */
export type Child =
  | { kind: 'ready' | 'progress' }
  | { kind: 'on'; node: string; coordinatorId: string; epoch: string }
  | ({ kind: 'report' } & CrowdReport);

export class Crowd {
  /** Every epoch in the Welcomes of its nodes. */
  readonly epochs = new Set<string>();
  readonly #options: CrowdOptions;
  readonly #child: ChildProcess;
  readonly #said: Child[] = [];
  /** The coordinator of the last Welcome of each node. */
  readonly #places = new Map<string, string>();

  constructor(options: CrowdOptions) {
    this.#options = options;
    const argument = JSON.stringify(options);
    // A small young generation, so that the memory of the process is what it holds.
    const execArgv = ['--expose-gc', '--max-semi-space-size=1'];
    this.#child = fork(new URL('./crowd-child.js', import.meta.url), [argument], { execArgv });
    this.#child.on('message', (message: Child) => {
      if (message.kind !== 'on') return void this.#said.push(message);
      this.#places.set(message.node, message.coordinatorId);
      this.epochs.add(message.epoch);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves when all nodes have joined, and each roster has all of them. */
  async ready(): Promise<void> {
    await this.#until(() => this.#take('ready'), 'said that it is ready');
  }

  publish(): void {
    this.#child.send('publish' satisfies Order);
  }

  /** Resolves when 500 more events are acknowledged. */
  async progress(): Promise<void> {
    this.#child.send('progress' satisfies Order);
    await this.#until(() => this.#take('progress'), 'got on');
  }

  /** Resolves when the present coordinator has sent every node a Welcome. */
  async back(): Promise<void> {
    const { endpoint, nodes } = this.#options;
    const api = await reachApi([endpoint]);
    const { coordinatorId } = await api.coordinator.getInfo({});
    api.close();
    const there = (): boolean =>
      this.#places.size === nodes &&
      [...this.#places.values()].every((place) => place === coordinatorId);
    await this.#until(() => there() || undefined, 'came back');
  }

  /** Requests a report. The process collects garbage before it. */
  report(): Promise<CrowdReport> {
    return this.#ask('report');
  }

  settle(): Promise<CrowdReport> {
    return this.#ask('settle');
  }

  /** Makes all nodes leave, and waits for the end of the process. */
  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.send('close' satisfies Order);
    await gone;
  }

  /** Kills the process if it has not ended, and waits for its end. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #ask(order: Order): Promise<CrowdReport> {
    this.#child.send(order);
    return this.#until(() => this.#take('report'), `answered to ${order}`);
  }

  #take<Kind extends Child['kind']>(kind: Kind): Extract<Child, { kind: Kind }> | undefined {
    const at = this.#said.findIndex((message) => message.kind === kind);
    return this.#said.splice(at, at < 0 ? 0 : 1)[0] as Extract<Child, { kind: Kind }> | undefined;
  }

  /** Checks the condition at each message of the process. */
  async #until<T>(look: () => T | undefined, what: string): Promise<T> {
    const signal = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await once(this.#child, 'message', { signal }).catch(() => {
        throw new Error(`${this.#options.name} never ${what}; ${JSON.stringify(this.#said)}`);
      });
    }
  }
}
