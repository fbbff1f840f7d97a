/** How commands get onto the streams of nodes. */

/** A request for a node, until it is sent. */
export interface Handover {
  /** Approximate size of the request. */
  readonly bytes: number;
  /** Called when the stream has room: the request in parts, or undefined if the command has ended. */
  take(): readonly Uint8Array[] | undefined;
  /** Called instead of `take` if the stream ends before the request is sent. */
  drop(): void;
}

/** Sends commands to nodes. The layer of sessions implements it. */
export interface Carrier {
  /** Queues a request for the node. With another result than `queued`, the node certainly does not get it. */
  hand(node: string, handover: Handover): 'queued' | 'absent' | 'full';
  /** Sends the node that nobody waits for its answer any more. */
  withdraw(node: string, commandId: number): void;
}
