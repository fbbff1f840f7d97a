/**
 * A coordinator that only opens sessions and lets nodes join: it admits the tokens of the test, and records what peers
 * show.
 */
import { createServer, type CallContext } from 'nice-grpc';
import { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import { AccessServiceDefinition } from '../../../gen/ts/kelpie/v1/access_service.js';
import { CoordinatorServiceDefinition } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { SessionServiceDefinition, Welcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError, type reasons } from '../../../server/core/errors.js';
import { detailsOf, statusOf } from '../../../server/edge/grpc/errors.js';
import { cursorAt } from './scripted.js';

export class Door {
  /** The tokens that it admits. */
  readonly admitted = new Set<string>();
  /** The hashes that it stores: joined nodes. */
  readonly joined: Uint8Array[] = [];
  /** The tokens that peers showed, by the kind of request. */
  readonly shown: {
    readonly by: 'connect' | 'join' | 'call';
    readonly token: string | undefined;
  }[] = [];
  /** The reason of the next refusals. */
  refusal: keyof typeof reasons = 'CREDENTIAL_INVALID';
  /** Runs before Join answers. */
  onJoin: () => void = () => undefined;
  readonly #server = createServer();
  readonly #ends: (() => void)[] = [];
  endpoint = '';

  async open(): Promise<this> {
    const check = this.#check.bind(this);
    const ends = this.#ends;
    const { joined } = this;
    this.#server.add(SessionServiceDefinition, {
      async *connect(requests, context) {
        check('connect', context);
        const value = Welcome.create({ cursor: cursorAt(0), nodeName: 'lobby-1' });
        yield { frames: [{ requestId: 0, frame: { $case: 'welcome', value } }] };
        const left = await new Promise<boolean>((resolve) => {
          ends.push(() => resolve(false));
          const leave = (): void => resolve(true);
          void ended(requests).then(leave, leave);
        });
        if (!left) check('connect', context, false);
      },
    });
    const missing = async () => Promise.reject(new Error('not here'));
    this.#server.add(AccessServiceDefinition, {
      createCredential: missing,
      getCredential: missing,
      listCredentials: missing,
      revokeCredential: missing,
      rotateCredential: missing,
      getSecurity: missing,
      join: async ({ tokenHash }, context) => {
        check('join', context);
        joined.push(tokenHash);
        try {
          this.onJoin();
        } catch (error) {
          throw error instanceof KelpieError ? refused(error, context) : error;
        }
        return { credential: Credential.create({ name: 'lobby-1' }) };
      },
      getOwnCredential: async (_, context) => {
        check('call', context);
        return { credential: undefined, network: 'main', time: undefined };
      },
    });
    this.#server.add(CoordinatorServiceDefinition, {
      getInfo: missing,
      listCoordinators: missing,
      listSessions: missing,
    });
    this.endpoint = `127.0.0.1:${await this.#server.listen('127.0.0.1:0')}`;
    return this;
  }

  /** Ends all sessions: with the refusal if their tokens are not admitted any more. */
  endSessions(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #check(by: 'connect' | 'join' | 'call', context: CallContext, counts = true): void {
    const [, token] = /^Bearer (.*)$/.exec(context.metadata.get('authorization') ?? '') ?? [];
    if (counts) this.shown.push({ by, token });
    if (token !== undefined && this.admitted.has(token)) return;
    throw refused(new KelpieError(this.refusal, 'no'), context);
  }
}

function refused(error: KelpieError, context: CallContext): Error {
  context.trailer.set('grpc-status-details-bin', detailsOf(error));
  return statusOf(error);
}

/** Resolves when the peer has ended its requests. */
async function ended(requests: AsyncIterable<unknown>): Promise<void> {
  const all = requests[Symbol.asyncIterator]();
  while ((await all.next()).done !== true);
}
