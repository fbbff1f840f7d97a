/** Servers to choose from, in the form of programs and in the form of the contract. Pure. */
import type { ServerSelector as WireSelector } from '../../gen/ts/kelpie/v1/routing.js';
import type { ServerSelection as WireSelection } from '../../gen/ts/kelpie/v1/transfer.js';
import { textList, texts } from './arguments.js';
import { type Fields, known } from './known.js';
import { strategyOf, type StrategyName } from './spelling.js';

/** Servers that match all of these. A field that is left out matches every server. */
export interface ServerSelector {
  /** Labels that the servers have. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Names of servers, in any case. */
  readonly names?: readonly string[];
}

/** One of several servers. */
export interface ServerSelection {
  readonly servers: ServerSelector;
  /** How one of them is chosen. Default LEAST_PLAYERS. */
  readonly strategy?: StrategyName;
}

const SELECTS: Fields<ServerSelector> = { labels: 1, names: 1 };
const SELECTION: Fields<ServerSelection> = { servers: 1, strategy: 1 };

/** A copy. Throws VALUE_INVALID. */
export function serverSelectorOf(field: string, selector: ServerSelector): WireSelector {
  const { labels = {}, names = [] } = known(field, selector, SELECTS);
  return { labels: texts(`${field}.labels`, labels), names: textList(`${field}.names`, names) };
}

/** A copy. Throws VALUE_INVALID. */
export function serverSelectionOf(field: string, selection: ServerSelection): WireSelection {
  const { servers, strategy } = known(field, selection, SELECTION);
  return {
    servers: serverSelectorOf(`${field}.servers`, servers),
    strategy: strategyOf(strategy, `${field}.strategy`),
  };
}
