// Which room may import which: the table of ARCHITECTURE.md. An arrow that is not here fails.

/** Rooms of the server, from the bottom up, and the rooms that each may import. */
const server = {
  core: [],
  topics: ['core'],
  journal: ['core', 'topics'],
  'journal/memory': ['core', 'topics', 'journal'],
  'journal/file': ['core', 'topics', 'journal'],
  'journal/redis': ['core', 'topics', 'journal'],
  cluster: ['core', 'topics', 'journal'],
  'cluster/memory': ['core', 'topics', 'journal', 'cluster'],
  'cluster/redis': ['core', 'topics', 'journal', 'journal/redis', 'cluster'],
  network: ['core', 'topics', 'journal'],
  access: ['core', 'topics', 'journal', 'network'],
  nodes: ['core', 'topics', 'journal', 'cluster', 'network'],
  players: ['core', 'topics', 'journal', 'cluster', 'network'],
  commands: ['core', 'topics', 'journal', 'cluster', 'network'],
  events: ['core', 'topics', 'journal', 'network'],
  routing: ['core', 'topics', 'journal', 'cluster', 'network'],
  transfers: ['core', 'topics', 'journal', 'cluster', 'network'],
  state: ['core', 'topics', 'journal', 'cluster', 'network'],
  delivery: ['core', 'topics', 'journal', 'cluster', 'network'],
  session: ['core', 'topics', 'journal', 'cluster', 'network', 'delivery'],
  'edge/grpc': ['core', 'topics', 'journal', 'cluster', 'network', 'delivery', 'session'],
  'edge/http': ['core'],
  ops: [
    'core',
    'topics',
    'journal',
    'journal/file',
    'journal/redis',
    'cluster',
    'cluster/redis',
    'network',
    'delivery',
    'session',
  ],
};

/** Arrows to subjects, each with its reason. */
const arrows = [
  ['players', 'nodes', 'a proxy owns its players, who end with it; a player is on a server'],
  ['commands', 'nodes', 'the targets of a command are nodes, which the issuer names or selects'],
  ['commands', 'players', 'the targets of a command may be players; their proxies are asked'],
  ['routing', 'nodes', 'a pick chooses between servers, and a reservation holds slots on a node'],
  ['routing', 'players', 'a pick and a reservation count the players of servers'],
  ['transfers', 'routing', 'a transfer picks a server and holds a slot on it'],
  ['transfers', 'nodes', 'a transfer has a target and a proxy; a drain empties a node'],
  ['transfers', 'players', 'a transfer follows its player, who may redeem a ticket'],
  ['transfers', 'commands', 'a transfer asks its nodes by commands'],
  ['state', 'nodes', 'a value may end with a node'],
  ['access', 'commands', 'the right to a command has its name'],
  ['access', 'state', 'rights and records name a shared value by its topic'],
  ['session', 'access', 'a session asks for the right to each frame'],
  [
    'edge/grpc',
    'access',
    'the edge asks who a peer is, and for the right to each call; AccessService answers from it',
  ],
  ['delivery', 'nodes', 'readers get the loads of nodes beside the events'],
  ['session', 'nodes', 'a session claims its node and changes it'],
  ['session', 'players', 'the session of a proxy reports its players'],
  ['session', 'commands', 'a session issues commands and answers them'],
  ['session', 'events', 'a session publishes events'],
  ['session', 'routing', 'a session reserves slots'],
  ['session', 'transfers', 'a session moves players'],
  ['session', 'state', 'a session reads and writes shared values'],
  ['edge/grpc', 'nodes', 'NodeService answers from nodes'],
  ['edge/grpc', 'players', 'PlayerService answers from players'],
  ['edge/grpc', 'commands', 'CommandService issues commands'],
  ['edge/grpc', 'events', 'EventService publishes events'],
  ['edge/grpc', 'routing', 'RoutingService sets the rules; NodeService reserves slots'],
  ['edge/grpc', 'transfers', 'PlayerService moves players; NodeService drains nodes'],
  ['edge/grpc', 'state', 'StateService reads and writes shared values'],
  ['edge/http', 'ops', 'the HTTP server serves the metrics of ops'],
  ['ops', 'access', 'kelpied token changes credentials'],
  ['ops', 'nodes', 'the log and the metrics name the nodes that left'],
];

const escaped = (room) => room.replace('.', '\\.');

