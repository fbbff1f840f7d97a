/**
 * HTTP/2 by hand on a plain socket, for bytes that no library would send. It follows no rule by itself: it
 * answers neither SETTINGS nor PING, and grants no window, unless an option says so.
 */
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Longer than any step takes: a test that waits this long waits for a frame that never comes. */
const CEILING_MS = 30_000;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HEADER_BYTES = 9;

export const FrameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { none: 0, ack: 1, endStream: 1, endHeaders: 4 } as const;

/** Identifiers of SETTINGS. */
export const Setting = { initialWindow: 4 } as const;

/** The largest window there is. */
export const WIDEST = 2 ** 31 - 1;

export const CONNECT_PATH = '/kelpie.v1.SessionService/Connect';

interface Behaviour {
  /** Answers SETTINGS and PING, as every decent peer does. */
  readonly polite?: boolean;
  /** Returns the window of received bytes, so that the coordinator can go on sending. */
  readonly grants?: boolean;
  /** Reads single bytes from its socket, when the test calls for them. */
  readonly sips?: boolean;
  /** Speaks TLS, and checks no certificate. */
  readonly tls?: boolean;
  /** The address of this machine that the connection comes from. */
  readonly from?: string;
  readonly settings?: readonly (readonly [id: number, value: number])[];
}

export class RawPeer {
  readonly socket: Socket;
  /** How many frames of each type came. */
  readonly received = new Map<number, number>();
  /** Codes of the RST_STREAM that came, and how often. */
  readonly resets = new Map<number, number>();
  /** Streams for which HEADERS came. */
  readonly answered = new Set<number>();
  /** Streams for which RST_STREAM came. */
  readonly resetStreams = new Set<number>();
  /** Streams that the coordinator has ended. */
  readonly endedStreams = new Set<number>();
  /** Bytes of DATA that came on all streams. */
  dataBytes = 0;
  /** How many bytes the coordinator lets this peer send on stream 1. */
  streamWindow = 65_535;
  /** How many bytes it lets this peer send on the connection. */
  connectionWindow = 65_535;
  /** The code of a GOAWAY. */
  goAwayCode: number | undefined;
  closed = false;
  readonly #behaviour: Behaviour;
  readonly #news = new EventEmitter();
  #pending = Buffer.alloc(0);
  #parched = false;

  constructor(port: number, behaviour: Behaviour = {}) {
    this.#behaviour = behaviour;
    const sip = { buffer: Buffer.alloc(1), callback: () => this.#sip(sip.buffer) };
    const onread = behaviour.sips ? { onread: sip } : {};
    const from = behaviour.from ? { localAddress: behaviour.from } : {};
    const target = { port, host: '127.0.0.1', noDelay: true, ...from, ...onread };
    const secure = { ...target, ALPNProtocols: ['h2'], rejectUnauthorized: false };
    this.socket = behaviour.tls ? connectTls(secure) : connect(target);
    if (!behaviour.sips) this.socket.on('data', (chunk) => this.#take(chunk));
    // A reset is an expected end; `close` follows it.
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
      this.#news.emit('news');
    });
  }

  /** Sends the preface and the SETTINGS of a connection. */
  preface(): this {
    this.socket.write(PREFACE);
    const settings = (this.#behaviour.settings ?? []).map(([id, value]) => setting(id, value));
    return this.send(FrameType.settings, Flag.none, 0, Buffer.concat(settings));
  }

  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): this {
    this.socket.write(frameOf(type, flags, stream, payload));
    return this;
  }

  /** Opens a session's stream; it may send more. */
  open(stream: number, more: Record<string, string> = {}): this {
    const block = headerBlock(requestHeaders(more));
    return this.send(FrameType.headers, Flag.endHeaders, stream, block);
  }

  /** One gRPC message in one DATA frame, which must not be longer than a frame may be. */
  message(stream: number, bytes: Buffer): this {
    return this.send(FrameType.data, Flag.none, stream, grpcMessage(bytes));
  }

  answeredOrReset(stream: number): boolean {
    return this.answered.has(stream) || this.resetStreams.has(stream);
  }

  grant(stream: number, bytes: number): this {
    return this.send(FrameType.windowUpdate, Flag.none, stream, uint32(bytes));
  }

