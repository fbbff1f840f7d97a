/**
 * Ends the process kelpied after a signal, or after a fault that no code handled. Only the program kelpied does this: a
 * coordinator inside another program never ends the process.
 */
import type { ProcessLog } from './log/log.js';

/** The exit codes; the manual lists them. */
const STOPPED = 0;
const NOT_STOPPED = 1;
const FAULT = 70;

/** After a fault the drain itself may never end, so the process ends at the latest after this time. */
const FAULT_DRAIN_MS = 30_000;

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

  /** From this call on, signals and faults stop the coordinator before the process ends. */
  stops(coordinator: Stoppable): void {
    this.#coordinator = coordinator;
    // The first signal drains the coordinator; a second one ends the process at once.
    const onSignal = (): void => {
      if (this.#ending) process.exit(NOT_STOPPED);
      void this.#end(STOPPED);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  }

  /** Ends the process after a start that failed: nothing that the start left behind keeps it, nor its supervisor waiting. */
  async failed(code: number): Promise<void> {
    await this.#logger.flush();
    process.exit(code);
  }

  /**
   * After the fault the state of the process is uncertain, so the process ends: the nodes move to other coordinators,
   * and a supervisor restarts kelpied.
   */
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
      this.#logger.error({ err }, 'the coordinator did not stop cleanly');
      code ||= NOT_STOPPED;
    }
    await this.#logger.flush();
    process.exit(code);
  }
}
