/** The port of a network to its edges: with `authorize` it is all that a new edge needs to carry sessions. */
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Access } from '../access/access.js';
import type { PeerUse } from '../access/peer-limits.js';
import type { Limits } from '../network/limits.js';

/** The other end of a stream. */
export interface Peer {
  /** The host that the stream comes from, for nodes that do not name their own. */
  readonly host: string;
  /** The identity and the rights of the peer. */
  readonly access: Access;
  /** Counts what the stream takes of the peer's limits. Undefined within the process: it has none. */
  readonly use?: PeerUse;
  /** A name of its connection: streams of one connection share a budget of patterns. */
  readonly connection?: string;
  /** Aborts when the stream is gone. */
  readonly signal: AbortSignal;
  /** Called when the coordinator ends the stream: a peer that takes no more may hold that up for ever. */
  readonly ending?: () => void;
}

/** A message of a peer. Its frames may be decoded as they are iterated, which may throw MESSAGE_INVALID. */
export interface Message {
  readonly frames: Iterable<NodeFrame>;
  /** Its bytes on the wire. */
  readonly bytes?: number;
}

export interface SessionPort {
  /** Runs a session on a stream. Throws a KelpieError if the stream must end with a status. */
  readonly serve: (requests: AsyncIterable<Message>, peer: Peer) => AsyncGenerator<Uint8Array>;
  readonly limits: Pick<Limits, 'messageBytes' | 'helloBytes' | 'patterns' | 'publishEvents'>;
}
