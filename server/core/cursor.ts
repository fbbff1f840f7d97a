/** A position in a journal: that of the last entry processed. Same shape as the wire's Cursor. */
export interface Cursor {
  /** 16 bytes; changes when history may have been lost. */
  epoch: Uint8Array;
  /** Sequence of the entry, 0 to 2^53 - 1. */
  sequence: number;
  /** Random uint32 drawn when the entry was stored; fences a lost and overtaken tail. */
  tag: number;
}

/** Bytes of an epoch, an instance id and a nonce. */
export const ID_BYTES = 16;

/** Whether two ids (epochs, instances, nonces) are the same bytes. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

/** An id as hex, for map keys and for people. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
