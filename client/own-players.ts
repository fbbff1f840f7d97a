/** The players of a node that holds players: a proxy, or a server that players join directly. */
import type { PlayerRef } from './commands/refs.js';
import type { Clock } from './core/clock.js';
import type { Link } from './connection/link.js';
import type { Handlers } from './commands/handlers.js';
import type { ConnectOptions } from './options.js';
import { holdsNoPlayers } from './players/players.js';
import { ProxySession } from './players/proxy-session.js';
import type { Roster } from './roster/roster.js';
import type { Status } from './status.js';

/** The parts that a client gives to its players. */
interface OwnPlayersParts {
  readonly clock: Clock;
  readonly link: () => Link | undefined;
  readonly post: (status: Status) => void;
  readonly roster: Pick<Roster, 'settings' | 'own'>;
}

/** Undefined for a node that holds no players. */
export function playersOf(
  { name, role, players }: ConnectOptions,
  handlers: Handlers,
  { clock, link, post, roster }: OwnPlayersParts,
): ProxySession | undefined {
  if (!players) return undefined;
  if (role === 'SERVICE') throw holdsNoPlayers();
  const ownServer = role === 'DOWNSTREAM' ? name.toLowerCase() : undefined;
  const proxy = new ProxySession({
    ...{ clock, link, players, ownServer },
    settings: () => roster.settings,
    onServer: (id, server) => roster.own(id, server),
    onRefused: (error) => post({ type: 'refused', error }),
    onFailure: (pattern, error) => post({ type: 'handlerFailed', pattern, error }),
  });
  if (players.verify)
    handlers.add('verify_player', ({ player }: { player: PlayerRef }) => proxy.verify(player));
  return proxy;
}
