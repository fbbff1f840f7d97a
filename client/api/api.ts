/** Every call of the contract in one line: for scripts and tools that need no session. */
import { connectivityState } from '@grpc/grpc-js';
import { type OpenChannel, openChannel } from '../connection/channel.js';
import { protectionOf, type TlsOptions, usesTls } from '../connection/tls.js';
import { Tokens } from '../connection/tokens.js';
import { whole } from '../core/arguments.js';
import { endpointsOf } from '../core/endpoints.js';
import { KelpieError } from '../errors.js';
import { LONGEST_MS, servicesOn } from './call.js';
import { AccessApi } from './access.js';
import { CommandsApi } from './commands.js';
import { CoordinatorApi } from './coordinator.js';
import { EventsApi } from './events.js';
import { Messages } from './messages/messages.js';
import { NetworkApi } from './network.js';
import { NodesApi } from './nodes.js';
import { PlayersApi } from './players.js';
import { RoutingApi } from './routing.js';
import { StateApi } from './state.js';

/** How an API reaches its coordinator. */
export interface ApiOptions extends TlsOptions {
  /** How long a call may take, in milliseconds, unless its own option is another. Default 10,000. */
  readonly timeoutMs?: number;
  /** Sent with each call as `authorization: Bearer …`. It leaves this machine by TLS alone, unless `insecure` is set. */
  readonly token?: string;
  /** A file of the token, read for each call: a rotation needs no new API. Without both: KELPIE_TOKEN, KELPIE_TOKEN_FILE. */
  readonly tokenFile?: string;
}

const TIMEOUT_MS = 10_000;
/** How long an endpoint has to answer before the next one is tried. */
const REACH_MS = 2000;

/** The calls of one coordinator. It connects with the first call; `close` ends the connection. */
export class Api {
  readonly endpoint: string;
  /** Whether its connections use TLS. */
  readonly encrypted: boolean;
  /** The endpoints that `reachNext` tries, in this order. */
  readonly next: readonly string[];
  readonly nodes: NodesApi;
  readonly players: PlayersApi;
  readonly events: EventsApi;
  readonly commands: CommandsApi;
  readonly network: NetworkApi;
  readonly routing: RoutingApi;
  readonly state: StateApi;
  readonly coordinator: CoordinatorApi;
  readonly access: AccessApi;
  /** The same calls, with answers as the contract has them. */
  readonly messages: Messages;
  readonly #open: OpenChannel;
  readonly #options: ApiOptions;

  /** Throws OUT_OF_RANGE, VALUE_INVALID or FILE_INVALID. */
  constructor(endpoint: string, options: ApiOptions = {}, next: readonly string[] = [endpoint]) {
    const { timeoutMs = TIMEOUT_MS, token, tokenFile } = options;
    const [only = ''] = endpointsOf([endpoint]);
    const tokens = new Tokens({ token, tokenFile });
    const protection = protectionOf(options);
    this.encrypted = usesTls(only, protection);
    this.#open = openChannel(only, protection);
    const { channel, explain } = this.#open;
    const defaults = { timeoutMs: whole('timeoutMs', timeoutMs, 1, LONGEST_MS), tokens, explain };
    this.endpoint = only;
    this.next = next;
    this.#options = options;
    const create = servicesOn(channel, defaults);
    this.messages = new Messages(create);
    this.nodes = new NodesApi(this.messages.nodes);
    this.players = new PlayersApi(this.messages.players);
    this.events = new EventsApi(this.messages.events);
    this.commands = new CommandsApi(this.messages.commands);
    this.network = new NetworkApi(this.messages.network);
    this.routing = new RoutingApi(this.messages.routing);
    this.state = new StateApi(this.messages.state);
    this.coordinator = new CoordinatorApi(this.messages.coordinator, create);
    this.access = new AccessApi(this.messages.access);
  }

  /** Whether the endpoint takes connections: false at once if it refuses them, else after 2 s. */
  async reachable(): Promise<boolean> {
    return (await this.unreachable()) === undefined;
  }

  /** Why the endpoint takes no connection: at once if it refuses them, else after 2 s. Undefined: it takes them. */
  async unreachable(): Promise<KelpieError | undefined> {
    // The library takes its deadline by the calendar clock.
    const deadline = new Date(Date.now() + REACH_MS);
    for (;;) {
      const state = this.#open.channel.getConnectivityState(true);
      if (state === connectivityState.READY) return undefined;
      if (state === connectivityState.TRANSIENT_FAILURE || !(await this.#leaves(state, deadline)))
        return this.#open.explain(noAnswer([this.endpoint]));
    }
  }

  /** Whether the channel leaves this state before the deadline. */
  #leaves(state: connectivityState, deadline: Date): Promise<boolean> {
    return new Promise((resolve) =>
      this.#open.channel.watchConnectivityState(state, deadline, (late) => resolve(!late)),
    );
  }

  /** Closes this one, and connects to the next endpoint that answers; its own is the last. Rejects with UNAVAILABLE. */
  async reachNext(): Promise<Api> {
    this.close();
    return reachApi(this.next, this.#options);
  }

  /** Ends the connection. Calls that are under way reject. */
  close(): void {
    this.#open.channel.close();
  }
}

/** The calls of the coordinator at `host:port`. Throws OUT_OF_RANGE, VALUE_INVALID or FILE_INVALID. */
export function apiAt(endpoint: string, options?: ApiOptions): Api {
  return new Api(endpoint, options);
}

/**
 * The calls of the first coordinator that answers. Without endpoints: those of KELPIE_ENDPOINTS, else 127.0.0.1:50051.
 * Rejects with UNAVAILABLE if no coordinator answers, with a reason of TLS if this is why, and as `apiAt` throws.
 */
export async function reachApi(
  given?: string | readonly string[],
  options?: ApiOptions,
): Promise<Api> {
  const endpoints = endpointsOf(given);
  const failures: KelpieError[] = [];
  for (const [index, endpoint] of endpoints.entries()) {
    const others = [...endpoints.slice(index + 1), ...endpoints.slice(0, index + 1)];
    const api = new Api(endpoint, options, others);
    const failure = await api.unreachable();
    if (!failure) return api;
    api.close();
    failures.push(failure);
  }
  throw failures.find(({ reason }) => reason !== 'UNAVAILABLE') ?? noAnswer(endpoints);
}

function noAnswer(endpoints: readonly string[]): KelpieError {
  const message = `no coordinator answers at ${endpoints.join(' or ')}; is kelpied running there? kelpie doctor says what is in the way`;
  return new KelpieError('UNAVAILABLE', message);
}
