/** The peer of a call: what it shows of itself, and the access that it got. */
import type { CallContext } from 'nice-grpc';
import type { Access, Visitor } from '../../access/access.js';
import { hostOf } from '../../core/address.js';
import { CALL_ID, type OpenCalls } from './open-calls.js';

const accesses = new WeakMap<CallContext, Access>();

/** A header of another form shows a token that is none. */
const BEARER = /^Bearer ([!-~]*)$/i;

/** The facts that the peer of a call shows. */
export function visitorOf({ peer, metadata }: CallContext, calls: OpenCalls): Visitor {
  const [header, ...more] = metadata.getAll('authorization');
  const [, shown = ''] = more.length > 0 ? [] : (BEARER.exec(header ?? '') ?? []);
  const token = header === undefined ? undefined : shown;
  const certificateName = calls.certificateName(metadata.get(CALL_ID));
  return { host: hostOf(peer), token, certificateName };
}

/** Keeps the access of a call for its handler. */
export function admitted(context: CallContext, access: Access): void {
  accesses.set(context, access);
}

/** The access of a call that was admitted. */
export function accessOf(context: CallContext): Access {
  const access = accesses.get(context);
  if (!access) throw new Error('a call is admitted before it is handled');
  return access;
}
