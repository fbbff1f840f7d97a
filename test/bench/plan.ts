/** The plan of a run: the scenarios, the systems, and the time for each measurement. */

/** The payload of every event. */
export const PAYLOAD_BYTES = 128;
/** The topic, or subject, of every event. */
export const TOPIC = 'bench.events';
/** The limit of events under way. A publisher goes on when half of them have arrived. */
export const WINDOW_EVENTS = 2048;

/** How clients talk to a system. */
export type WireName =
  | 'kelpie'
  | 'kelpie-redis'
  | 'kelpie-counting'
  | 'kelpie-acknowledged'
  | 'kelpie-command'
  | 'go'
  | 'java'
  | 'relay'
  | 'unary'
  | 'nats'
  | 'redis-channel'
  | 'redis-stream'
  | 'redis-publish'
  | 'redis-add';
/** The program in the server's process. */
export type ServerName =
  | 'kelpied'
  | 'kelpied-rights'
  | 'kelpied-tls'
  | 'kelpied-interval'
  | 'kelpied-commit'
  | 'kelpied-redis'
  | 'three-on-redis'
  | 'relay'
  | 'nats-server'
  | 'redis-server';

/** One row of a table. */
export interface System {
  readonly wire: WireName;
  readonly server: ServerName;
  readonly title: string;
  /** The other rows of the table are compared with this one. */
  readonly peer?: true;
}

export const systems: readonly System[] = [
  { wire: 'kelpie', server: 'kelpied', title: 'Kelpie', peer: true },
  { wire: 'go', server: 'kelpied', title: 'Kelpie, Go client' },
  { wire: 'java', server: 'kelpied', title: 'Kelpie, Java client' },
  { wire: 'kelpie', server: 'kelpied-rights', title: 'Kelpie, with rights' },
  { wire: 'kelpie', server: 'kelpied-tls', title: 'Kelpie, with rights and TLS' },
  { wire: 'kelpie-counting', server: 'kelpied', title: 'Kelpie, counting' },
  { wire: 'kelpie-counting', server: 'kelpied-rights', title: 'Kelpie, counting, with rights' },
  {
    wire: 'kelpie-counting',
    server: 'kelpied-tls',
    title: 'Kelpie, counting, with rights and TLS',
  },
  { wire: 'relay', server: 'relay', title: 'plain grpc-js', peer: true },
  { wire: 'nats', server: 'nats-server', title: 'NATS core', peer: true },
  { wire: 'kelpie-command', server: 'kelpied', title: 'a command through Kelpie' },
  { wire: 'unary', server: 'relay', title: 'unary grpc-js, direct', peer: true },
  { wire: 'kelpie-acknowledged', server: 'kelpied', title: 'journal in memory', peer: true },
  { wire: 'kelpie-acknowledged', server: 'kelpied-interval', title: 'in files, sync interval' },
  { wire: 'kelpie-acknowledged', server: 'kelpied-commit', title: 'in files, sync commit' },
  { wire: 'kelpie-acknowledged', server: 'kelpied-redis', title: 'in Redis' },
  { wire: 'redis-publish', server: 'redis-server', title: 'Redis alone, PUBLISH', peer: true },
  { wire: 'redis-add', server: 'redis-server', title: 'Redis alone, XADD', peer: true },
  { wire: 'kelpie-redis', server: 'kelpied', title: 'Kelpie, journal in memory' },
  { wire: 'kelpie-redis', server: 'kelpied-redis', title: 'Kelpie, one coordinator' },
  { wire: 'kelpie-redis', server: 'three-on-redis', title: 'Kelpie, three coordinators' },
  { wire: 'redis-channel', server: 'redis-server', title: 'Redis pub/sub', peer: true },
  { wire: 'redis-stream', server: 'redis-server', title: 'Redis Streams', peer: true },
];

/** One table. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly kind:
    | 'throughput'
    | 'latency'
    | 'history'
    | 'search'
    | 'players'
    | 'loss'
    | 'transfers'
    | 'picks'
    | 'values';
  /** The unit of its throughput. Default: deliveries. */
  readonly counts?: 'acknowledged' | 'answered';
  /** The limit of events under way. Default: WINDOW_EVENTS. */
  readonly window?: number;
  /** Default: 1. */
  readonly publishers?: number;
  readonly subscribers: number;
  readonly wires: readonly WireName[];
}

const ACKNOWLEDGED: readonly WireName[] = ['kelpie-acknowledged', 'redis-publish', 'redis-add'];
const ON_REDIS: readonly WireName[] = ['kelpie-redis', 'redis-channel', 'redis-stream'];
/** Plain grpc-js and the journal in memory show what is not the work of Redis. */
const BESIDE_REDIS: readonly WireName[] = [...ON_REDIS, 'relay'];
const ALL: readonly WireName[] = ['kelpie', 'go', 'java', 'kelpie-counting', 'relay', 'nats'];

