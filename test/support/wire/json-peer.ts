/** A node that a test plays frame by frame, in the JSON form of the contract. */
import {
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { grpcTransport } from '../../../client/connection/transport.js';
import { ConnectRequest, ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import { methods } from './descriptors.js';

/** Longer than any step takes. */
const CEILING_MS = 10_000;

const [connect] = methods.filter(({ name }) => name === 'Connect');
if (!connect) throw new Error('the contract has no method Connect');
const { input, output } = connect;

export class JsonPeer {
  readonly #abort = new AbortController();
  readonly #going: ConnectRequest[] = [];
  readonly #came: JsonObject[] = [];
  #wake = (): void => undefined;
  #news = (): void => undefined;

  constructor(endpoint: string) {
    void this.#read(endpoint).catch(() => this.close());
  }

  /** Sends a frame. Throws if it is no NodeFrame. */
  send(frame: JsonValue): void {
    const bytes = toBinary(input, fromJson(input, { frames: [frame] }));
    this.#going.push(ConnectRequest.decode(bytes));
    this.#wake();
  }

  /** The next frame that no caller has got yet. */
  async next(): Promise<JsonObject> {
    const late = setTimeout(() => this.close(), CEILING_MS);
    for (;;) {
      const frame = this.#came.shift();
      if (frame) {
        clearTimeout(late);
        return frame;
      }
      if (this.#abort.signal.aborted) throw new Error('no frame came in time');
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }

  close(): void {
    this.#abort.abort();
    this.#news();
    this.#wake();
  }

  async #read(endpoint: string): Promise<void> {
    for await (const message of grpcTransport(endpoint)(this.#requests(), this.#abort.signal)) {
      const bytes = ConnectResponse.encode(message).finish();
      const { frames } = toJson(output, fromBinary(output, bytes)) as { frames: JsonObject[] };
      this.#came.push(...frames);
      this.#news();
    }
  }

  async *#requests(): AsyncGenerator<ConnectRequest> {
    while (!this.#abort.signal.aborted) {
      const next = this.#going.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
