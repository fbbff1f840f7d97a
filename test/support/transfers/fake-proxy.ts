/** A proxy of a FakeNetwork. */
import type {
  Acquired,
  CommandContext,
  Evicted,
  KelpieClient,
  PlayerFacts,
  PlayersOptions,
  Ticket,
  TransferPlayer,
} from '../../../client/index.js';
import type { World } from './world.js';

/** Does what transfer_player asks. The proxy replies when it resolves; a rejection refuses. */
export type Moving = (
  asked: TransferPlayer,
  proxy: FakeProxy,
  context: CommandContext,
) => Promise<void>;

export interface ProxyBehaviour {
  /** Default: `carryOut`. Undefined: the proxy does not handle transfer_player. */
  readonly moves?: Moving | undefined;
  /** Whether the routing rules give players a server who come to none. Default: they stay on none. */
  readonly routes?: boolean;
  /** Whether a player is really there, for verify_player. Default: a player who is in. */
  readonly verify?: PlayersOptions['verify'];
}

/** Moves the player, reports it, and replies then. */
const carryOut: Moving = (asked, proxy) => proxy.carryOut(asked);

/** Replies at once, and moves the player afterwards. */
export const replyFirst: Moving = async (asked, proxy) => {
  setImmediate(() => void proxy.carryOut(asked));
};

/** Refuses with this message. */
export function refuse(message: string): Moving {
  return async () => {
    throw new Error(message);
  };
}

/** Replies that it has begun, and moves nobody: one of the silent denials of WaterdogPE. */
export const moveNobody: Moving = async () => undefined;

/** Never replies, and moves nobody. It resolves when nobody waits for the reply any more. */
export const sayNothing: Moving = (_asked, _proxy, { signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

/** The player quits instead. */
export const quit: Moving = async ({ player }, proxy) => proxy.leave(player.id);

export class FakeProxy {
  readonly client: KelpieClient;
  /** The transfers that it had to carry out. */
  readonly asked: TransferPlayer[] = [];
  /** The players whom it had to disconnect. */
  readonly evicted: Evicted[] = [];
  /** The tickets that its logins redeemed. */
  readonly tickets: Ticket[] = [];
  /** The way in which it moves players from now on. */
  moves: Moving;
  readonly #world: World;
  readonly #routes: boolean;

  constructor(
    world: World,
    behaviour: ProxyBehaviour,
    connect: (players: PlayersOptions) => KelpieClient,
  ) {
    this.#world = world;
    this.moves = behaviour.moves ?? carryOut;
    this.#routes = behaviour.routes ?? false;
    const onEvicted = (evicted: Evicted): void => void this.evicted.push(evicted);
    const isIn = (id: string) => ({ connected: this.client.players.get(id) !== undefined });
    this.client = connect({ onEvicted, verify: behaviour.verify ?? isIn });
    if ('moves' in behaviour && behaviour.moves === undefined) return;
    this.client.handle('transfer_player', (asked, context) => {
      this.asked.push(asked);
      return this.moves(asked, this, context);
    });
  }

  /** Logs a player in. They come to the server of their ticket if they have one, else to `server`. */
  async bring(facts: PlayerFacts, server = ''): Promise<Acquired> {
    const acquired = await this.client.players.acquire(facts);
    if (!acquired.granted) return acquired;
    if (acquired.ticket) this.tickets.push(acquired.ticket);
    await this.client.players.joined(facts);
    const named = acquired.ticket ? acquired.ticket.server : server;
    const goal = named === '' && this.#routes ? this.#joins(facts) : named;
    if (goal !== '') await this.move(facts.xuid ?? facts.uuid ?? '', goal);
    return acquired;
  }

  #joins(player: PlayerFacts): string {
    return this.client.roster.pick({ for: 'join', player })?.server ?? '';
  }

  /** The player comes to another server of this proxy. */
  async move(id: string, server: string): Promise<void> {
    this.#world.put(id, server);
    await this.client.players.moved(id, server);
  }

  /** The player quits. */
  async leave(id: string): Promise<void> {
    this.#world.put(id, '');
    await this.client.players.left(id);
  }

  /** Moves the player to the server, or makes their client connect to the address. */
  async carryOut({ player: { id }, server, address }: TransferPlayer): Promise<void> {
    if (!address) return this.move(id, server);
    const found = this.client.players.get(id);
    if (!found) throw new Error('the player is gone');
    const { xuid, uuid, name } = found;
    const login = this.#world.doors.get(address.port);
    if (!login) throw new Error(`nobody listens at the public port ${address.port}`);
    await this.leave(id);
    await login({ xuid, uuid, name });
  }
}
