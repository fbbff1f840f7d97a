/** The handle of a node that is a process of its own; node-child.ts is that process. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

/** Longer than any step takes: a test that waits this long waits for a message that never comes. */
const CEILING_MS = 30_000;

/** The orders of a parent. */
export type Parent = 'report' | 'leave';

export interface Report {
  readonly published: number;
  readonly received: number;
  /** The longest time from publishing an event to receiving it, since the last report. */
  readonly slowestMs: number;
  /** The mistakes: events or statuses that should not have come, or not yet. */
  readonly wrong: readonly string[];
}

/** The messages of the process. */
export type Child =
  | { kind: 'welcome'; outcome: string; generation: number }
  | { kind: 'ended'; code: number; reason: string }
  | ({ kind: 'report' } & Report);

type Said<Kind extends Child['kind']> = Extract<Child, { kind: Kind }>;

export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #said: Child[] = [];

  constructor(endpoint: string, name: string, instance = randomBytes(16), publishMs = 100) {
    const args = [endpoint, name, instance.toString('hex'), String(publishMs)];
    this.#child = fork(new URL('node-child.js', import.meta.url), args);
    this.#child.on('message', (message: Child) => this.#said.push(message));
  }

  /** The first message of this kind that no caller has got yet. */
  async next<Kind extends Child['kind']>(kind: Kind): Promise<Said<Kind>> {
    const signal = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      const at = this.#said.findIndex((message) => message.kind === kind);
      if (at >= 0) return this.#said.splice(at, 1)[0] as Said<Kind>;
      await once(this.#child, 'message', { signal }).catch(() => {
        throw new Error(`a node process never said its ${kind}; ${JSON.stringify(this.#said)}`);
      });
    }
  }

  /** Makes the node publish once more. Resolves with its report when it has received that event. */
  report(): Promise<Report> {
    this.#say('report');
    return this.next('report');
  }

  leave(): Promise<Said<'ended'>> {
    this.#say('leave');
    return this.next('ended');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Kills the process if it has not ended, and waits for its end. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #say(message: Parent): void {
    this.#child.send(message);
  }
}
