/** `kelpie drain`: empty a proxy or a server, or cancel that. */
import type { Command } from 'commander';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { DrainNodeResponse, DrainStage } from '../../gen/ts/kelpie/v1/node_service.js';
import type { Api, DrainCallOptions } from '../api/index.js';
import { fromThrown, fromWire } from '../errors.js';
import { act, command, type Common } from './command.js';
import { age, rate } from './input/arguments.js';
import { destinationOf, type DestinationOptions, towards } from './input/destination.js';
import { counted, explain, print, stateCell, UsageError, warn } from './output/output.js';
import { Progress } from './output/progress.js';
import { printRecord } from './output/records.js';

interface DrainOptions extends Common, DestinationOptions {
  /** Players a second. */
  readonly rate?: number;
  /** In milliseconds. */
  readonly deadline?: number;
  readonly wait: boolean;
  readonly cancel: boolean;
}

/** How often a line shows the progress where no terminal does. */
const LINE_MS = 5000;
const BAR = 30;

export function drainCommand(): Command {
  return towards(command('drain <node>', 'empty a proxy or a server, for example to update it'))
    .option('--rate <count/s>', 'how many players are moved each second (default: 5/s)', rate)
    .option('--deadline <time>', 'when to stop moving players: 90s, 10m, 2h (default: 10m)', age)
    .option('--wait', 'show the progress until the node is empty', false)
    .option('--cancel', 'drain the node no longer', false)
    .addHelpText(
      'after',
      '\nWithout a destination, players of a server go where the routing rules send them, and players of a' +
        '\nproxy go to another proxy and stay on their server. The node stays DRAINING until --cancel, also after its restart.' +
        '\nCtrl+C ends the command, not the drain. With --wait the exit code is 0 if the node is empty or left.',
    )
    .action((node: string, options: DrainOptions) =>
      act(options, (api) => (options.cancel ? cancel : drain)(api, node, options)),
    );
}

async function cancel(api: Api, name: string, options: DrainOptions): Promise<boolean> {
  const { rate: asked, deadline, wait, output } = options;
  if (wait || asked !== undefined || deadline !== undefined || destinationOf(options)) {
    throw new UsageError('--cancel goes with none of --wait, --rate, --deadline and a destination');
  }
  const node = await api.messages.nodes.cancelDrain(name);
  if (output !== 'table') {
    printRecord(output, 'CancelNodeDrainResponse', { node: node && Node.toJSON(node) });
  } else if (node) print(`${node.name} is not drained: it is ${stateCell(node).text}.`);
  else print(`The drain of ${name.toLowerCase()} is cancelled. No node has the name now.`);
  return true;
}

/** Resolves with whether the drain began, or whether the node is empty or left. */
async function drain(api: Api, typed: string, options: DrainOptions): Promise<boolean> {
  const name = typed.toLowerCase();
  const shown = new Shown(name, options);
  const interrupted = (): void => warn(`the drain of ${name} goes on; ${cancelHint(name)}`);
  process.prependListener('SIGINT', interrupted);
  try {
    for await (const progress of api.messages.nodes.drain(name, callOf(options))) {
      const isBegun = shown.take(progress);
      if (isBegun && !options.wait) return true;
      if (hasEnded(progress)) return shown.end(progress);
    }
    return false;
  } catch (thrown) {
    shown.clear();
    if (!shown.hasBegun || fromThrown(thrown).permanent) throw thrown;
    warn(`${explain(thrown)}; the drain of ${name} goes on: follow it by the same command`);
    return false;
  } finally {
    process.off('SIGINT', interrupted);
  }
}

function callOf(options: DrainOptions): DrainCallOptions {
  const { rate: playersPerSecond, deadline: deadlineMs, timeout, wait } = options;
  const to = destinationOf(options);
  return {
    ...(to && { to }),
    ...(playersPerSecond !== undefined && { playersPerSecond }),
    ...(deadlineMs !== undefined && { deadlineMs }),
    ...(!wait && { timeoutMs: timeout ?? 10_000 }),
  };
}

function hasEnded({ stage }: DrainNodeResponse): boolean {
  return stage !== DrainStage.MOVING;
}

function cancelHint(name: string): string {
  return `cancel it: kelpie drain ${name} --cancel`;
}