function roomRule(room, below) {
  const allowed = [room, ...below, ...arrows.filter(([from]) => from === room).map(([, to]) => to)];
  // A room in a room is another one.
  const inner = Object.keys(server).filter((other) => other.startsWith(`${room}/`));
  const to = allowed.map((one) => (one.endsWith('.ts') ? escaped(one) : `${one}/[^/]+\\.ts`));
  const wide = allowed.filter((one) => one === 'ops').map((one) => `${one}/`);
  return {
    name: `server/${room}`,
    severity: 'error',
    from: { path: `^server/${room}/`, pathNot: inner.map((one) => `^server/${one}/`) },
    to: {
      path: '^(server|client|test)/',
      pathNot: `^server/(${[...to, ...wide].join('|')})`,
    },
  };
}

/** Rooms of the client, and the rooms that each may import. All import core and errors.ts; client/*.ts composes. */
const client = {
  core: [],
  connection: [],
  events: [],
  roster: [],
  files: [],
  commands: ['connection', 'events'], // a command is a request on a stream; its content is a message's
  state: ['connection', 'events'], // a write is a request on a stream; a value's content is a message's
  players: ['connection', 'events', 'commands'], // reports are requests; `on` reads events; verify_player is a command
  transfers: ['connection', 'events', 'roster', 'commands'], // a request on a stream; a look-up, content, a player's ref
  api: ['state', 'connection', 'events', 'roster', 'commands', 'transfers'], // a channel; the forms of messages, look-ups …
  cli: ['api', 'state', 'connection', 'events', 'roster', 'commands', 'players'],
};

function clientRule([room, below]) {
  const allowed = ['core', room, ...below].map((one) => `${one}/`);
  return {
    name: `client/${room}`,
    severity: 'error',
    from: { path: `^client/${room}/` },
    to: { path: '^client/', pathNot: `^client/(errors\\.ts|${allowed.join('|')})` },
  };
}

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(server).map(([room, below]) => roomRule(room, below)),
    ...Object.entries(client).map(clientRule),
    {
      name: 'a-file-of-the-client-is-in-a-room-of-the-table',
      severity: 'error',
      from: {},
      to: {
        path: '^client/',
        pathNot: `^client/([a-z-]+\\.ts|(${Object.keys(client).join('|')})/)`,
      },
    },
    {
      name: 'server-never-client',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(client|test)/' },
    },
    {
      name: 'client-alone',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(server|test)/' },
    },
    {
      // So programs can do with kelpie/api all that kelpie does.
      name: 'the-command-line-uses-the-public-api-alone',
      severity: 'error',
      from: { path: '^client/cli/' },
      to: { path: '^client/', pathNot: '^client/(cli|api|core)/|^client/errors\\.ts' },
    },
    {
      name: 'a-file-is-in-a-room-of-the-table',
      severity: 'error',
      from: {},
      to: {
        path: '^server/',
        pathNot: `^server/((main|coordinator|engine|networks|parts|wiring)\\.ts|(${Object.keys(server).join('|')})/)`,
      },
    },
    {
      name: 'grpc-only-at-the-edge',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/(edge/grpc/|coordinator\\.ts)' },
      to: { path: 'node_modules/(nice-grpc|@grpc/)' },
    },
    {
      name: 'tools-of-operators-in-ops',
      severity: 'error',
      from: {
        path: '^(server|client)/',
        pathNot:
          '^(server/(ops/|edge/grpc/trace)|client/cli/(output/records|input/(contexts|rules-file)))',
      },
      to: { path: 'node_modules/(yaml|pino|prom-client|@opentelemetry)/' },
    },
    {
      name: 'lmdb-only-in-the-file-engine',
      severity: 'error',
      from: { path: '^(server|client)/', pathNot: '^server/journal/file/' },
      to: { path: 'node_modules/(lmdb|@lmdb)/' },
    },
    {
      name: 'redis-only-in-the-redis-engines',
      severity: 'error',
      from: { path: '^(server|client)/', pathNot: '^server/(journal|cluster)/redis/' },
      to: { path: 'node_modules/@redis/' },
    },
    {
      name: 'generated-code-not-in-engines',
      severity: 'error',
      from: { path: '^server/(topics|journal)/' },
      to: { path: '^gen/' },
    },
    {
      name: 'storage-messages-stay-in-their-subjects',
      severity: 'error',
      from: {
        pathNot:
          '^(server/(access|cluster|nodes|ops/move|players|routing|state)|gen|test/server/ops)/',
      },
      to: { path: '^gen/ts/kelpie/storage/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '^(server/main|client/(index|api/index|cli/main)|test/)' },
      to: {},
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '^gen/'] },
    exclude: { path: '^(dist|test/bedrock/node_modules)/' },
  },
};
