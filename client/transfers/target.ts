/** The players that a request is for, in the form of programs and in the form of the contract. Pure. */
import type { PlayerLookup as WireLookup } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerTarget } from '../../gen/ts/kelpie/v1/player_service.js';
import { type Selector, selectorOf } from '../commands/commands.js';
import { flag, invalid, onlyKey, text } from '../core/arguments.js';
import { checkedLookup, type PlayerLookup } from '../roster/players.js';

/** The players that a call is for. */
export type PlayersTarget =
  | { readonly player: PlayerLookup }
  | { readonly server: string }
  | { readonly proxy: string }
  /** All on servers that match. */
  | { readonly servers: Selector }
  | { readonly everyone: true };

const PLACES = ['player', 'server', 'proxy', 'servers', 'everyone'] as const;

/** Only `everyone: true` is everybody. Throws VALUE_INVALID. */
export function playersOf(target: PlayersTarget): PlayerTarget {
  onlyKey('target', target, PLACES);
  if ('player' in target) return { place: { $case: 'player', value: lookupOf(target.player) } };
  if ('server' in target) {
    return { place: { $case: 'server', value: text('target.server', target.server) } };
  }
  if ('proxy' in target) {
    return { place: { $case: 'proxy', value: text('target.proxy', target.proxy) } };
  }
  if ('servers' in target) {
    return { place: { $case: 'servers', value: selectorOf(target.servers) } };
  }
  if (flag('target.everyone', target.everyone)) return { place: { $case: 'everyone', value: {} } };
  throw invalid('target.everyone is false, which names nobody; it must be true', 'target');
}

/** Throws VALUE_INVALID. */
export function lookupOf(given: PlayerLookup): WireLookup {
  const player = checkedLookup(given);
  if ('id' in player) return { by: { $case: 'id', value: player.id } };
  if ('xuid' in player) return { by: { $case: 'xuid', value: player.xuid } };
  if ('uuid' in player) return { by: { $case: 'uuid', value: player.uuid } };
  return { by: { $case: 'name', value: player.name } };
}
