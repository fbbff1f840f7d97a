/**
 * The calls that are open on the wire. Each of them ends, whatever its peer does: a peer has limited time to
 * send a request, to take an answer, and to close a call that has ended. Where grpc-js itself ends a call, the
 * peer gets one of our errors.
 *
 * grpc-js ends calls from inside the object that it passes to interceptors, past their wrappers, and hides the
 * HTTP/2 stream. So this file replaces methods of that object and takes the stream from it. Only
 * `shared-messages.ts` does so too.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import {
  Metadata,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  status as Code,
} from '@grpc/grpc-js';
import type { Access, VisitorCertificate } from '../../access/access.js';
import { type Cancel, type Clock, every } from '../../core/clock.js';
import { KelpieError, reasons } from '../../core/errors.js';
import { CallTurns } from './call-turns.js';
import { callLimit, DETAILS, detailsOf, notReadable, statusText, tooLarge } from './errors.js';
import { REQUEST_BYTES, RequestBytes } from './request-bytes.js';
import { shareMessages } from './shared-messages.js';
import { certificateOf } from './tls.js';

/**
 * Deadlines count sweeps, so that time in which the coordinator itself stood still is not counted.
 */
const SWEEP_MS = 1000;
const RECEIVE_SWEEPS = 10;
/** For an answer of which a peer takes nothing. */
const STALL_SWEEPS = 60;
const CLOSE_SWEEPS = 5;

/** Peers end these. A reader that takes nothing costs no more than a reader that waits. */
const ENDLESS = ['/kelpie.v1.EventService/WatchEvents', '/grpc.health.v1.Health/Watch'];

/** Bytes of a stream's messages that the edge reads ahead; above them it stops reading the socket. */
const READ_AHEAD_BYTES = 256 * 1024;

/** Names the call in the metadata that its handler gets. A peer's own value does not get there. */
export const CALL_ID = 'kelpie-call';

type Method = Parameters<ServerInterceptor>[0];
type Status = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];
type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];
type Call = ServerInterceptingCallInterface & { readonly stream: ServerHttp2Stream };

export class OpenCalls {
  readonly #calls = new Map<string, OpenCall>();
  readonly #limits: { readonly messageBytes: number };
  readonly #sweeps: Cancel;
  #sweep = 0;
  #ids = 0;
  readonly #requests = new RequestBytes();
  readonly #cancels: CallTurns;

