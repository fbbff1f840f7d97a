/** Before a call begins, its peer is authorized, the call waits for its turn, and its request is decoded. */
import { type CallContext, ServerError, type ServerMiddlewareCall, Status } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import type { OpenAct } from '../../access/act.js';
import { type Authorize, openAccess } from '../../access/access.js';
import type { PeerLimits, PeerUse } from '../../access/peer-limits.js';
import { MAIN } from '../../core/network-name.js';
import { checkCall } from '../../access/table.js';
import { keepCaller, visitorOf } from './caller.js';
import type { Connections } from './connections.js';
import type { CallTurns } from './call-turns.js';
import { decodeRequest, SessionService } from './definitions.js';
import { callLimit } from './errors.js';
import { type EdgeNetworks, keepNetwork } from './networks.js';
import type { Responses } from './observe.js';
import { CALL_ID, type OpenCalls } from './open-calls.js';
import { recorded } from './recorded.js';

/** Calls that wait for their turn at once. */
const WAITING = 1024;

/**
 * Everybody may check the health: load balancers have no credential. The answer says whether a service serves, and
 * nothing else. A check without a token is for the network main, and counts for its address. A Watch needs a
 * credential, as every stream does.
 */
const CHECK = `/${HealthDefinition.fullName}/${HealthDefinition.methods.check.name}`;

const SESSION = SessionService.connect.path;

/** The parts that decide over a call. */
interface AdmitParts {
  readonly authorize: Authorize;
  readonly networks: EdgeNetworks;
  readonly turns: CallTurns;
  readonly calls: OpenCalls;
  readonly connections: Connections;
  readonly peers: PeerLimits;
}

/** The peer of a call, which has its access. */
interface AdmittedPeer {
  /** Throws RIGHT_MISSING unless the peer may make the request. */
  check(request: unknown): void;
  /** The record of the act that the request is, if it is one. */
  act(request: unknown): OpenAct | undefined;
  /** Counts what the call takes of the peer's limits. */
  readonly use: PeerUse;
  /** Checks the health without a credential. */
  readonly isAnonymous: boolean;
}

/**
 * The innermost middleware. Throws what `authorize` and `networks` throw, the limits of a peer, CALL_LIMIT or
 * MESSAGE_INVALID.
 */
export function admitCalls(parts: AdmitParts) {
  return async function* admitted<Request, Response>(
    call: ServerMiddlewareCall<Request, Response>,
    context: CallContext,
  ): Responses<Response> {
    const { path } = call.method;
    const peer = await admit(parts, path, context);
    try {
      return yield* answered(parts, call, context, peer);
    } finally {
      peer.use.close();
    }
  };
}

/** Lets the peer of a call in. */
async function admit(
  { authorize, networks, calls, peers }: AdmitParts,
  path: string,
  context: CallContext,
): Promise<AdmittedPeer> {
  const visitor = visitorOf(context, calls);
  const isAnonymous = path === CHECK && visitor.token === undefined;
  const access = isAnonymous ? openAccess(MAIN, visitor) : await authorize(visitor);
  const network = await networks.of(access.network);
  const use = peers.enter(access);
  keepCaller(context, access, use);
  keepNetwork(context, network);
  // A session ends itself, and takes its node out.
  if (path !== SESSION) calls.follow(context.metadata.get(CALL_ID), access);
  return {
    check: (request) => checkCall(path, request, access, network.port.limits),
    act: (request) => network.audit.ofCall(path, request, { node: '', access }),
    use,
    isAnonymous,
  };
}

async function* answered<Request, Response>(
  { turns, calls, connections }: AdmitParts,
  call: ServerMiddlewareCall<Request, Response>,
  context: CallContext,
  peer: AdmittedPeer,
): Responses<Response> {
  const { path } = call.method;
  const begin = (): Responses<Response> => {
    const request = decodeRequest(path, call.request) as Request;
    const run = (): Responses<Response> => {
      peer.check(request);
      return call.next(request, context) as Responses<Response>;
    };
    const act = peer.act(request);
    return act ? recorded(act, run) : run();
  };
  if (call.requestStream) peer.check(undefined);
  else {
    if (!peer.isAnonymous) connections.used(context.peer);
    peer.use.call((call.request as Uint8Array).length);
    if (peer.isAnonymous) connections.checked(context.peer);
  }
  const { responses, first } = call.requestStream
    ? startOf(streamed(call, context, calls))
    : await begun(turns, context, begin);
  try {
    const { done, value } = await first;
    if (done === true) return value;
    // The first response of a stream is the Welcome.
    if (call.requestStream) connections.used(context.peer);
    yield value;
    return yield* responses;
  } finally {
    await responses.return(undefined);
  }
}

/** A call that has begun. */
interface Begun<Response> {
  readonly responses: Responses<Response>;
  /** In an object, so that the turn does not wait for it. */
  readonly first: ReturnType<Responses<Response>['next']>;
}

function startOf<Response>(responses: Responses<Response>): Begun<Response> {
  return { responses, first: responses.next() };
}

function begun<Response>(
  turns: CallTurns,
  { peer, signal }: CallContext,
  begin: () => Responses<Response>,
): Promise<Begun<Response>> {
  if (turns.size >= WAITING) throw callLimit(WAITING, 'calls');
  // Async so that what it throws rejects; all of it runs in the turn.
  const now = async (): Promise<Begun<Response>> => {
    // The caller does not wait for it any more.
    if (signal.aborted) throw new ServerError(Status.CANCELLED, 'the call was cancelled');
    return startOf(begin());
  };
  return new Promise((resolve) => turns.take(peer, () => resolve(now())));
}

function streamed<Request, Response>(
  call: ServerMiddlewareCall<Request, Response> & { readonly requestStream: true },
  context: CallContext,
  calls: OpenCalls,
): Responses<Response> {
  const id = context.metadata.get(CALL_ID);
  const taken = (bytes: number): void => calls.taken(id, bytes);
  const requests = decodedStream(call.method.path, call.request, taken);
  return call.next(requests, context) as Responses<Response>;
}

async function* decodedStream<Request>(
  path: string,
  requests: AsyncIterable<Request>,
  taken: (bytes: number) => void,
): AsyncGenerator<Request> {
  for await (const request of requests) {
    yield decodeRequest(path, request) as Request;
    // The session asks for the next message when it is done with this one.
    taken((request as Uint8Array).length);
  }
}
