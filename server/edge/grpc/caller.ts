/** The peer of a call: what it shows of itself, and the access that it got. */
import type { CallContext } from 'nice-grpc';
import type { Access, Visitor } from '../../access/access.js';
import type { PeerUse } from '../../access/peer-limits.js';
import { hostOf } from '../../core/address.js';
import { CALL_ID, type OpenCalls } from './open-calls.js';

interface Caller {
  readonly access: Access;
  readonly use: PeerUse;
}

const callers = new WeakMap<CallContext, Caller>();

/** A header of another form shows a token that is none. */
const BEARER = /^Bearer ([!-~]*)$/i;

/** The facts that the peer of a call shows. */
export function visitorOf({ peer, metadata }: CallContext, calls: OpenCalls): Visitor {
  const [header, ...more] = metadata.getAll('authorization');
  const [, shown = ''] = more.length > 0 ? [] : (BEARER.exec(header ?? '') ?? []);
  const token = header === undefined ? undefined : shown;
  const certificate = calls.certificate(metadata.get(CALL_ID));
  return { host: hostOf(peer), token, certificate };
}

/** Keeps the access of a call, and its use of the peer's limits, for its handler. */
export function keepCaller(context: CallContext, access: Access, use: PeerUse): void {
  callers.set(context, { access, use });
}

/** The access of a call that was admitted. */
export function accessOf(context: CallContext): Access {
  return callerOf(context).access;
}

/** The use that a call makes of its peer's limits. */
export function useOf(context: CallContext): PeerUse {
  return callerOf(context).use;
}

function callerOf(context: CallContext): Caller {
  const caller = callers.get(context);
  if (!caller) throw new Error('a call is admitted before it is handled');
  return caller;
}
