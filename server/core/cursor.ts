/** A position in a journal: the last entry that a reader processed. Same shape as the wire's Cursor. */
export interface Cursor {
  /** 16 bytes. The journal changes it when history may have been lost. */
  epoch: Uint8Array;
  /** Sequence of the entry, 0 to 2^53 - 1. */
  sequence: number;
  /** Random uint32 that the journal drew when it stored the entry. It fences a tail that was lost and written anew. */
  tag: number;
}

/** The number of bytes of an epoch, of an instance id and of a nonce. */
export const ID_BYTES = 16;

/** Whether two ids (epochs, instances, nonces) are the same bytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** An id as hex, for map keys and for people. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
