/** A peer of one network, who sends any message of the contract in its JSON form and shows a token. */
import { Client, credentials, Metadata, type StatusObject } from '@grpc/grpc-js';
import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type JsonObject,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { bytesOfJson, methods } from './descriptors.js';
import { endOf } from './status.js';

const CEILING_MS = 10_000;

const asItIs = (bytes: Buffer): Buffer => bytes;

/** The method with this name: `NodeService.ListNodes`. */
export function methodNamed(name: string): DescMethod {
  const found = methods.find((method) => rpcName(method) === name);
  if (!found) throw new Error(`the contract has no ${name}`);
  return found;
}

export function rpcName({ parent, name }: DescMethod): string {
  return `${parent.name}.${name}`;
}

/** The reason with which a call ended, or its answers. */
export type Answer = string | JsonObject[];

export class Tenant {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(endpoint: string, token: string) {
    const own = { 'grpc.use_local_subchannel_pool': 1 };
    this.#client = new Client(endpoint, credentials.createInsecure(), own);
    this.#metadata.set('authorization', `Bearer ${token}`);
  }

  /** Calls a method, which may answer with a stream. */
  call(name: string, request: JsonValue = {}): Promise<Answer> {
    const { parent, input, output, name: method } = methodNamed(name);
    const path = `/${parent.typeName}/${method}`;
    const bytes = Buffer.from(bytesOfJson(input, request));
    const options = { deadline: Date.now() + CEILING_MS };
    const call = this.#client.makeServerStreamRequest(
      path,
      asItIs,
      asItIs,
      bytes,
      this.#metadata,
      options,
    );
    const answers: JsonObject[] = [];
    call.on('data', (answer: Buffer) => answers.push(jsonOf(output, answer)));
    // The error repeats the status. Without a listener, Node would throw it.
    call.on('error', () => undefined);
    return new Promise((resolve) => {
      call.on('status', (status: StatusObject) => {
        const { error } = endOf(status);
        resolve(status.code.valueOf() === 0 ? answers : reasonOf(error?.reason, status));
      });
    });
  }

  /** The only answer of a call that succeeds. */
  async ask(name: string, request: JsonValue = {}): Promise<JsonObject> {
    const answer = await this.call(name, request);
    if (typeof answer === 'string' || !answer[0])
      throw new Error(`${name}: ${JSON.stringify(answer)}`);
    return answer[0];
  }

  /** Opens a stream of events. */
  watch(topics: string[], start: JsonObject): TenantSession {
    const { input, output } = methodNamed('EventService.WatchEvents');
    const bytes = Buffer.from(bytesOfJson(input, { topics, start }));
    const path = '/kelpie.v1.EventService/WatchEvents';
    const frameOf = (answer: Buffer) => [jsonOf(output, answer)];
    return new TenantSession(
      this.#client.makeServerStreamRequest(path, asItIs, frameOf, bytes, this.#metadata),
    );
  }

  /** Opens a session. */
  session(hello: JsonObject): TenantSession {
    const { input, output } = methodNamed('SessionService.Connect');
    const call = this.#client.makeBidiStreamRequest(
      '/kelpie.v1.SessionService/Connect',
      (frames: unknown) => Buffer.from(bytesOfJson(input, { frames: frames as JsonValue })),
      (bytes: Buffer) => (jsonOf(output, bytes)['frames'] ?? []) as JsonObject[],
      this.#metadata,
    );
    call.write([{ hello }]);
    return new TenantSession(call);
  }

  close(): void {
    this.#client.close();
  }
}

type Call = ReturnType<Client['makeServerStreamRequest']> & {
  write?: (frames: JsonObject[]) => void;
};

/** A session or another stream: its frames so far, and what it sends. */
export class TenantSession {
  readonly frames: JsonObject[] = [];
  #end: string | undefined;
  #news = (): void => undefined;
  readonly #call: Call;
  #requests = 0;

  constructor(call: Call) {
    this.#call = call;
    call.on('data', (frames: JsonObject[]) => {
      this.frames.push(...frames);
      this.#news();
    });
    call.on('error', () => undefined);
    call.on('status', (status: StatusObject) => {
      this.#end = reasonOf(endOf(status).error?.reason, status);
      this.#news();
    });
  }

  /** The reason of its end; undefined while it is open. */
  get end(): string | undefined {
    return this.#end;
  }

  /** Sends a request. Resolves with its first answer, or with the reason of the end. */
  async send(frame: JsonObject): Promise<JsonObject | string> {
    const requestId = ++this.#requests;
    this.#call.write?.([{ requestId, ...frame }]);
    return this.next((one) => one['requestId'] === requestId);
  }

  /** The first frame that fits, also of those that have come. */
  async next(fits: (frame: JsonObject) => boolean): Promise<JsonObject | string> {
    for (;;) {
      const found = this.frames.find(fits);
      if (found) return found;
      if (this.#end !== undefined) return this.#end;
      await new Promise<void>((resolve) => (this.#news = resolve));
    }
  }

  close(): void {
    this.#call.cancel();
  }
}

function reasonOf(reason: string | undefined, status: StatusObject): string {
  return reason?.replace('ERROR_REASON_', '') ?? `${status.code} ${status.details}`;
}

function jsonOf(type: DescMessage, bytes: Buffer): JsonObject {
  return toJson(type, fromBinary(type, bytes)) as JsonObject;
}
