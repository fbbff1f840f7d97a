/**
 * A client that knows only protos/. It builds its messages from those files at run time and uses no code
 * of Kelpie, so every language with gRPC can do the same.
 */
import {
  Client,
  credentials,
  InterceptingCall,
  type Interceptor,
  type StatusObject,
} from '@grpc/grpc-js';
import { methodOf } from './contract.js';
import {
  type Cursor,
  type Draft,
  type Duration,
  type Event,
  type Frame,
  type Gap,
  type Hello,
  helloOf,
  type Node,
  type Start,
  type Welcome,
} from './frames.js';
import { CallFailure, type End, endOf } from './status.js';
import { Incoming, Stream } from './stream.js';

/** How long a call may take. */
const CEILING_MS = 20_000;

interface Calls {
  'EventService.PublishEvents': {
    request: { events: Draft[]; instance_id?: Buffer; first_publish_sequence?: number };
    response: { first_sequence: number; stored: number };
  };
  'EventService.ReadEvents': {
    request: { topics: string[]; start?: Start; page_size?: number; wait?: Duration };
    response: { events: Event[]; cursor: Cursor; gap: Gap | null };
  };
  'NodeService.ListNodes': {
    request: { page_size?: number; page_token?: string };
    response: { nodes: Node[]; next_page_token: string; cursor: Cursor };
  };
  'NodeService.GetNode': {
    request: { name: string };
    response: { node: Node; cursor: Cursor };
  };
  'CoordinatorService.GetInfo': {
    request: object;
    response: { coordinator_id: string; head: Cursor; sessions: number };
  };
  'CoordinatorService.ListSessions': {
    request: { page_size?: number; page_token?: string };
    response: { sessions: SessionReport[]; next_page_token: string };
  };
}

/** kelpie.v1.Session. Only the fields that tests read. */
export interface SessionReport {
  node_name: string;
  entries_behind: number;
  unacknowledged_bytes: number;
  queued_bytes: number;
  wakeups: number;
  topics: string[];
}

/** A connection to a coordinator. The streams of one Wire share it, as the streams of one process do. */
export class Wire {
  readonly #client: Client;
  readonly #open = new Set<Incoming>();

  /** With a token each call and stream shows it. */
  constructor(endpoint: string, token?: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...(token !== undefined && { interceptors: [showing(token)] }),
    });
  }

  /** Opens the stream of a session and sends no frame yet. */
  connect(): Stream {
    const { path, requestSerialize, responseDeserialize } = methodOf('SessionService.Connect');
    const call = this.#client.makeBidiStreamRequest(
      path,
      // Bytes go out as they are: a test can send messages that no proto allows.
      (request: object) => (Buffer.isBuffer(request) ? request : requestSerialize(request)),
      (bytes) => (responseDeserialize(bytes) as { frames: Frame[] }).frames,
    );
    return this.#opened(new Stream(call));
  }

  /** Opens a stream and sends a Hello, which starts at LATEST by default. */
  hello(name: string, more: Hello = {}): Stream {
    const stream = this.connect();
    stream.send({ hello: helloOf(name, more) });
    return stream;
  }

  /** Opens a stream, sends a Hello and waits for the Welcome. */
  async join(name: string, more: Hello = {}): Promise<{ stream: Stream; welcome: Welcome }> {
    const stream = this.hello(name, more);
    return { stream, welcome: await stream.next('welcome') };
  }

  watch(topics: string[], start?: Start): Incoming {
    const { path, requestSerialize, responseDeserialize } = methodOf('EventService.WatchEvents');
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      (bytes) => [responseDeserialize(bytes) as Frame],
      { topics, ...(start && { start }) },
    );
    return this.#opened(new Incoming(call));
  }

  /** A unary call. Rejects with a CallFailure. */
  call<Name extends keyof Calls>(
    name: Name,
    request: Calls[Name]['request'],
  ): Promise<Calls[Name]['response']> {
    const { path, requestSerialize, responseDeserialize } = methodOf(name);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        (bytes) => responseDeserialize(bytes) as Calls[Name]['response'],
        request,
        { deadline: Date.now() + CEILING_MS },
        (failure, response) => {
          if (response) resolve(response);
          else reject(failure ? new CallFailure(endOf(failure)) : new Error('no answer'));
        },
      );
    });
  }

  /** A call with the bytes of a request, unary or with a stream of answers. Resolves with its end and its answers. */
  callBytes(
    path: string,
    bytes: Uint8Array,
    deadlineMs = CEILING_MS,
  ): Promise<{ end: End; answers: Buffer[] }> {
    const asItIs = (one: Buffer): Buffer => one;
    const options = { deadline: Date.now() + deadlineMs };
    const request = Buffer.from(bytes);
    const call = this.#client.makeServerStreamRequest(path, asItIs, asItIs, request, options);
    const answers: Buffer[] = [];
    call.on('data', (answer: Buffer) => answers.push(answer));
    // The error repeats the status. Without a listener, Node would throw it.
    call.on('error', () => undefined);
    return new Promise((resolve) => {
      call.on('status', (status: StatusObject) => resolve({ end: endOf(status), answers }));
    });
  }

  /** Ends every open stream. The nodes of their sessions leave. */
  async leave(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((incoming) => incoming.leave()));
  }

  close(): void {
    this.#client.close();
  }

  #opened<Kept extends Incoming>(incoming: Kept): Kept {
    this.#open.add(incoming);
    return incoming;
  }
}

function showing(token: string): Interceptor {
  return (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        metadata.set('authorization', `Bearer ${token}`);
        next(metadata, listener);
      },
    });
}
