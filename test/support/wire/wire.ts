/**
 * A client that knows only protos/: its messages are built from those files at run time, and none
 * of our own code is in it. What it can do, any language with gRPC can.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type Metadata,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  fromJSON,
  loadSync,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';

/** Longer than anything takes; whoever waits this long waits for something that never comes. */
const CEILING_MS = 20_000;

/** The compiled file lies one folder deeper, in dist. */
const PROTOS = fileURLToPath(new URL('../../../../protos', import.meta.url));

/** Names as in the protos, enums by name, 64-bit numbers as numbers (all stay below 2^53). */
const LOADING: Options = {
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [PROTOS],
};

const contract = loadSync(
  ['session', 'event', 'node', 'coordinator'].map((name) => `kelpie/v1/${name}_service.proto`),
  LOADING,
);

/** google.rpc.Status and the detail that Google's tools read, as far as they matter here. */
const google = fromJSON(
  {
    nested: {
      Status: {
        fields: {
          code: { type: 'int32', id: 1 },
          message: { type: 'string', id: 2 },
          details: { rule: 'repeated', type: 'Detail', id: 3 },
        },
      },
      Detail: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
      ErrorInfo: {
        fields: {
          reason: { type: 'string', id: 1 },
          domain: { type: 'string', id: 2 },
          // A map is a list of pairs on the wire.
          metadata: { rule: 'repeated', type: 'Pair', id: 3 },
        },
      },
      Pair: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    },
  },
  LOADING,
);

interface Duration {
  seconds: number;
  nanos?: number;
}

export interface Cursor {
  epoch: Buffer;
  sequence: number;
  tag: number;
}

/** Empty: nothing is said, which is an error. */
export interface Start {
  after?: Cursor;
  at?: string;
  since?: Duration;
}

/** kelpie.v1.ErrorDetail. */
export interface WireError {
  reason: string;
  code: number;
  message: string;
  metadata: Record<string, string>;
  retry_after: Duration | null;
}

interface Node {
  name: string;
  display_name: string;
  role: string;
  state: string;
  instance_id: Buffer;
  address: { host: string; port: number } | null;
  labels: Record<string, string>;
  load?: { memory_max_bytes: number } | null;
}

export interface Event {
  sequence: number;
  topic: string;
  source: string;
  time: Duration;
  untrusted: boolean;
  body: string;
  message_published?: {
    type: string;
    content: { form: string; text?: string; data?: Buffer };
    attributes: Record<string, string>;
  };
  node_joined?: { node: Node };
  node_updated?: { node: Node };
  node_left?: { node: Node; reason: string };
}

/** What a test publishes; whole or not, right or wrong. */
export interface Draft {
  topic?: string;
  payload?: {
    type?: string;
    content?: { text?: string; data?: Buffer };
    attributes?: Record<string, string>;
  };
  untrusted?: boolean;
}

/** What a test says first; whole or not, right or wrong. */
export interface Hello {
  name?: string;
  role?: string | number;
  instance_id?: Buffer;
  address?: { host?: string; port: number };
  labels?: Record<string, string>;
  motd?: string;
  topics?: string[];
  start?: Start;
  window?: { events: number; bytes: number };
  commands?: string[];
}

/** A player as a proxy says them; whole or not, right or wrong. */
export interface WirePlayer {
  xuid?: string;
  uuid?: string;
  name?: string;
  address?: string;
  device?: { os?: string; model?: string; input?: string };
  language?: string;
  properties?: Record<string, string>;
  context?: Buffer;
}

interface PlayerReport {
  player_id?: string;
  generation?: number;
  joined?: WirePlayer;
  moved_to?: string;
  changed?: { properties?: Record<string, string>; context?: Buffer; language?: string };
  left?: string;
}

/** kelpie.v1.Command, as far as tests look at it; `form` names the field that is set. */
export interface Command {
  form: string;
  kick_players?: { players: { player_id: string }[]; message: string };
  show_message?: { players: { player_id: string }[]; display: object };
  run_console_command?: { line: string };
  custom?: { name: string; content: { form: string; text?: string; json?: object } };
}

