/** The place that players are moved to, as the options of a command name it. */
import { Option, type Command } from 'commander';
import { RoutingStrategy } from '../../../gen/ts/kelpie/v1/routing.js';
import type { Destination, StrategyName } from '../../api/index.js';
import { UsageError } from '../output/output.js';
import { name, pair } from './arguments.js';

export interface DestinationOptions {
  readonly to?: string;
  /** Labels of the servers to choose from. */
  readonly select: Readonly<Record<string, string>>;
  readonly strategy?: Lowercase<StrategyName>;
  /** Another proxy. */
  readonly proxy?: string;
  /** The server that players are on after they came to the other proxy. */
  readonly server?: string;
}

const STRATEGIES = Object.keys(RoutingStrategy)
  .filter((strategy) => strategy !== 'UNSPECIFIED')
  .map((strategy) => strategy.toLowerCase());

/** Adds the options that name a destination. */
export function towards(to: Command): Command {
  return to
    .option('--to <server>', 'to this server', name)
    .option(
      '--select <name=value>',
      'to one of the servers with this label; may be repeated',
      pair,
      {},
    )
    .addOption(
      new Option('--strategy <strategy>', 'with --select: how the server is chosen').choices(
        STRATEGIES,
      ),
    )
    .option('--proxy <proxy>', "to another proxy: the players' clients connect to it", name)
    .option('--server <server>', 'with --proxy: the server that they are on then', name);
}

/** The place; undefined if the options name none. Throws a UsageError for more than one. */
export function destinationOf(options: DestinationOptions): Destination | undefined {
  const { to, select, strategy, proxy, server } = options;
  const selects = Object.keys(select).length > 0;
  const places = [to !== undefined, selects, proxy !== undefined];
  if (places.filter(Boolean).length > 1) {
    throw new UsageError('name one destination: --to, --select or --proxy');
  }
  if (strategy !== undefined && !selects) throw new UsageError('--strategy goes with --select');
  if (server !== undefined && proxy === undefined) {
    throw new UsageError('--server goes with --proxy; to a server of the same proxy it is --to');
  }
  if (to !== undefined) return { server: to };
  if (selects) return { servers: { labels: select }, ...chosenBy(strategy) };
  return proxy === undefined ? undefined : { proxy, ...(server !== undefined && { server }) };
}

function chosenBy(strategy: Lowercase<StrategyName> | undefined) {
  return strategy !== undefined && { strategy: strategy.toUpperCase() as StrategyName };
}
