/** `api.messages`: the calls of an API, with answers as the contract has them. */
import type { CreateService } from '../call.js';
import { AccessMessages } from './access.js';
import { CommandMessages } from './commands.js';
import { CoordinatorMessages } from './coordinator.js';
import { EventMessages } from './events.js';
import { NetworkMessages } from './network.js';
import { NodeMessages } from './nodes.js';
import { PlayerMessages } from './players.js';
import { RoutingMessages } from './routing.js';
import { StateMessages } from './state.js';

/**
 * The calls of an API under the same names, with the same arguments. Their answers are the messages of the
 * contract, whose enums are numbers: for programs that hand them on, as protobuf or as JSON.
 */
export class Messages {
  readonly nodes: NodeMessages;
  readonly players: PlayerMessages;
  readonly events: EventMessages;
  readonly commands: CommandMessages;
  readonly network: NetworkMessages;
  readonly routing: RoutingMessages;
  readonly state: StateMessages;
  readonly coordinator: CoordinatorMessages;
  readonly access: AccessMessages;

  /** @internal */
  constructor(create: CreateService) {
    this.nodes = new NodeMessages(create);
    this.players = new PlayerMessages(create);
    this.events = new EventMessages(create);
    this.commands = new CommandMessages(create);
    this.network = new NetworkMessages(create);
    this.routing = new RoutingMessages(create);
    this.state = new StateMessages(create);
    this.coordinator = new CoordinatorMessages(create);
    this.access = new AccessMessages(create);
  }
}