  constructor(clock: Clock, limits: { readonly messageBytes: number }) {
    this.#limits = limits;
    this.#cancels = new CallTurns(clock);
    this.#sweeps = every(clock, SWEEP_MS, () => {
      this.#sweep++;
      for (const call of this.#calls.values()) call.judge();
    });
  }

  /** Sees every call that comes in. */
  readonly interceptor = ((method: Method, call: Call) => {
    const id = String(++this.#ids);
    // A stream that has ended does not name it any more.
    const connection = call.stream.session;
    const take = (bytes: number): void => {
      // Decompressed bytes may come after the end of the call, which then would never release them.
      if (call.stream.destroyed) return;
      open.requestBytes += bytes;
      if (!this.#requests.take(connection, bytes))
        open.refuse(callLimit(REQUEST_BYTES, 'bytes of requests'));
    };
    const open = new OpenCall(call, {
      id,
      asks: method.requestStream ? 'always' : 'once',
      answers: method.requestStream || ENDLESS.includes(method.path) ? 'always' : 'once',
      messageBytes: this.#limits.messageBytes,
      take,
      sweep: () => this.#sweep,
      cancel: ({ stream }, work) => this.#cancels.take(stream.session, work),
    });
    this.#calls.set(id, open);
    call.stream.once('close', () => {
      this.#calls.delete(id);
      open.forget();
      this.#requests.release(connection, open.requestBytes);
    });
    if (method.responseStream) shareMessages(call);
    if (!method.requestStream) call.stream.on('data', ({ length }: Buffer) => take(length));
    return call;
  }) as unknown as ServerInterceptor;

  /** The call with this id is ended by its handler, which may not get that through to the peer. */
  ending(id: unknown): void {
    this.#calls.get(String(id))?.ending();
  }

  /** The handler of the call with this id is done with so many bytes of its messages. */
  taken(id: unknown, bytes: number): void {
    this.#calls.get(String(id))?.taken(bytes);
  }

  /** The client certificate of the peer of this call. */
  certificate(id: unknown): VisitorCertificate | undefined {
    return this.#calls.get(String(id))?.certificate;
  }

  /** The call with this id ends with its access. */
  follow(id: unknown, access: Pick<Access, 'onEnd'>): void {
    const call = this.#calls.get(String(id));
    if (call) call.forget = access.onEnd((error) => call.end(error));
  }

  close(): void {
    this.#sweeps();
  }
}

type Phase = 'receiving' | 'working' | 'sending' | 'ending';

interface Facts {
  readonly id: string;
  readonly asks: 'once' | 'always';
  readonly answers: 'once' | 'always';
  readonly messageBytes: number;
  /** Counts more bytes of the request; refuses the call if they are too many. */
  take(bytes: number): void;
  sweep(): number;
  cancel(call: Call, work: () => void): void;
}

class OpenCall {
  requestBytes = 0;
  /** Forgets the access. */
  forget = (): void => undefined;
  readonly #call: Call;
  readonly #facts: Facts;
  readonly #sendStatus: Call['sendStatus'];
  #phase: Phase;
  #due = Infinity;
  #aheadBytes = 0;
  #hasStatus = false;
  #readLater: (() => void) | undefined;

  constructor(call: Call, facts: Facts) {
    this.#call = call;
    this.#facts = facts;
    this.#phase = 'working';
    if (facts.asks === 'once') this.#enter('receiving', RECEIVE_SWEEPS);
    this.#sendStatus = call.sendStatus.bind(call);
    const start = call.start.bind(call);
    const sendMessage = call.sendMessage.bind(call);
    call.start = (listener) => start(this.#around(listener));
    call.sendStatus = (status) => this.#end(status);
    const startRead = call.startRead.bind(call);
    call.startRead = () => {
      if (this.#aheadBytes < READ_AHEAD_BYTES) startRead();
      else this.#readLater = startRead;
    };
    if (facts.answers === 'always') return;
    call.sendMessage = (message, sent) => {
      this.#enter('sending', STALL_SWEEPS);
      sendMessage(message, () => {
        this.#enter('working');
        sent();
      });
    };
  }

  get certificate(): VisitorCertificate | undefined {
    return certificateOf(this.#call.stream.session);
  }

  #around(listener: Listener): Listener {
    return {
      onReceiveMetadata: (metadata) => {
        metadata.set(CALL_ID, this.#facts.id);
        listener.onReceiveMetadata(metadata);
      },
      onReceiveMessage: (message: Buffer) => {
        if (this.#facts.asks === 'always') this.#aheadBytes += message.length;
        else if (!this.#takes(message.length)) return;
        listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => {
        this.#enter('working');
        listener.onReceiveHalfClose();
      },
      // A connection ends all its calls at once, and many connections may end at once.
      onCancel: () => this.#facts.cancel(this.#call, () => listener.onCancel()),
    };
  }

  /** A request that came compressed takes what it has. False: that is too much. */
  #takes(bytes: number): boolean {
    if (this.#phase !== 'ending' && bytes > this.requestBytes)
      this.#facts.take(bytes - this.requestBytes);
    return this.#phase !== 'ending';
  }

  #enter(phase: Phase, sweeps = Infinity): void {
    if (this.#phase === 'ending') return;
    this.#phase = phase;
    // The sweep under way does not count.
    this.#due = this.#facts.sweep() + sweeps + 1;
  }

  /** Ends the call with an error, after all that it has sent. Its handler sees that the caller is gone. */
  end(error: KelpieError): void {
    this.#end(statusObject(error));
  }

  #end(status: Status): void {
    if (this.#hasStatus) return;
    this.#hasStatus = true;
    this.ending();
    this.#sendStatus(carried(status, this.#facts.messageBytes));
  }

  ending(): void {
    this.#enter('ending', CLOSE_SWEEPS);
  }

  taken(bytes: number): void {
    this.#aheadBytes -= bytes;
    if (this.#aheadBytes >= READ_AHEAD_BYTES) return;
    this.#readLater?.();
    this.#readLater = undefined;
  }

  /** Ends the call with an error, and takes nothing more of its request. */
  refuse(error: KelpieError): void {
    if (this.#phase === 'ending') return;
    this.#end(statusObject(error));
    this.#call.stream.close(constants.NGHTTP2_NO_ERROR);
  }

  /** Breaks off what is due. */
  judge(): void {
    if (this.#facts.sweep() < this.#due) return;
    if (this.#phase === 'receiving') this.refuse(requestTimeout());
    else this.#call.stream.close(constants.NGHTTP2_CANCEL);
  }
}

/** The status as every transport carries it, with details. */
function carried(status: Status, messageBytes: number): Status {
  const error = status.metadata?.get(DETAILS).length ? undefined : errorOf(status, messageBytes);
  return error ? statusObject(error) : { ...status, details: statusText(status.details) };
}

/** The error for a status with which grpc-js itself ended a call; undefined for other statuses. */
function errorOf({ code, details }: Status, messageBytes: number): KelpieError | undefined {
  if (code === Code.RESOURCE_EXHAUSTED) return tooLarge(messageBytes);
  if (code !== Code.INTERNAL && code !== Code.UNKNOWN) return undefined;
  return /decompress|grpc-timeout/.test(details)
    ? notReadable()
    : new KelpieError('INTERNAL', 'the coordinator failed to answer');
}

function statusObject(error: KelpieError): Status {
  const metadata = new Metadata();
  metadata.set(DETAILS, Buffer.from(detailsOf(error)));
  return { code: Code[reasons[error.reason]], details: statusText(error.message), metadata };
}

function requestTimeout(): KelpieError {
  const limitMs = RECEIVE_SWEEPS * SWEEP_MS;
  const message = `the request did not come whole within ${limitMs / 1000} s`;
  return new KelpieError('REQUEST_TIMEOUT', message, { limit: String(limitMs) });
}
