/** The publisher and the subscribers of one measurement. */

export interface Wire {
  /** Sends one event and does not wait for its arrival. Publishers take turns. A refusal ends the process. */
  publish(): void;
  close(): Promise<void>;
}

interface WireOptions {
  /** Several are separated by commas. */
  readonly endpoint: string;
  /** Default: 1. */
  readonly publishers?: number | undefined;
  readonly subscribers: number;
  /** If true, subscribers read all history first. Otherwise they get new events only. */
  readonly fromEarliest?: boolean;
  /** Called with the number of events that arrived. */
  readonly onDelivered: (count: number) => void;
}

/** Opens a wire. Resolves when every subscriber will get the next event. */
export type OpenWire = (options: WireOptions) => Promise<Wire>;

/** Calls one of the publishers after the other. */
export function inTurn(publishers: readonly (() => void)[]): () => void {
  let turn = 0;
  return () => publishers[turn++ % publishers.length]?.();
}
