/** The limits and the times of a coordinator. Welcome names most of them to each node. */

/** The most that clients may send or hold. The coordinator refuses a request above a limit and stores nothing of it. */
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
  /** Approximate memory of the patterns of all readers on one connection. */
  readonly connectionPatternMemory: number;
  /** Approximate memory of the patterns of all readers of one peer. */
  readonly peerPatternMemory: number;
  /** Approximate memory of the patterns of all readers. */
  readonly patternMemory: number;
  /** Bytes of one message on a stream. */
  readonly messageBytes: number;
  /** Bytes of a Hello: less than a later message may have, because its sender has no session yet. */
  readonly helloBytes: number;
  /** Sessions of one coordinator. */
  readonly sessions: number;
  /** Players of one network, including players who log in. */
  readonly players: number;
  /** Bytes of the rows of all players. */
  readonly playerBytes: number;
  /** Bytes of the rows of one proxy's players. */
  readonly proxyPlayerBytes: number;
  /** Grants of one proxy whose players have not joined. */
  readonly proxyLogins: number;
  /** Reservations of one network. */
  readonly reservations: number;
  /** Reservations on one node. */
  readonly nodeReservations: number;
  /** Transfers under way. */
  readonly transfers: number;
  /** Bytes of their contexts. */
  readonly transferBytes: number;
  /** Tickets of one network: players on the way to another proxy. */
  readonly tickets: number;
  /** Approximate memory of these tickets. */
  readonly ticketBytes: number;
  /** Shared values of one network. */
  readonly values: number;
  /** Bytes of the rows of all shared values. */
  readonly valueRowBytes: number;
  /** Bytes of the content of one shared value. */
  readonly valueBytes: number;
  /** Pending answers to commands on one coordinator: one for each command and node. */
  readonly commands: number;
  /** Bytes of the pending commands on one coordinator. */
  readonly commandBytes: number;
  /** Levels of JSON content. */
  readonly jsonDepth: number;
  /** The largest window in events. */
  readonly windowEvents: number;
  /** The largest window in bytes. */
  readonly windowBytes: number;
  /** Entries that wait for the journal. Above this number the coordinator does not read from publishers. */
  readonly backlogEntries: number;
  /** The same in bytes. */
  readonly backlogBytes: number;
  /** Sessions of one peer at once. A peer is a credential, or an address where the coordinator asks for none. */
  readonly peerSessions: number;
  /** Calls and streams of one peer at once. */
  readonly peerStreams: number;
  /** Requests of one peer a second. Peaks of some seconds may be higher. */
  readonly peerRequests: number;
  /** Bytes of one peer a second. */
  readonly peerBytes: number;
  /** Connections of one address at once. */
  readonly addressConnections: number;
  /** Bytes of the headers of one call. */
  readonly headerBytes: number;
  /** Credentials of all networks. */
  readonly credentials: number;
  /** Networks of one coordinator. */
  readonly networks: number;
}

export const defaultLimits: Limits = {
  payloadBytes: 256 * 1024,
  publishEvents: 256,
  publishBytes: 512 * 1024,
  patterns: 1000,
  longPatterns: 64,
  patternBytes: 64 * 1024,
  connectionPatternMemory: 4 * 1024 * 1024,
  peerPatternMemory: 128 * 1024 * 1024,
  patternMemory: 256 * 1024 * 1024,
  messageBytes: 1024 * 1024,
  helloBytes: 64 * 1024,
  sessions: 20_000,
  players: 2_000_000,
  playerBytes: 1024 * 1024 * 1024,
  proxyPlayerBytes: 256 * 1024 * 1024,
  proxyLogins: 5000,
  reservations: 100_000,
  nodeReservations: 10_000,
  transfers: 50_000,
  transferBytes: 64 * 1024 * 1024,
  tickets: 100_000,
  ticketBytes: 64 * 1024 * 1024,
  values: 1_000_000,
  valueRowBytes: 256 * 1024 * 1024,
  valueBytes: 64 * 1024,
  commands: 100_000,
  commandBytes: 64 * 1024 * 1024,
  jsonDepth: 30,
  windowEvents: 65_536,
  windowBytes: 16 * 1024 * 1024,
  backlogEntries: 65_536,
  backlogBytes: 32 * 1024 * 1024,
  peerSessions: 15_000,
  peerStreams: 30_000,
  peerRequests: 250_000,
  peerBytes: 256 * 1024 * 1024,
  addressConnections: 15_000,
  headerBytes: 16 * 1024,
  credentials: 100_000,
  networks: 64,
};

/** Times in milliseconds, measured by the monotonic clock. */
export interface Times {
  /** How often a node sends a Heartbeat. */
  readonly heartbeatMs: number;
  /** Each side closes a stream on which nothing arrives for this long: three heartbeats. */
  readonly maxSilenceMs: number;
  /** How long a node may be without a stream before the coordinator marks it UNREACHABLE. */
  readonly unreachableMs: number;
  /** How long a node may be without a stream before it leaves as LOST. */
  readonly graceMs: number;
  /** How long a peer may take to send its Hello on a new stream. */
  readonly helloMs: number;
  /** How long the holder of a name may take to prove that it lives. Game servers stall. */
  readonly probeMs: number;
  /** How long sessions may take to move to another coordinator when this one stops. */
  readonly drainMs: number;
  /** How long a proxy may take from the grant of a player to the report that they joined. */
  readonly loginMs: number;
  /** How long the proxy that holds a player may take to verify them. The coordinator asks it twice in this time. */
  readonly verifyMs: number;
  /** How long the others on its engine count a coordinator as alive after its last beat. */
  readonly aliveMs: number;
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
  aliveMs: 10_000,
};
