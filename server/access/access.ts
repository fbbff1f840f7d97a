/** The identity and the rights of a peer. Every stream and every call has one access, until it ends. */
import type { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import type { KelpieError } from '../core/errors.js';

/** The name of a verb of the contract, without its prefix. */
export type VerbName =
  | 'HOLD_PLAYERS'
  | 'SHOW_MESSAGE'
  | 'KICK'
  | 'TRANSFER'
  | 'RESERVE'
  | 'DRAIN'
  | 'DISCONNECT'
  | 'UPDATE_NODES'
  | 'SET_ROUTING'
  | 'SET_SETTINGS'
  | 'INSPECT'
  | 'MANAGE_CREDENTIALS'
  | 'UPDATE_PLAYERS';

/** One thing that a request needs a right for. */
export type Right =
  | { readonly kind: 'publish'; readonly topic: string }
  | { readonly kind: 'read'; readonly pattern: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'role'; readonly role: NodeRole }
  | { readonly kind: 'call'; readonly command: string }
  | { readonly kind: 'target'; readonly node: string }
  | { readonly kind: 'verb'; readonly verb: VerbName };

/** The facts about a peer before it sends anything. */
export interface Visitor {
  /** The host that it comes from. */
  readonly host: string;
  /** The bearer token that it shows. */
  readonly token?: string | undefined;
  /** Its client certificate, which the TLS layer has verified. */
  readonly certificate?: VisitorCertificate | undefined;
}

export interface VisitorCertificate {
  /** Its common name. */
  readonly name: string;
  /** When it expires, by the wall clock. The TLS layer looks at that in the handshake alone. */
  readonly expiresAtMs: number;
}

/** The access of one stream or call. It follows its credential: a right that was taken away is missing at once. */
export interface Access {
  readonly network: string;
  /** The host that the peer comes from. */
  readonly address: string;
  /** The id and the name of the credential. Undefined: the coordinator asks for none. */
  readonly credential: { readonly id: string; readonly name: string } | undefined;
  /** Whether the credential is a join token: it is good for Join alone. */
  readonly joinToken: boolean;
  /** When the credential, or a certificate that belongs to it, expires, by the wall clock; undefined: never. */
  readonly expiresAtMs: number | undefined;
  may(right: Right): boolean;
  /** Throws RIGHT_MISSING for all that are missing, or the end of the credential: CREDENTIAL_REVOKED, CREDENTIAL_EXPIRED. */
  require(...rights: readonly Right[]): void;
  /** Calls once, with CREDENTIAL_REVOKED or CREDENTIAL_EXPIRED, when the credential ends. Returns how to forget that. */
  onEnd(ended: (error: KelpieError) => void): () => void;
}

/** Lets a peer in, or throws the error that keeps it out. A failure may come later, so that guessing is slow. */
export type Authorize = (visitor: Visitor) => Access | Promise<Access>;

/** An access without a credential: everything is allowed. */
export function openAccess(network: string, { host }: Visitor): Access {
  return {
    network,
    address: host,
    credential: undefined,
    joinToken: false,
    expiresAtMs: undefined,
    may: () => true,
    require: () => undefined,
    onEnd: () => () => undefined,
  };
}
