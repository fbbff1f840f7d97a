/** `kelpie transfer`: move players to a server, or to another proxy. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { TransferStage, TransferUpdate } from '../../gen/ts/kelpie/v1/transfer.js';
import type { Api, Destination, MessageContent, PlayersTarget } from '../api/index.js';
import { fromWire, messageOf } from '../errors.js';
import { act, command, type Common } from './command.js';
import { name, pair } from './input/arguments.js';
import { destinationOf, type DestinationOptions, towards } from './input/destination.js';
import {
  onePlayer,
  placeOf,
  type PlayerOptions,
  refuseUnknownPlace,
} from './input/player-place.js';
import { type Cell, counted, print, table, UsageError, warn } from './output/output.js';
import { Progress } from './output/progress.js';
import { printRecord } from './output/records.js';

interface TransferOptions extends Common, DestinationOptions {
  /** All players on this server, on this proxy, or on servers with these labels. */
  readonly fromServer?: string;
  readonly fromProxy?: string;
  readonly fromLabel: Readonly<Record<string, string>>;
  readonly all: boolean;
  /** The context: text, or a file after an @. */
  readonly data?: string;
}

export function transferCommand(): Command {
  return towards(command('transfer [who...]', 'move players to a server, or to another proxy'))
    .option('--from-server <server>', 'all on this server', name)
    .option('--from-proxy <proxy>', 'all on this proxy', name)
    .option(
      '--from-label <name=value>',
      'all on servers with this label; may be repeated',
      pair,
      {},
    )
    .option('--all', 'everybody in the network', false)
    .option('--data <text|@file>', 'the context, for the programs of the target', name)
    .addHelpText(
      'after',
      '\nEach transfer has the time of --timeout, or 30s. Ctrl+C ends the command, not the transfers.',
    )
    .action((who: string[], options: TransferOptions) =>
      act(options, (api) => transfer(api, who, options)),
    );
}

/** Resolves with whether all players arrived. */
async function transfer(api: Api, who: string[], options: TransferOptions): Promise<boolean> {
  const destination = destinationOf(options);
  if (!destination) throw new UsageError('say where to: --to, --select or --proxy');
  const context = contextOf(options.data);
  const targets = await targetsOf(api, who, options);
  const moves = new Moves(options, who.length > 0);
  process.prependListener('SIGINT', interrupted);
  try {
    const asked = targets.map((target) => moves.run(api, target, destination, context));
    const [failure] = (await Promise.allSettled(asked)).filter((one) => one.status === 'rejected');
    moves.show();
    if (failure) throw failure.reason;
    return moves.failed === 0;
  } finally {
    process.off('SIGINT', interrupted);
  }
}

function interrupted(): void {
  warn('the transfers go on; kelpie players shows where the players are');
}

/** Names of players, or one place. All names are looked up first: a wrong one moves nobody. */
async function targetsOf(api: Api, who: string[], options: TransferOptions) {
  const { fromServer, fromProxy, fromLabel, all } = options;
  const from: PlayerOptions = {
    label: fromLabel,
    ...(fromServer !== undefined && { server: fromServer }),
    ...(fromProxy !== undefined && { proxy: fromProxy }),
  };
  const place = placeOf(from, 'from-');
  const ways = [who.length > 0, place !== undefined, all].filter(Boolean).length;
  if (ways !== 1) {
    const advice = 'players, --from-server, --from-proxy, --from-label or --all';
    throw new UsageError(`say whom to move, in one way: ${advice}`);
  }
  if (place) await refuseUnknownPlace(api, from, 'from-');
  const many: PlayersTarget = place ?? { everyone: true };
  if (who.length === 0) return [many];
  const found = await Promise.all(who.map(async (one) => (await onePlayer(api, one)).place));
  return found;
}

/** Throws a UsageError for a file that cannot be read. */
function contextOf(data: string | undefined): MessageContent | undefined {
  if (!data?.startsWith('@')) return data;
  try {
    return new Uint8Array(readFileSync(data.slice(1)));
  } catch (error) {
    throw new UsageError(`--data ${data}: ${messageOf(error)}`);
  }
}

/** The transfers that the command requested. */
class Moves {
  readonly #options: TransferOptions;
  /** Whether the command names players. A player at a place who is on the target already needs no transfer. */
  readonly #named: boolean;
  readonly #progress = new Progress();
  readonly #arrived: TransferUpdate[] = [];
  readonly #failures: TransferUpdate[] = [];
  #present = 0;
  /** How many players are left, by request. */
  readonly #left = new Map<PlayersTarget, number>();

  constructor(options: TransferOptions, named: boolean) {
    this.#options = options;
    this.#named = named;
  }

  get failed(): number {
    return this.#failures.length;
  }

  /** Rejects with an error that is not the end of a player's transfer. */
  async run(
    api: Api,
    target: PlayersTarget,
    destination: Destination,
    context: MessageContent | undefined,
  ): Promise<void> {
    const { timeout } = this.#options;
    const options = {
      ...(context !== undefined && { context }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
    };
    let ended = false;
    try {
      for await (const update of api.messages.players.transfer(target, destination, options)) {
        ended = update.last;
        this.#left.set(target, update.playersLeft);
        this.#take(update);
      }
    } catch (error) {
      // The failure of a single player is the error of the call too.
      if (!ended) throw error;
    }
  }

  #take(update: TransferUpdate): void {
    const { stage, error } = update;
    const present = !this.#named && error?.reason === ErrorReason.ALREADY_THERE;
    if (present) this.#present += 1;
    else if (stage === TransferStage.FAILED) this.#failures.push(update);
    else if (stage === TransferStage.ARRIVED) this.#arrived.push(update);
    const { output } = this.#options;
    if (output === 'table') this.#progress.show(this.#inWords());
    else printRecord(output, 'TransferUpdate', TransferUpdate.toJSON(update));
  }

  #inWords(): string {
    const left = [...this.#left.values()].reduce((sum, one) => sum + one, 0);
    return `Moving players: ${this.#arrived.length} arrived, ${this.failed} failed, ${left} left`;
  }

  /** The failures in a table, and how many players arrived where. */
  show(): void {
    this.#progress.end();
    if (this.#options.output !== 'table') return;
    if (this.failed > 0)
      print(table(['PLAYER', 'TO', 'REASON', 'MESSAGE'], this.#failures.map(failureRow)));
    if (this.#arrived.length + this.failed + this.#present === 0) return;
    const failed = this.failed > 0 ? `; ${this.failed} failed` : '';
    const present = this.#present > 0 ? `; ${this.#present} were there already` : '';
    print(`Moved ${arrivals(this.#arrived)}${failed}${present}.`);
  }
}

function failureRow({ playerName, player, target, error }: TransferUpdate): Cell[] {
  const { reason, message } = fromWire(error);
  const who = playerName === '' ? (player?.playerId ?? '') : playerName;
  return [who, target === '' ? '-' : target, { text: reason, style: 'red' }, message];
}

/** `Steve to arena-1`, `3 players: 2 to lobby-1, 1 to lobby-2`. */
function arrivals(arrived: readonly TransferUpdate[]): string {
  const [only, second] = arrived;
  if (only && !second) return `${only.playerName} to ${only.target}`;
  const counts = new Map<string, number>();
  for (const { target } of arrived) counts.set(target, (counts.get(target) ?? 0) + 1);
  const places = [...counts].sort().map(([node, count]) => `${count} to ${node}`);
  return [counted(arrived.length, 'player'), places.join(', ')].filter(Boolean).join(': ');
}
