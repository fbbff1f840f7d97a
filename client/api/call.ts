/** How each call is made: with a time limit, with typed errors, and with a token where one is set. */
import {
  type Channel,
  type Client,
  type ClientMiddleware,
  type CompatServiceDefinition,
} from 'nice-grpc';
import { durationOf } from '../core/duration.js';
import { clients } from '../connection/clients.js';
import { metadataOf, type Tokens } from '../connection/tokens.js';
import { systemClock } from '../core/clock.js';
import type { Duration } from '../../gen/ts/google/protobuf/duration.js';
import { amount, shown } from '../core/arguments.js';
import { fromThrown, KelpieError } from '../errors.js';

/** The options of one call. */
export interface CallOptions {
  /**
   * How long the call may take, in milliseconds. Default: that of the API, and for a stream no limit. A call
   * that takes longer rejects with CALL_TIMEOUT; the coordinator may have done what it was asked.
   */
  readonly timeoutMs?: number;
  /** Ends the call, which then rejects with CALL_CANCELLED. */
  readonly signal?: AbortSignal;
  /** Metadata of the call, for example `traceparent`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The options of all calls of an API. */
export interface CallDefaults {
  readonly timeoutMs: number;
  readonly tokens: Tokens;
  /** The error for what a call has thrown. */
  readonly explain: (thrown: unknown) => Promise<KelpieError>;
}

/** The bounds of a call's time limit: from one tick of a timer to a day. */
export const LONGEST_MS = 24 * 60 * 60 * 1000;
const LEAST_MS = 1;

/** The longest time that nodes can have for a command. */
const COMMAND_MS = 300_000;

/** The time that nodes have for a command, unless the options of the call say otherwise. */
const NODES_MS = 10_000;
/** The time for the way to the coordinator and back, beside the time that nodes have. */
const WAY_MS = 5000;

/**
 * The time that nodes have for a command, and the options of the call that waits for them. Throws
 * DEADLINE_INVALID.
 */
export function commandCall({ timeoutMs = NODES_MS, ...options }: CallOptions) {
  const timeout = commandTimeout(timeoutMs);
  return [timeout, callOptions({ ...options, timeoutMs }, WAY_MS)] as const;
}

function commandTimeout(timeoutMs: number): Duration {
  if (typeof timeoutMs === 'number' && timeoutMs >= LEAST_MS && timeoutMs <= COMMAND_MS) {
    return durationOf(timeoutMs);
  }
  const message = `timeoutMs is ${shown(timeoutMs)}; it must be from 1 to 300000 (5 min)`;
  throw new KelpieError('DEADLINE_INVALID', message, { permanent: true });
}

interface Extension {
  readonly timeoutMs?: number;
  readonly facts?: Readonly<Record<string, string>>;
}

/** The client of one service, as it is generated, whose errors are KelpieErrors. */
export type Service<Definition extends CompatServiceDefinition> = Client<Definition, Extension>;

/** Makes the client of a service. */
export type CreateService = <Definition extends CompatServiceDefinition>(
  definition: Definition,
) => Service<Definition>;

/** Makes clients of services on one channel. */
export function servicesOn(channel: Channel, defaults: CallDefaults): CreateService {
  const factory = clients.use(limited(defaults));
  return (definition) => factory.create(definition, channel);
}

/**
 * The options as the generated clients take them. `extraMs`: the time for the way, beside the limit of the call.
 * Throws OUT_OF_RANGE.
 */
export function callOptions({ timeoutMs, signal, metadata }: CallOptions, extraMs = 0) {
  if (timeoutMs !== undefined) amount('timeoutMs', timeoutMs, LEAST_MS, LONGEST_MS);
  return {
    ...(timeoutMs !== undefined && { timeoutMs: timeoutMs + extraMs }),
    ...(signal && { signal }),
    ...(metadata && { facts: metadata }),
  };
}

function limited(defaults: CallDefaults): ClientMiddleware<Extension> {
  return async function* (call, { timeoutMs, facts, signal, ...options }) {
    const limit = limitOf(timeoutMs ?? (call.responseStream ? undefined : defaults.timeoutMs));
    const metadata = metadataOf(defaults.tokens.current());
    for (const [name, value] of Object.entries(facts ?? {})) metadata.set(name, value);
    const signals = AbortSignal.any(signal ? [limit.signal, signal] : [limit.signal]);
    try {
      return yield* call.next(call.request, { ...options, metadata, signal: signals });
    } catch (thrown) {
      if (limit.signal.aborted) throw fromThrown(limit.signal.reason);
      if (signal?.aborted) throw cancelledError(thrown);
      throw await defaults.explain(thrown);
    } finally {
      limit.lift();
    }
  };
}

/** A signal that aborts when the time is up, with the error to throw. */
function limitOf(limitMs: number | undefined) {
  const end = new AbortController();
  if (limitMs === undefined) return { signal: end.signal, lift: () => undefined };
  const lift = systemClock.after(limitMs, () => end.abort(timeoutError(limitMs)));
  return { signal: end.signal, lift };
}

function timeoutError(limitMs: number): KelpieError {
  const message = `the coordinator did not answer within ${limitMs / 1000} s`;
  return new KelpieError('CALL_TIMEOUT', message);
}

function cancelledError(cause: unknown): KelpieError {
  return new KelpieError('CALL_CANCELLED', 'the caller ended the call', { cause });
}