function staysDraining(name: string): string {
  return `It stays DRAINING, also after a restart, until kelpie drain ${name} --cancel`;
}

/** The progress as the user sees it. */
class Shown {
  readonly #name: string;
  readonly #options: DrainOptions;
  readonly #progress = new Progress();
  readonly #isTerminal = process.stderr.isTTY;
  #lineMs = -Infinity;
  /** The error of the last transfer that failed, as the user has it. */
  #why = '';
  hasBegun = false;

  constructor(name: string, options: DrainOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** Returns whether the caller who does not wait has seen enough. An empty node ends at once. */
  take(progress: DrainNodeResponse): boolean {
    const { output, wait } = this.#options;
    this.hasBegun = true;
    const isOver = hasEnded(progress) || progress.playersLeft === 0;
    if (output !== 'table') printRecord(output, 'DrainNodeResponse', json(progress));
    else if (wait && !hasEnded(progress)) this.#show(progress);
    else if (!isOver) print(this.#begun(progress));
    return !isOver;
  }

  #begun({ playersLeft }: DrainNodeResponse): string[] {
    return [
      `Draining ${this.#name}: ${counted(playersLeft, 'player')} left.`,
      `Follow it: the same command with --wait. Cancel it: kelpie drain ${this.#name} --cancel`,
    ];
  }

  #show(progress: DrainNodeResponse): void {
    const isTime = performance.now() - this.#lineMs >= LINE_MS;
    if (isTime) {
      this.#lineMs = performance.now();
      if (!this.#isTerminal) print(`${this.#name}: ${countsOf(progress)}`);
    }
    if (isTime || this.#why === '') this.#showError(progress);
    if (this.#isTerminal) this.#progress.show(barOf(this.#name, progress));
  }

  /** Prints the error if it is another one than before. */
  #showError({ lastError }: DrainNodeResponse): void {
    const why = lastError ? explain(fromWire(lastError)) : '';
    if (why === this.#why) return;
    this.#why = why;
    this.#progress.end();
    if (why !== '') warn(why);
  }

  /** Shows the end, and returns whether the node is empty or left. */
  end(progress: DrainNodeResponse): boolean {
    this.clear();
    const { stage } = progress;
    const { EMPTY, NODE_LEFT } = DrainStage;
    if (this.#options.output === 'table') print(this.#ended(progress));
    return stage === EMPTY || stage === NODE_LEFT;
  }

  #ended({ stage, playersLeft, playersMoved, lastError }: DrainNodeResponse): string[] {
    const name = this.#name;
    const moved = counted(playersMoved, 'player');
    switch (stage) {
      case DrainStage.EMPTY:
        return [`${name} is empty: ${moved} moved.`, staysDraining(name)];
      case DrainStage.NODE_LEFT:
        return [
          `${name} left: ${moved} moved before. The next process of this name is drained too.`,
        ];
      case DrainStage.CANCELLED:
        return [`Somebody cancelled the drain of ${name}: ${moved} moved, ${playersLeft} left.`];
      default: {
        const why = lastError
          ? ` The last transfer that failed: ${explain(fromWire(lastError))}`
          : '';
        const left = counted(playersLeft, 'player');
        return [
          `The deadline has passed: ${left} left on ${name}, ${moved} moved.${why}`,
          staysDraining(name),
        ];
      }
    }
  }

  clear(): void {
    this.#progress.end();
  }
}

function json(progress: DrainNodeResponse): unknown {
  return DrainNodeResponse.toJSON(progress);
}

/** `12 moved, 25 left, 3 failed (NO_TARGET)` */
function countsOf(progress: DrainNodeResponse): string {
  const { playersLeft, playersMoved, transfersFailed, lastError } = progress;
  const reason = lastError ? ` (${fromWire(lastError).reason})` : '';
  const failed = transfersFailed > 0 ? `, ${transfersFailed} failed${reason}` : '';
  return `${playersMoved} moved, ${playersLeft} left${failed}`;
}

/** `lobby-1 [##########----------] 12 moved, 25 left` */
function barOf(name: string, progress: DrainNodeResponse): string {
  const { playersLeft, playersMoved } = progress;
  const done = Math.round((BAR * playersMoved) / Math.max(1, playersMoved + playersLeft));
  return `${name} [${'#'.repeat(done)}${'-'.repeat(BAR - done)}] ${countsOf(progress)}`;
}