export const scenarios: readonly Scenario[] = [
  {
    id: 'one-to-one',
    title: '1 publisher : 1 subscriber',
    kind: 'throughput',
    subscribers: 1,
    wires: ALL,
  },
  {
    id: 'one-at-a-time',
    title: '1 publisher : 1 subscriber, one event at a time',
    kind: 'latency',
    subscribers: 1,
    wires: ['kelpie', 'go', 'java', 'relay', 'nats'],
  },
  {
    id: 'one-to-fifty',
    title: '1 publisher : 50 subscribers on 50 connections',
    kind: 'throughput',
    subscribers: 50,
    wires: ALL,
  },
  {
    id: 'acknowledged',
    title: '1 publisher, many events under way',
    kind: 'throughput',
    counts: 'acknowledged',
    subscribers: 1,
    wires: ACKNOWLEDGED,
  },
  {
    id: 'acknowledged-one-at-a-time',
    title: '1 publisher, one event at a time: from publish to acknowledgement',
    kind: 'latency',
    subscribers: 1,
    wires: ACKNOWLEDGED,
  },
  {
    id: 'commands',
    title: 'Commands and their answers, 64 under way',
    kind: 'throughput',
    counts: 'answered',
    window: 64,
    subscribers: 1,
    wires: ['kelpie-command', 'unary'],
  },
  {
    id: 'commands-one-at-a-time',
    title: 'A command and its answer, one at a time',
    kind: 'latency',
    subscribers: 1,
    wires: ['kelpie-command', 'unary'],
  },
  {
    id: 'redis',
    title:
      'Journal in Redis: 1 publisher : 1 subscriber, at another coordinator if there are three',
    kind: 'throughput',
    subscribers: 1,
    wires: BESIDE_REDIS,
  },
  {
    id: 'redis-one-at-a-time',
    title: 'The same, one event at a time',
    kind: 'latency',
    subscribers: 1,
    wires: BESIDE_REDIS,
  },
  {
    id: 'redis-three',
    title: 'Journal in Redis: 3 publishers : 3 subscribers, one of each at each coordinator',
    kind: 'throughput',
    publishers: 3,
    subscribers: 3,
    wires: ON_REDIS,
  },
];

/** A network with many players. The run looks up one after the other by name. */
export const players: Scenario = {
  id: 'players',
  title: 'GetPlayer by name',
  kind: 'players',
  subscribers: 1,
  wires: ['kelpie'],
};

/** The loss of a proxy with all its players, while another node publishes. */
export const loss: Scenario = {
  id: 'loss',
  title: 'A proxy is lost: from its first player to the last',
  kind: 'loss',
  subscribers: 1,
  wires: ['kelpie'],
};

/** Picks of servers by the routing rules, in one process. */
export const picks: Scenario = {
  id: 'picks',
  title: 'Picks of one of 1,000 servers by the routing rules, with 10,000 players, in one process',
  kind: 'picks',
  subscribers: 1,
  wires: ['kelpie'],
};

/** Shared values of one session. */
export const values: Scenario = {
  id: 'values',
  title: 'Shared values: 1,000 keys, 256 operations of one session under way',
  kind: 'values',
  subscribers: 1,
  wires: ['kelpie', 'unary'],
};

/** Players who move between two servers. */
export const transfers: Scenario = {
  id: 'transfers',
  title:
    'Transfers: 1,000 players of 2 proxies move from server to server, each over a reserved slot',
  kind: 'transfers',
  subscribers: 1,
  wires: ['kelpie'],
};

export const transferSystems: readonly System[] = [
  { wire: 'kelpie', server: 'kelpied', title: 'journal in memory' },
  { wire: 'kelpie', server: 'kelpied-commit', title: 'in files, sync commit' },
];

/** The start of kelpied on a data directory, and a subscriber that reads all of it. */
export const history: Scenario = {
  id: 'history',
  title: 'A data directory: from spawn to the ready line, then 1 subscriber from EARLIEST',
  kind: 'history',
  subscribers: 1,
  wires: ['kelpie'],
};

/** A search of a data directory for a topic without entries, while another node publishes. */
export const search: Scenario = {
  id: 'search',
  title: 'A search of a data directory for a topic that nothing was published on',
  kind: 'search',
  subscribers: 1,
  wires: ['kelpie'],
};

/** The size of a data directory, and the number of its measurements. */
export interface HistorySize {
  readonly entries: number;
  readonly rounds: number;
}

/** The durations of one measurement. */
export interface Span {
  /** The results of this time are discarded. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The durations, repetitions and sizes of a run. */
export interface Effort {
  readonly repetitions: number;
  readonly throughput: Span;
  readonly latency: Span;
  /** A first round whose results are discarded: compilers learn the hot paths in it. */
  readonly rehearsal?: Span;
  readonly histories: readonly HistorySize[];
  /** The numbers of players of a network. */
  readonly crowds: readonly number[];
  /** The numbers of players of a lost proxy. */
  readonly losses: readonly number[];
  /** How often all players move to the other server. */
  readonly moves: number;
  /** The numbers of entries that are searched. */
  readonly searches: readonly number[];
  /** Longer than any run takes. If a run has not ended by then, a part of it hangs. */
  readonly ceilingMs: number;
}

export const full: Effort = {
  repetitions: 3,
  throughput: { warmUpMs: 500, measureMs: 1300 },
  latency: { warmUpMs: 200, measureMs: 800 },
  rehearsal: { warmUpMs: 0, measureMs: 500 },
  histories: [
    { entries: 0, rounds: 3 },
    { entries: 1_000_000, rounds: 3 },
    { entries: 10_000_000, rounds: 1 },
  ],
  crowds: [1000, 100_000, 1_000_000],
  losses: [100_000],
  moves: 6,
  searches: [1_000_000],
  ceilingMs: 30 * 60_000,
};

/** A short run that shows that everything works. Its numbers are rough. */
export const quick: Effort = {
  repetitions: 1,
  throughput: { warmUpMs: 200, measureMs: 300 },
  latency: { warmUpMs: 100, measureMs: 200 },
  rehearsal: { warmUpMs: 0, measureMs: 300 },
  histories: [
    { entries: 0, rounds: 1 },
    { entries: 100_000, rounds: 1 },
    { entries: 1_000_000, rounds: 1 },
  ],
  crowds: [1000, 10_000],
  losses: [10_000],
  moves: 2,
  searches: [200_000],
  ceilingMs: 5 * 60_000,
};
