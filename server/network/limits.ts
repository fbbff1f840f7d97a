/** What a coordinator allows and promises. The numbers that Welcome tells every node. */

/** What may be sent. More is refused, and loses nothing. */
export interface Limits {
  /** Bytes of one event's message. */
  readonly payloadBytes: number;
  /** Events of one publish. */
  readonly publishEvents: number;
  /** Bytes of one publish. */
  readonly publishBytes: number;
  /** Patterns of one reader. */
  readonly patterns: number;
  /** Patterns of one reader with wildcards and more than four tokens. */
  readonly longPatterns: number;
  /** Bytes of the patterns of one reader. */
  readonly patternBytes: number;
  /** Memory of the patterns of all readers on one connection, about. */
  readonly connectionPatternMemory: number;
  /** Memory of the patterns of all readers, about. */
  readonly patternMemory: number;
  /** Bytes of one message on a stream. */
  readonly messageBytes: number;
  /** Bytes of a Hello: of a peer that has not said yet who it is. */
  readonly helloBytes: number;
  /** Sessions of one coordinator. */
  readonly sessions: number;
  /** Players of one network, those who log in among them. */
  readonly players: number;
  /** Bytes of their rows. */
  readonly playerBytes: number;
  /** Bytes of the rows of one proxy's players. */
  readonly proxyPlayerBytes: number;
  /** Grants of one proxy whose players have not joined. */
  readonly proxyLogins: number;
  /** Nodes that are asked to do commands, of one coordinator. */
  readonly commands: number;
  /** Bytes of the commands that are under way, of one coordinator. */
  readonly commandBytes: number;
  /** Levels of JSON content. */
  readonly jsonDepth: number;
  /** The largest window in events. */
  readonly windowEvents: number;
  /** The largest window in bytes. */
  readonly windowBytes: number;
  /** Entries that wait for the journal, above which publishers are not read. */
  readonly backlogEntries: number;
  /** The same in bytes. */
  readonly backlogBytes: number;
}

export const defaultLimits: Limits = {
  payloadBytes: 256 * 1024,
  publishEvents: 256,
  publishBytes: 512 * 1024,
  patterns: 1000,
  longPatterns: 64,
  patternBytes: 64 * 1024,
  connectionPatternMemory: 4 * 1024 * 1024,
  patternMemory: 256 * 1024 * 1024,
  messageBytes: 1024 * 1024,
  helloBytes: 64 * 1024,
  sessions: 20_000,
  players: 2_000_000,
  playerBytes: 1024 * 1024 * 1024,
  proxyPlayerBytes: 256 * 1024 * 1024,
  proxyLogins: 5000,
  commands: 100_000,
  commandBytes: 64 * 1024 * 1024,
  jsonDepth: 30,
  windowEvents: 65_536,
  windowBytes: 16 * 1024 * 1024,
  backlogEntries: 65_536,
  backlogBytes: 32 * 1024 * 1024,
};

/** How long things take. All in milliseconds, by the monotonic clock. */
export interface Times {
  /** How often a node says that it lives. */
  readonly heartbeatMs: number;
  /** Both sides give a stream up that said nothing for this long: three heartbeats. */
  readonly maxSilenceMs: number;
  /** How long a lost stream may be away before anybody is told. */
  readonly unreachableMs: number;
  /** How long a lost node is kept. */
  readonly graceMs: number;
  /** How long a new stream has for its Hello. */
  readonly helloMs: number;
  /** How long the holder of a name has to prove that it lives. Game servers stall. */
  readonly probeMs: number;
  /** How long sessions have to move on when the coordinator stops. */
  readonly drainMs: number;
  /** How long a proxy may take from the grant of a player to the report that they joined. */
  readonly loginMs: number;
  /** How long the holder of a player has to prove that they are there, asked twice in it. */
  readonly verifyMs: number;
}

export const defaultTimes: Times = {
  heartbeatMs: 5000,
  maxSilenceMs: 15_000,
  unreachableMs: 1000,
  graceMs: 15_000,
  helloMs: 5000,
  probeMs: 3000,
  drainMs: 10_000,
  loginMs: 60_000,
  verifyMs: 800,
};
