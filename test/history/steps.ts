/**
 * A history: every call and every frame of the clients of one run, with its time. A call has two steps, its invocation
 * and its completion; a call without a completion may have taken effect or not. The validators judge histories alone, so
 * each of them is a pure function.
 */

/** A history. Its steps are in the order of time. */
export type History = readonly Step[];

/** One step of one client. */
export type Step = Act & {
  /** By the monotonic clock of the run. */
  readonly atMs: number;
  /** The name of the client; `test` for steps of the run itself. */
  readonly client: string;
};

/** A cursor. */
export interface Position {
  readonly epoch: string;
  readonly sequence: number;
  readonly tag: number;
}

/** An event that a stream delivered. */
export interface Seen {
  readonly sequence: number;
  readonly topic: string;
  /** The node that published it. */
  readonly source: string;
  /** The kind of its body: `messagePublished`, `nodeLeft` … */
  readonly kind: string;
  /** The id of a published message, which its publisher draws once. */
  readonly id?: string;
  readonly node?: string;
  readonly player?: { readonly id: string; readonly proxy: string; readonly generation: number };
  /** Why a node or a player left. */
  readonly reason?: string;
}

/** Where a stream starts to read. */
export type StartsAt = Position | 'SNAPSHOT' | 'LATEST' | 'EARLIEST';

export type Act = StreamAct | PublishAct | CommandAct | PlayerAct | RunAct;

/** Frames of one stream. Each stream of a run has a number of its own. */
export type StreamAct = { readonly stream: number } & (
  | {
      /** Hello goes out. */
      readonly kind: 'hello';
      readonly instance: string;
      readonly topics: readonly string[];
      readonly start: StartsAt;
    }
  | {
      readonly kind: 'welcome';
      readonly generation: number;
      readonly outcome: string;
      readonly coordinator: string;
      readonly at: Position;
      readonly maxSilenceMs: number;
      readonly graceMs: number;
    }
  /** A Publish goes out with the events of these ids. */
  | { readonly kind: 'publishes'; readonly ids: readonly string[] }
  /** Any other frame goes out: the client lives. */
  | { readonly kind: 'sends'; readonly frame: string }
  | {
      /** UpdateSubscription goes out. */
      readonly kind: 'subscribes';
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | { readonly kind: 'subscribed'; readonly at: Position }
  | {
      readonly kind: 'batch';
      readonly after: number;
      readonly upTo: Position;
      readonly events: readonly Seen[];
    }
  | {
      readonly kind: 'gap';
      readonly lostAfter: Position;
      readonly resumesAt: Position;
      readonly reason: string;
    }
  /** The first part of a Snapshot. */
  | { readonly kind: 'snapshot'; readonly at: Position }
  /** A HeartbeatAck with a cursor. */
  | { readonly kind: 'renewed'; readonly at: Position }
  /** Any other frame comes in. */
  | { readonly kind: 'receives'; readonly frame: string }
  /** The stream is over; with the reason if it did not end in order. */
  | { readonly kind: 'closed'; readonly reason?: string }
);

/** Publishing through the SDK, and the events that handlers of the SDK got. */
type PublishAct =
  | { readonly kind: 'publish'; readonly id: string; readonly topic: string }
  /** `stored`: acknowledged. `refused`: certainly not stored. `unknown`: perhaps stored. */
  | { readonly kind: 'published'; readonly id: string; readonly outcome: Published }
  | { readonly kind: 'handled'; readonly pattern: string; readonly sequence: number }
  /** The program removes the handler. */
  | { readonly kind: 'unsubscribes'; readonly pattern: string };

export type Published = 'stored' | 'refused' | 'unknown';

type CommandAct =
  | {
      readonly kind: 'issue';
      readonly command: string;
      readonly targets: readonly string[];
      readonly timeoutMs: number;
    }
  /** The handler of a node gets the command. */
  | { readonly kind: 'executes'; readonly command: string }
  /** The result of one node: the reply, or the reason of an error. */
  | {
      readonly kind: 'result';
      readonly command: string;
      readonly node: string;
      readonly reply?: string;
      readonly reason?: string;
    }
  /** The command ends; with a reason if it failed as a whole. */
  | { readonly kind: 'ended'; readonly command: string; readonly reason?: string };

type PlayerAct =
  | { readonly kind: 'acquire'; readonly player: string }
  | { readonly kind: 'acquired'; readonly player: string; readonly generation: number | undefined }
  /** The proxy reports that the player is in, and holds them from then on. */
  | { readonly kind: 'joins'; readonly player: string }
  | { readonly kind: 'quits'; readonly player: string }
  /** The coordinator took the player from the proxy. */
  | { readonly kind: 'evicted'; readonly player: string };

type RunAct =
  /** The client leaves in order. */
  | { readonly kind: 'leaves' }
  /** The test takes the client away for ever, without a word. */
  | { readonly kind: 'vanishes' }
  /** The run plants a fault; the load before the first one must reach the floor. */
  | { readonly kind: 'fault'; readonly what: string }
  /** The process of the run stood still for so long, up to now. */
  | { readonly kind: 'stalled'; readonly ms: number }
  /** All faults have ended, everybody is back, and nothing is under way. */
  | { readonly kind: 'rest' }
  /** The network as a client or a coordinator shows it at rest: names of nodes, and the proxies of players by id. */
  | {
      readonly kind: 'roster';
      readonly nodes: readonly string[];
      readonly players: Readonly<Record<string, string>>;
    };

/** The steps of one kind, in order. */
export function ofKind<Kind extends Act['kind']>(
  history: History,
  kind: Kind,
): Extract<Step, { kind: Kind }>[] {
  return history.filter((step): step is Extract<Step, { kind: Kind }> => step.kind === kind);
}

/** Items by a key, each group in the order of the items. */
export function groupedBy<Item, Key>(
  items: Iterable<Item>,
  keyOf: (item: Item) => Key,
): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