/** kelpie.v1.CommandOutput. */
export interface CommandOutput {
  players?: { outcomes: { player_id: string; error?: { message: string } }[] };
  console?: { success: boolean; lines: string[] };
  custom?: { text?: string; data?: Buffer; json?: object };
}

export interface NodeFrame {
  request_id?: number;
  hello?: Hello;
  heartbeat?: object;
  ack?: { sequence: number };
  publish?: { first_publish_sequence: number; events: Draft[] };
  update_subscription?: { added_topics?: string[]; removed_topics?: string[]; start_at?: string };
  update_own_node?: { change: { state?: string; labels?: Record<string, string> } };
  acquire_player?: { player: WirePlayer };
  report_players?: { reports: PlayerReport[] };
  command_reply?: { command_id: number; output?: CommandOutput; failure?: { message: string } };
  goodbye?: { reason?: string };
}

export interface Welcome {
  session_id: string;
  generation: number;
  outcome: string;
  heartbeat_interval: Duration;
  limits: Record<string, number>;
  publish_sequence: number;
  node_name: string;
}

interface EventBatch {
  after_sequence: number;
  up_to: Cursor;
  events: Event[];
}

interface Snapshot {
  cursor: Cursor | null;
  topics: string[];
  rows: { sequence: number; node: Node }[];
  complete: boolean;
}

interface Gap {
  lost_after: Cursor;
  resumes_at: Cursor;
  reason: string;
  topics: string[];
}

interface Frames {
  event_batch: EventBatch;
  publish_ack: {
    publish_sequence: number;
    rejections: { publish_sequence: number; error: WireError }[];
  };
  heartbeat_ack: { cursor: Cursor | null };
  welcome: Welcome;
  snapshot: Snapshot;
  gap: Gap;
  subscription_updated: { cursor: Cursor };
  request_ok: object;
  request_failed: { error: WireError };
  drain: { grace: Duration; reconnect_window: Duration };
  heartbeat_requested: object;
  node_loads: { loads: { name: string }[] };
  player_acquired: { outcome: string; generation?: number };
  players_reported: { results: { player_id: string; error: WireError | null }[] };
  command_request: { command_id: number; command: Command };
  command_cancelled: { command_id: number };
}

export type Kind = keyof Frames;

/** `frame` names the field that is set. */
export type Frame = { request_id: number; frame: Kind } & Partial<Frames>;

/** How a call or a stream ended, with its details decoded. */
export interface End {
  code: number;
  message: string;
  /** ErrorInfo, which Google's own tools read. */
  info: { reason: string; domain: string; metadata: { key: string; value: string }[] } | undefined;
  error: WireError | undefined;
}

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

/** kelpie.v1.Session, as far as tests look at it. */
export interface SessionReport {
  node_name: string;
  entries_behind: number;
  unacknowledged_bytes: number;
  queued_bytes: number;
  rings: number;
  topics: string[];
}

/** A call that failed. */
export class CallFailure extends Error {
  readonly end: End;

  constructor(end: End) {
    super(end.message);
    this.end = end;
  }
}

/** A connection to a coordinator. Streams of one Wire share it, as those of a process would. */
export class Wire {
  readonly #client: Client;
  readonly #open = new Set<Incoming>();

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Opens a session's stream and says nothing yet. */
  connect(): Stream {
    const { path, requestSerialize, responseDeserialize } = methodOf('SessionService.Connect');
    const call = this.#client.makeBidiStreamRequest(
      path,
      // Bytes go out as they are, for what no proto can say.
      (request: object) => (Buffer.isBuffer(request) ? request : requestSerialize(request)),
      (bytes) => (responseDeserialize(bytes) as { frames: Frame[] }).frames,
    );
    return this.#opened(new Stream(call));
  }

  /** Opens a stream and says hello, with LATEST unless something else is said. */
  hello(name: string, more: Hello = {}): Stream {
    const stream = this.connect();
    stream.send({ hello: helloOf(name, more) });
    return stream;
  }

  /** The same, and waits for the Welcome. */
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

  /** A call whose request is written by hand, and what came of it; unary, or with a stream of answers. */
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
    // It says the same as the status, and would be thrown if nobody listened.
    call.on('error', () => undefined);
    return new Promise((resolve) => {
      call.on('status', (status: StatusObject) => resolve({ end: endOf(status), answers }));
    });
  }

  /** Ends every stream that is still open, the nodes of sessions with it. */
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

