/** The rights that each call needs. */
import { AccessServiceDefinition } from '../../gen/ts/kelpie/v1/access_service.js';
import { CommandServiceDefinition } from '../../gen/ts/kelpie/v1/command_service.js';
import { CoordinatorServiceDefinition } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { EventServiceDefinition } from '../../gen/ts/kelpie/v1/event_service.js';
import { NetworkServiceDefinition } from '../../gen/ts/kelpie/v1/network_service.js';
import { NodeServiceDefinition } from '../../gen/ts/kelpie/v1/node_service.js';
import { PlayerServiceDefinition } from '../../gen/ts/kelpie/v1/player_service.js';
import { RoutingServiceDefinition } from '../../gen/ts/kelpie/v1/routing_service.js';
import { SessionServiceDefinition } from '../../gen/ts/kelpie/v1/session_service.js';
import { StateServiceDefinition } from '../../gen/ts/kelpie/v1/state_service.js';
import type { Right } from './access.js';
import {
  issuing,
  nothing,
  publishingAll,
  reading,
  readingAll,
  readingNode,
  readingPlayer,
  type RightLimits,
  valueTopic,
  verb,
  writing,
} from './needs.js';

/** The rights that a call with this request needs. */
type Needs<Request> = (request: Request, limits: RightLimits) => Iterable<Right>;

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, Method>>;
}

interface Method {
  readonly name: string;
  readonly requestType: { decode(bytes: Uint8Array): unknown };
}

type CallTable<Definition extends Service> = {
  readonly [Name in keyof Definition['methods']]: Needs<
    ReturnType<Definition['methods'][Name]['requestType']['decode']>
  >;
};

/** The rows of one service, by the paths of its methods. */
function rows<Definition extends Service>(
  { fullName, methods }: Definition,
  table: CallTable<Definition>,
): [string, Needs<never>][] {
  return Object.entries(methods).map(([key, { name }]) => [
    `/${fullName}/${name}`,
    table[key] as Needs<never>,
  ]);
}

const MANAGE = verb('MANAGE_CREDENTIALS');
const NODES = [reading('nodes.*')];
const PLAYERS = [reading('players.*')];
const ROUTING = [reading('routing')];

/** The table, by paths. */
export const calls: ReadonlyMap<string, Needs<never>> = new Map<string, Needs<never>>([
  // Its frames ask, the Hello first.
  ...rows(SessionServiceDefinition, { connect: nothing }),
  ...rows(NodeServiceDefinition, {
    listNodes: () => NODES,
    getNode: ({ name }) => [readingNode(name)],
    updateNode: verb('UPDATE_NODES'),
    disconnectNode: verb('DISCONNECT'),
    drainNode: verb('DRAIN'),
    cancelNodeDrain: verb('DRAIN'),
    reserveSlots: verb('RESERVE'),
    releaseSlots: verb('RESERVE'),
  }),
  ...rows(PlayerServiceDefinition, {
    getPlayer: ({ player }) => [readingPlayer(player)],
    batchGetPlayers: () => PLAYERS,
    // The filters compare the servers of players.
    listPlayers: () => PLAYERS,
    countPlayers: () => [...PLAYERS, ...NODES],
    kickPlayers: verb('KICK'),
    transferPlayers: verb('TRANSFER'),
    showMessage: verb('SHOW_MESSAGE'),
  }),
  ...rows(CommandServiceDefinition, { issueCommand: issuing }),
  ...rows(EventServiceDefinition, {
    publishEvents: ({ events }, { publishEvents }) =>
      publishingAll(
        events.map(({ topic }) => topic),
        publishEvents,
      ),
    readEvents: ({ topics }, { patterns }) => readingAll(topics, patterns),
    watchEvents: ({ topics }, { patterns }) => readingAll(topics, patterns),
  }),
  ...rows(StateServiceDefinition, {
    getValue: (place) => [reading(valueTopic(place))],
    listValues: ({ bucket }) => [reading(`state.${bucket === '' ? '*' : bucket}.*`)],
    putValue: writing,
    deleteValue: writing,
  }),
  ...rows(RoutingServiceDefinition, {
    getRouting: () => ROUTING,
    setRouting: verb('SET_ROUTING'),
    explainRouting: ({ player }) => [
      ...ROUTING,
      ...NODES,
      ...(player ? [readingPlayer(player)] : []),
    ],
  }),
  ...rows(NetworkServiceDefinition, {
    getSettings: () => [reading('kelpie.settings')],
    setSettings: verb('SET_SETTINGS'),
  }),
  ...rows(CoordinatorServiceDefinition, {
    getInfo: nothing,
    listCoordinators: verb('INSPECT'),
    listSessions: verb('INSPECT'),
  }),
  ...rows(AccessServiceDefinition, {
    createCredential: MANAGE,
    getCredential: MANAGE,
    listCredentials: MANAGE,
    revokeCredential: MANAGE,
    rotateCredential: MANAGE,
    // The join token itself is the right.
    join: nothing,
    getOwnCredential: nothing,
    getSecurity: verb('INSPECT'),
  }),
  // Reflection shows the contract, which is no secret.
  ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', nothing],
  ['/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo', nothing],
  // The health of the peer's network.
  ['/grpc.health.v1.Health/Check', nothing],
  ['/grpc.health.v1.Health/Watch', nothing],
]);

/** The calls that a join token is good for: Join, and a look at itself, so that people see what they have. */
export const joinTokenCalls: ReadonlySet<string> = new Set(
  [AccessServiceDefinition.methods.join, AccessServiceDefinition.methods.getOwnCredential].map(
    ({ name }) => `/${AccessServiceDefinition.fullName}/${name}`,
  ),
);
