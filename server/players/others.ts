/**
 * The facts of a player that nodes other than the holder changed. The holder's list and its joins contain all
 * facts of the player, perhaps without such a change; they must not undo it.
 */
import type { Player, PlayerChange } from '../../gen/ts/kelpie/v1/player.js';
import { LABELS } from '../network/labels.js';

/** The facts that other nodes changed last. */
export interface ChangedByOthers {
  /** Names of properties, including removed ones. The newest are last. */
  readonly properties: readonly string[];
  readonly context: boolean;
  readonly language: boolean;
}

export const NOTHING: ChangedByOthers = { properties: [], context: false, language: false };

/** Room for the names of all properties of a player, and for as many removed ones. */
const NAMES = 2 * LABELS;

/** The facts that other nodes changed last, after a change by another node. */
export function changedByOther(
  { others, player }: { readonly others: ChangedByOthers; readonly player: Player },
  change: PlayerChange,
): ChangedByOthers {
  const removed = change.removedProperties.filter((name) => Object.hasOwn(player.properties, name));
  const names = new Set([...Object.keys(change.properties), ...removed]);
  const before = others.properties.filter((name) => !names.has(name));
  return {
    properties: [...before, ...names].slice(-NAMES),
    context: others.context || change.context !== undefined,
    language: others.language || change.language !== undefined,
  };
}

/** The facts that other nodes changed last, after a change by the holder. The holder's change wins. */
export function changedByHolder(others: ChangedByOthers, change: PlayerChange): ChangedByOthers {
  const names = new Set([...Object.keys(change.properties), ...change.removedProperties]);
  return {
    properties: others.properties.filter((name) => !names.has(name)),
    context: others.context && change.context === undefined,
    language: others.language && change.language === undefined,
  };
}

/** Whether both name the same facts. The order of the names does not count. */
export function sameChanges(left: ChangedByOthers, right: ChangedByOthers): boolean {
  const names = new Set(right.properties);
  return (
    left.context === right.context &&
    left.language === right.language &&
    left.properties.length === right.properties.length &&
    left.properties.every((name) => names.has(name))
  );
}

/** The facts that the holder sent, except those that others changed: these stay as they are stored. */
export function withChangesOfOthers(
  named: Player,
  { others, player }: { readonly others: ChangedByOthers; readonly player: Player },
): Player {
  const theirs = new Set(others.properties);
  const own = Object.entries(named.properties).filter(([name]) => !theirs.has(name));
  const kept = Object.entries(player.properties).filter(([name]) => theirs.has(name));
  return {
    ...named,
    // If both together are too many, the holder's properties win.
    properties: sorted([...own, ...kept].slice(0, LABELS)),
    context: others.context ? player.context : named.context,
    language: others.language ? player.language : named.language,
  };
}

/** As `labelsOf` sorts them: the same properties are the same bytes. */
function sorted(entries: [string, string][]): Record<string, string> {
  return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)));
}