/** Frames that come in, flattened, in order. */
export class Incoming {
  /** Everything that came so far. */
  readonly frames: Frame[] = [];
  readonly #call: ClientReadableStream<Frame[]>;
  readonly #news = new EventEmitter();
  #read = 0;
  #end: End | undefined;

  constructor(call: ClientReadableStream<Frame[]>) {
    this.#call = call;
    let status: StatusObject | undefined;
    const settle = (): void => {
      if (!status || !call.readableEnded) return;
      this.#end = endOf(status);
      this.#news.emit('news');
    };
    call.on('data', (frames: Frame[]) => {
      this.frames.push(...frames);
      this.#news.emit('news');
    });
    // The status can overtake frames that are still buffered; the end is when both are through.
    call.on('end', settle);
    call.on('status', (given: StatusObject) => {
      status = given;
      settle();
    });
    // It says the same as the status, and would be thrown if nobody listened.
    call.on('error', () => undefined);
  }

  /** The kinds of everything that came so far. */
  get kinds(): Kind[] {
    return this.frames.map(({ frame }) => frame);
  }

  /** Sequences of all events that came so far. */
  get sequences(): number[] {
    return this.frames.flatMap(({ event_batch }) => event_batch?.events ?? []).map(sequenceOf);
  }

  /** The next frame that was not looked at yet, whatever it is. */
  any(): Promise<Frame> {
    return this.#wait(() => true, 'anything');
  }

  /** The next frame of a kind that was not looked at yet; skips what comes before it. */
  async next<K extends Kind>(kind: K): Promise<Frames[K]> {
    const frame = await this.#wait((one) => one.frame === kind, kind);
    return frame[kind] as Frames[K];
  }

  /** The next frame that answers a request; skips what comes before it. */
  answer(requestId: number): Promise<Frame> {
    return this.#wait((frame) => frame.request_id === requestId, `an answer to ${requestId}`);
  }

  /** The frame that came as number `index`, once it has. */
  async at(index: number): Promise<Frame> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      const frame = this.frames[index];
      if (frame) return frame;
      if (this.#end)
        throw new Error(`it ended before frame ${index}: ${JSON.stringify(this.#end)}`);
      await this.#change(`frame ${index}`, giveUp);
    }
  }

  /** The error of the next request that fails. */
  async failure(): Promise<WireError> {
    return (await this.next('request_failed')).error;
  }

  /** The events of the next batches, up to and with the first that is wanted. */
  async until(wanted: (event: Event) => boolean): Promise<Event[]> {
    const events: Event[] = [];
    while (!events.some(wanted)) events.push(...(await this.next('event_batch')).events);
    return events;
  }

  /** The texts of the next events, up to and with this one. */
  async texts(last: string): Promise<(string | undefined)[]> {
    return (await this.until((event) => textOf(event) === last)).map(textOf);
  }

  /** How it ended, once it has. */
  async ended(): Promise<End> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      if (this.#end) return this.#end;
      await this.#change('the end', giveUp);
    }
  }

  /** Reads nothing more of the connection until `resume`. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** Breaks it off, as a lost connection would. */
  cut(): void {
    this.#call.cancel();
  }

  /** Wants nothing more, and waits until it is done. */
  leave(): Promise<End> {
    this.cut();
    return this.ended();
  }

  async #wait(wanted: (frame: Frame) => boolean, what: string): Promise<Frame> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    for (;;) {
      while (this.#read < this.frames.length) {
        const frame = this.frames[this.#read++];
        if (frame && wanted(frame)) return frame;
      }
      if (this.#end) throw new Error(`it ended before ${what} came: ${JSON.stringify(this.#end)}`);
      await this.#change(what, giveUp);
    }
  }

  async #change(what: string, signal: AbortSignal): Promise<void> {
    await once(this.#news, 'news', { signal }).catch(() => {
      throw new Error(`waited in vain for ${what}; so far came ${this.kinds.join(', ')}`);
    });
  }
}