  /** Asks whether the connection is alive, and waits for the answer. */
  async ping(): Promise<void> {
    const before = this.count(FrameType.ping);
    this.send(FrameType.ping, Flag.none, 0, Buffer.alloc(8));
    await this.until(() => this.count(FrameType.ping) > before, 'a PING to be answered');
  }

  count(type: number): number {
    return this.received.get(type) ?? 0;
  }

  /** Waits until the system has accepted all written bytes, or the connection is gone. */
  async flushed(): Promise<void> {
    await new Promise((resolve) => this.socket.write('', resolve));
  }

  async ended(): Promise<void> {
    await this.until(() => this.closed, 'the connection to end');
  }

  /** Resolves when the condition holds. Checks it when bytes arrive, and when bytes can be sent. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const giveUp = AbortSignal.timeout(CEILING_MS);
    const news = (): boolean => this.#news.emit('news');
    this.socket.on('drain', news);
    while (!condition()) {
      await once(this.#news, 'news', { signal: giveUp }).catch(() => {
        throw new Error(`waited in vain for ${what}; ${JSON.stringify([...this.received])}`);
      });
    }
    this.socket.off('drain', news);
  }

  async destroy(): Promise<void> {
    this.socket.destroy();
    await this.ended();
  }

  /** From now on it takes a byte off its socket each time that this much has gone by. */
  sipEvery(intervalMs: number): void {
    this.#parched = true;
    const timer = setInterval(() => this.socket.resume(), intervalMs);
    this.socket.once('close', () => clearInterval(timer));
  }

  /** False pauses the socket until `resume`. */
  #sip(byte: Buffer): boolean {
    this.#take(byte);
    return !this.#parched;
  }

  #take(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= HEADER_BYTES) {
      const length = this.#pending.readUIntBE(0, 3) + HEADER_BYTES;
      if (this.#pending.length < length) break;
      this.#handle(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
    }
    this.#news.emit('news');
  }

  #handle(frame: Buffer): void {
    const type = frame.readUInt8(3);
    const flags = frame.readUInt8(4);
    const stream = frame.readUInt32BE(5);
    const payload = frame.subarray(HEADER_BYTES);
    this.received.set(type, this.count(type) + 1);
    if (type === FrameType.headers) this.answered.add(stream);
    const ends = type === FrameType.headers || type === FrameType.data;
    if (ends && (flags & Flag.endStream) !== 0) this.endedStreams.add(stream);
    if (type === FrameType.goAway) this.goAwayCode = payload.readUInt32BE(4);
    if (type === FrameType.data) this.#data(stream, payload.length);
    if (type === FrameType.reset) {
      const code = payload.readUInt32BE(0);
      this.resetStreams.add(stream);
      this.resets.set(code, (this.resets.get(code) ?? 0) + 1);
    }
    if (type === FrameType.windowUpdate) {
      if (stream === 0) this.connectionWindow += payload.readUInt32BE(0);
      else this.streamWindow += payload.readUInt32BE(0);
    }
    const asks = type === FrameType.settings || type === FrameType.ping;
    if (this.#behaviour.polite && asks && (flags & Flag.ack) === 0) {
      this.send(type, Flag.ack, 0, type === FrameType.ping ? payload : Buffer.alloc(0));
    }
  }

  #data(stream: number, bytes: number): void {
    this.dataBytes += bytes;
    if (this.#behaviour.grants && bytes > 0) this.grant(stream, bytes).grant(0, bytes);
  }
}

export function frameOf(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A gRPC message: a flag that says whether it is compressed, its length, its bytes. */
export function grpcMessage(bytes: Buffer, compressed = 0, length = bytes.length): Buffer {
  return Buffer.concat([Buffer.of(compressed), uint32(length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(id >> 8, id & 0xff), uint32(value)]);
}

export function requestHeaders(more: Record<string, string> = {}): Record<string, string> {
  return {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': CONNECT_PATH,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  };
}

/** Headers as HPACK literals that need no table. */
export function headerBlock(headers: Record<string, string>): Buffer {
  const literals = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.of(0), hpackString(name), hpackString(value)]),
  );
  return Buffer.concat(literals);
}

function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const prefix: number[] = [];
  if (bytes.length < 127) prefix.push(bytes.length);
  else {
    prefix.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) prefix.push((rest % 128) + 128);
    prefix.push(rest);
  }
  return Buffer.concat([Buffer.from(prefix), bytes]);
}
