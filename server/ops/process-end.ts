/**
 * How the process kelpied ends: by a signal, or by a fault that no code handled. Only the program does
 * this; a coordinator that is embedded leaves the process to its host.
 */
import type { ProcessLog } from './log.js';

/** Exit codes, as README lists them. */
const STOPPED = 0;
const NOT_STOPPED = 1;
const FAULT = 70;

/** After a fault nothing is sure, the end of a drain neither: the process ends this long after it. */
const FAULT_DRAIN_MS = 30_000;

/** What a signal stops: a coordinator. */
interface Stoppable {
  stop(): Promise<void>;
}

export class ProcessEnd {
  readonly #logger: ProcessLog;
  #coordinator: Stoppable | undefined;
  #ending = false;

  constructor(logger: ProcessLog) {
    this.#logger = logger;
    process.on('unhandledRejection', (reason) => this.#fault(reason));
    process.on('uncaughtException', (error) => this.#fault(error));
  }

  /** From now on signals and faults stop this coordinator before the process ends. */
  stops(coordinator: Stoppable): void {
    this.#coordinator = coordinator;
    // The first signal stops in good order; a second one does not wait.
    const onSignal = (): void => {
      if (this.#ending) process.exit(NOT_STOPPED);
      void this.#end(STOPPED);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  }

  /** What the fault left undone is unknown, so others take over: the nodes move, a supervisor restarts. */
  #fault(thrown: unknown): void {
    const err = thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
    this.#logger.error({ err }, 'a fault that no code handled: kelpied drains and ends');
    if (this.#ending) return;
    setTimeout(() => process.exit(FAULT), FAULT_DRAIN_MS).unref();
    void this.#end(FAULT);
  }

  async #end(code: number): Promise<void> {
    this.#ending = true;
    try {
      await this.#coordinator?.stop();
      this.#logger.info({}, 'stopped');
    } catch (err) {
      this.#logger.error({ err }, 'could not stop in good order');
      code ||= NOT_STOPPED;
    }
    await this.#logger.flush();
    process.exit(code);
  }
}
