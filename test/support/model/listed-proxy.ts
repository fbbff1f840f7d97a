/** A proxy that lists any number of players. */
import { randomBytes } from 'node:crypto';
import { grpcTransport } from '../../../client/connection/transport.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import {
  type ConnectRequest,
  type ConnectResponse,
  Heartbeat,
  Hello,
  type NodeFrame,
} from '../../../gen/ts/kelpie/v1/session_service.js';

/** A proxy that only sends its list of players. */
export class ListedProxy {
  readonly #responses: AsyncGenerator<ConnectResponse, undefined>;
  readonly #requests: ConnectRequest[] = [];
  #wake = (): void => undefined;

  constructor(endpoint: string, name: string, signal: AbortSignal) {
    this.#responses = each(grpcTransport(endpoint)(this.#outgoing(), signal));
    const start = { place: { $case: 'at', value: StartAt.LATEST } } as const;
    const facts = { name, role: NodeRole.PROXY, instanceId: randomBytes(16) };
    this.#send({ $case: 'hello', value: { ...Hello.create(facts), start } });
  }

  async *#outgoing(): AsyncGenerator<ConnectRequest> {
    for (;;) {
      const next = this.#requests.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #send(frame: NonNullable<NodeFrame['frame']>): void {
    this.#requests.push({ frames: [{ requestId: 0, frame }] });
    this.#wake();
  }

  beat(): void {
    this.#send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  /** Resolves when the coordinator has stored the players. */
  async bring(from: number, count: number): Promise<void> {
    const some = Array.from({ length: count }, (_, index) => playerOf(from + index));
    const last = some.at(-1)?.xuid ?? '';
    const value = { asOf: 0, afterId: last, upToId: last, players: some, loginAges: {} };
    this.#send({ $case: 'syncPlayers', value });
    for (;;) {
      const next = await this.#responses.next();
      if (next.done) throw new Error('the stream of the proxy ended');
      if (next.value.frames.some(({ frame }) => frame?.$case === 'playersSynced')) return;
    }
  }
}

async function* each<T>(all: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  yield* all;
}

function playerOf(number: number): Player {
  const xuid = String(2_535_400_000_000_000 + number);
  const device = { os: 'Android', model: 'Pixel 8', input: 'touch' };
  const facts = { address: '203.0.113.7', language: 'en_GB', protocolVersion: 685 };
  return { ...Player.create({ xuid, name: nameOf(number), ...facts }), device };
}

/** The name of the player with this number. */
export function nameOf(number: number): string {
  return `Player Number ${number}`;
}
