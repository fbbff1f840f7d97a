/** A server of a FakeNetwork. */
import type {
  ConfirmArrival,
  FormHandler,
  KelpieClient,
  MoveForms,
  PrepareArrival,
  PrepareDeparture,
  TransferEnded,
} from '../../../client/index.js';
import type { World } from './world.js';

type ServerCommand = Exclude<keyof MoveForms, 'transfer_player'>;

/** Handlers in place of the server's own; undefined: the server does not handle the command. */
export type ServerBehaviour = {
  readonly [Name in ServerCommand]?: FormHandler<Name> | undefined;
};

/** A server without any command of transfers. */
export const NO_COMMANDS: ServerBehaviour = {
  prepare_arrival: undefined,
  prepare_departure: undefined,
  confirm_arrival: undefined,
  transfer_ended: undefined,
};

/** By default it takes everybody, lets everybody go, and confirms a player who is in its world. */
export class FakeServer {
  readonly client: KelpieClient;
  readonly arrivals: PrepareArrival[] = [];
  readonly departures: PrepareDeparture[] = [];
  readonly confirmed: ConfirmArrival[] = [];
  readonly ended: TransferEnded[] = [];

  constructor(world: World, client: KelpieClient, behaviour: ServerBehaviour) {
    this.client = client;
    const all: ServerBehaviour = {
      prepare_arrival: () => undefined,
      prepare_departure: () => undefined,
      confirm_arrival: ({ player }, { signal }) => world.arrival(player.id, client.name, signal),
      transfer_ended: () => undefined,
      ...behaviour,
    };
    this.#handle('prepare_arrival', all.prepare_arrival, this.arrivals);
    this.#handle('prepare_departure', all.prepare_departure, this.departures);
    this.#handle('confirm_arrival', all.confirm_arrival, this.confirmed);
    this.#handle('transfer_ended', all.transfer_ended, this.ended);
  }

  #handle<Name extends ServerCommand>(
    name: Name,
    handler: FormHandler<Name> | undefined,
    asked: MoveForms[Name]['request'][],
  ): void {
    if (!handler) return;
    const keeping: FormHandler<Name> = (request, context) => {
      asked.push(request);
      return handler(request, context);
    };
    this.client.handle(name, keeping);
  }
}
