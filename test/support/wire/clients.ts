/** Clients of a coordinator that show a token, or nothing. They use the contract alone. */
import { randomBytes } from 'node:crypto';
import {
  type CallOptions,
  type Client,
  type ClientMiddlewareCall,
  createChannel,
  createClientFactory,
  Metadata,
} from 'nice-grpc';
import { errorDetailsClientMiddleware, RichClientError } from 'nice-grpc-error-details';
import { AccessServiceDefinition } from '../../../gen/ts/kelpie/v1/access_service.js';
import { CommandServiceDefinition } from '../../../gen/ts/kelpie/v1/command_service.js';
import { EventServiceDefinition } from '../../../gen/ts/kelpie/v1/event_service.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import {
  type ConnectRequest,
  type CoordinatorFrame,
  Hello,
  SessionServiceDefinition,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';

export interface Clients {
  readonly access: Client<AccessServiceDefinition>;
  readonly nodes: Client<NodeServiceDefinition>;
  readonly events: Client<EventServiceDefinition>;
  readonly commands: Client<CommandServiceDefinition>;
  readonly sessions: Client<SessionServiceDefinition>;
  close(): void;
}

/** Clients of one connection. `authorization`: the header, or none. */
function clientsWith(endpoint: string, authorization?: string): Clients {
  const channel = createChannel(endpoint);
  const factory = createClientFactory()
    .use(errorDetailsClientMiddleware)
    .use(async function* <Request, Response>(
      call: ClientMiddlewareCall<Request, Response>,
      options: CallOptions,
    ) {
      const metadata = Metadata(options.metadata);
      if (authorization !== undefined) metadata.set('authorization', authorization);
      return yield* call.next(call.request, { ...options, metadata });
    });
  return {
    access: factory.create(AccessServiceDefinition, channel),
    nodes: factory.create(NodeServiceDefinition, channel),
    events: factory.create(EventServiceDefinition, channel),
    commands: factory.create(CommandServiceDefinition, channel),
    sessions: factory.create(SessionServiceDefinition, channel),
    close: () => channel.close(),
  };
}

/** Clients that show a token. */
export function clientsOf(endpoint: string, token?: string): Clients {
  return clientsWith(endpoint, token === undefined ? undefined : `Bearer ${token}`);
}

/** The reason of the error with which a call ends. Throws if it succeeds. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  return reasonIn(error);
}

/** The reason of an error; the error itself if it has none. */
export function reasonIn(error: unknown): string {
  if (!(error instanceof RichClientError)) throw error;
  for (const detail of error.extra) {
    if (detail.$type === 'google.rpc.ErrorInfo') return detail.reason;
  }
  return error.details;
}

/** The stream of a session: its frames up to its end, and the error that ended it. */
export class SessionStream {
  readonly frames: NonNullable<CoordinatorFrame['frame']>[] = [];
  readonly ended: Promise<unknown>;
  #close = (): void => undefined;
  readonly #welcomed: Promise<void>;

  constructor({ sessions }: Clients, name: string, hello: Partial<Hello> = {}) {
    const base = { name, role: NodeRole.DOWNSTREAM, instanceId: randomBytes(16) };
    const start = { place: { $case: 'at', value: StartAt.LATEST } } as const;
    const frame = {
      $case: 'hello',
      value: { ...Hello.create(base), start, ...hello },
    } as const;
    const open = new Promise<void>((resolve) => (this.#close = resolve));
    async function* requests(): AsyncGenerator<ConnectRequest> {
      yield { frames: [{ requestId: 0, frame }] };
      await open;
    }
    let welcomed = (): void => undefined;
    this.#welcomed = new Promise((resolve) => (welcomed = resolve));
    this.ended = this.#read(sessions.connect(requests()), welcomed);
  }

  /** Resolves with the Welcome. Rejects with the error that came in place of it. */
  async welcome() {
    await Promise.race([this.#welcomed, this.ended]);
    const [first] = this.frames;
    if (first?.$case === 'welcome') return first.value;
    throw await this.ended;
  }

  close(): void {
    this.#close();
  }

  async #read(
    responses: AsyncIterable<{ frames: CoordinatorFrame[] }>,
    welcomed: () => void,
  ): Promise<unknown> {
    try {
      for await (const { frames } of responses) {
        for (const { frame } of frames) if (frame) this.frames.push(frame);
        welcomed();
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }
}
