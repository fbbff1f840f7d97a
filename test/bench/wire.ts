/** A publisher and its subscribers, as one measurement sees them. */

export interface Wire {
  /** Sends one event, and does not wait for it. What refuses it ends the process. */
  publish(): void;
  close(): Promise<void>;
}

interface WireOptions {
  readonly endpoint: string;
  readonly subscribers: number;
  /** Subscribers read all history first. Otherwise they get what comes. */
  readonly fromEarliest?: boolean;
  /** Called as events arrive, with how many. */
  readonly onDelivered: (count: number) => void;
}

/** Resolves when every subscriber is sure to get the next event. */
export type OpenWire = (options: WireOptions) => Promise<Wire>;
