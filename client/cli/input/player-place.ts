/** Which players a command is for, as its options say. */
import type { PlayerTarget } from '../../../gen/ts/kelpie/v1/player_service.js';
import type { Api } from './calls.js';
import { requirePlayer } from '../find.js';
import { UsageError } from '../output/output.js';
import type { PlayerFilter } from '../players.js';

export type Place = NonNullable<PlayerTarget['place']>;

/** One player, whom the coordinator knows by their id: not somebody who took the name meanwhile. */
export async function onePlayer(api: Api, who: string) {
  const { id, name } = await requirePlayer(api, who);
  const place: Place = { $case: 'player', value: { by: { $case: 'id', value: id } } };
  return { place, names: new Map([[id, name]]) };
}

/** The place that the options name; undefined if they name none. */
export function placeOf({ server, proxy, label }: PlayerFilter): Place | undefined {
  const labels = { ...label };
  const places: Place[] = [];
  if (server !== undefined) places.push({ $case: 'server', value: server });
  if (proxy !== undefined) places.push({ $case: 'proxy', value: proxy });
  if (Object.keys(labels).length > 0) {
    places.push({ $case: 'servers', value: { roles: [], states: [], labels } });
  }
  if (places.length > 1) {
    throw new UsageError('name one place: --server, --proxy, or labels of servers with --label');
  }
  return places[0];
}

export const everyone: Place = { $case: 'everyone', value: {} };
