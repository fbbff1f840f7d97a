/**
 * The facts of a player that the proxy changed without an answer of the coordinator. The list of the proxy does not
 * replace facts that other nodes changed, so the proxy reports these facts as a change again. Pure.
 */
import type { Player, PlayerChange } from '../../gen/ts/kelpie/v1/player.js';

/** The changed facts. The player in the list has their values. */
export interface UnansweredChange {
  /** Names of properties, including removed ones. */
  readonly names: ReadonlySet<string>;
  readonly context: boolean;
  readonly language: boolean;
}

/** The most names. A player has at most 64 properties; the same number of removed ones fits beside them. */
const NAMES = 128;

/** The changed facts, after one more change without an answer. If there are too many names, removed ones go first. */
export function withUnanswered(
  before: UnansweredChange | undefined,
  change: PlayerChange,
  { properties }: Player,
): UnansweredChange {
  const news = [...Object.keys(change.properties), ...change.removedProperties];
  const names = new Set(before?.names);
  for (const name of news) {
    names.delete(name);
    names.add(name);
  }
  const removedFirst = [...names].sort(
    (left, right) =>
      Number(Object.hasOwn(properties, left)) - Number(Object.hasOwn(properties, right)),
  );
  return {
    names: new Set(removedFirst.slice(-NAMES)),
    context: before?.context === true || change.context !== undefined,
    language: before?.language === true || change.language !== undefined,
  };
}

/** One change that gives all these facts the values that the player has now. */
export function changeAgain(
  { names, context, language }: UnansweredChange,
  player: Player,
): PlayerChange {
  const properties = Object.entries(player.properties).filter(([name]) => names.has(name));
  return {
    properties: Object.fromEntries(properties),
    removedProperties: [...names].filter((name) => !Object.hasOwn(player.properties, name)),
    context: context ? player.context : undefined,
    language: language ? player.language : undefined,
  };
}