/** The stream of a session. */
export class Stream extends Incoming {
  readonly #call: ClientDuplexStream<object, Frame[]>;
  #cut = false;

  constructor(call: ClientDuplexStream<object, Frame[]>) {
    super(call);
    this.#call = call;
  }

  /** Sends frames in one message. */
  send(...frames: NodeFrame[]): void {
    this.#call.write({ frames });
  }

  /** Sends the bytes of a message, which need not be one. */
  sendBytes(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  publish(firstSequence: number, ...events: Draft[]): void {
    this.send({ publish: { first_publish_sequence: firstSequence, events } });
  }

  /** Resolves when this publish sequence is settled. */
  async settled(sequence: number): Promise<Frames['publish_ack']> {
    for (;;) {
      const ack = await this.next('publish_ack');
      if (ack.publish_sequence >= sequence) return ack;
    }
  }

  /** Sends nothing more. */
  end(): void {
    this.#call.end();
  }

  override cut(): void {
    this.#cut = true;
    super.cut();
  }

  /** Leaves the network, and waits until it is done. */
  override leave(): Promise<End> {
    const open = this.#call.writable && !this.#cut;
    if (open) this.send({ goodbye: { reason: 'GOODBYE_REASON_STOP' } });
    return this.ended();
  }
}

/** The bytes of a message on a session's stream, for peers that write them by hand. */
export function requestBytes(...frames: NodeFrame[]): Buffer {
  return bytesOf('SessionService.Connect', { frames });
}

/** The bytes of a request of a method. */
export function bytesOf(method: string, request: object): Buffer {
  return methodOf(method).requestSerialize(request);
}

/** A Hello that nothing is wrong with, but for what `more` says. */
export function helloOf(name: string, more: Hello = {}): Hello {
  const start = { at: 'START_AT_LATEST' };
  return { name, role: 'NODE_ROLE_SERVICE', instance_id: randomBytes(16), start, ...more };
}

/** An event that says something. */
export function say(topic: string, text: string): Draft {
  return { topic, payload: { content: { text } } };
}

export function textOf(event: Event): string | undefined {
  return event.message_published?.content.text;
}

export function sequenceOf(event: Event): number {
  return event.sequence;
}

function endOf({
  code,
  details,
  metadata,
}: Pick<StatusObject, 'code' | 'details'> & {
  metadata: Metadata;
}): End {
  const [status] = metadata.get('grpc-status-details-bin');
  const packed = Buffer.isBuffer(status) ? unpack(google, 'Status', status) : { details: [] };
  const found = (packed as { details: { type_url: string; value: Buffer }[] }).details;
  const detail = (pack: PackageDefinition, type: string): object | undefined => {
    const one = found.find(({ type_url: url }) => url.endsWith(`.${type}`));
    return one && unpack(pack, pack === google ? type : `kelpie.v1.${type}`, one.value);
  };
  return {
    code,
    message: details,
    info: detail(google, 'ErrorInfo') as End['info'],
    error: detail(contract, 'ErrorDetail') as End['error'],
  };
}

function unpack(pack: PackageDefinition, type: string, bytes: Buffer): object {
  return (pack[type] as MessageTypeDefinition<object, object>).deserialize(bytes);
}

function methodOf(name: string): ServiceDefinition[string] {
  const [service = '', method = ''] = name.split('.');
  const found = (contract[`kelpie.v1.${service}`] as ServiceDefinition)[method];
  if (!found) throw new Error(`protos/ have no ${name}`);
  return found;
}
