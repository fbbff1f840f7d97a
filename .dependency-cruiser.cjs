// The layers of ARCHITECTURE.md: imports go down only.
const settings = '^server/(config|telemetry|log)';
const layer = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^(server|client|test)/', pathNot: [to, settings] },
});

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    layer('core-stands-alone', '^server/core/', '^server/core/'),
    layer('journal-port', '^server/journal/journal', '^server/core/'),
    layer(
      'journal-tail',
      '^server/journal/(tail|batch)',
      '^server/(core/|journal/(journal|batch))',
    ),
    layer(
      'journal-memory',
      '^server/journal/memory',
      '^server/(core/|journal/(journal|topic-(budget|groups)|memory))',
    ),
    layer(
      'journal-file',
      '^server/journal/file',
      '^server/(core/|journal/(journal|topic-(budget|groups)|file))',
    ),
    layer('nodes-import-nobody-who-depends', '^server/nodes/', '^server/(core/|journal/journal)'),
    layer(
      'domain-sees-only-the-port',
      '^server/domain/',
      '^server/(core/|nodes/|domain/|journal/(journal|tail|batch))',
    ),
    layer(
      'delivery-above-the-port',
      '^server/delivery/',
      '^server/(core/|delivery/|journal/(journal|tail|batch))',
    ),
    layer(
      'session-above-delivery',
      '^server/session/',
      '^server/(core/|domain/|delivery/|session/|journal/(journal|tail|batch))',
    ),
    layer(
      'rpc-above-session',
      '^server/rpc/',
      '^server/(core/|domain/|delivery/|session/|rpc/|journal/(journal|tail|batch))',
    ),
    layer('server-never-client', '^server/', '^server/'),
    {
      name: 'client-alone',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^(server|test)/' },
    },
    {
      name: 'settings-as-types',
      severity: 'error',
      from: { path: '^server/(core|journal|nodes|domain|delivery|session|rpc)/' },
      to: { path: settings, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'grpc-only-at-the-edge',
      severity: 'error',
      from: { path: '^server/(core|journal|nodes|domain|delivery|session)/' },
      to: { path: 'node_modules/(nice-grpc|@grpc/)' },
    },
    {
      name: 'one-file-for-each-tool-of-operators',
      severity: 'error',
      from: { path: '^(server|client)/', pathNot: '^server/(config/|log|telemetry|rpc/trace)' },
      to: { path: 'node_modules/(yaml|pino|prom-client|@opentelemetry)/' },
    },
    {
      name: 'lmdb-only-in-the-file-engine',
      severity: 'error',
      from: { path: '^(server|client)/', pathNot: '^server/journal/file' },
      to: { path: 'node_modules/(lmdb|@lmdb)/' },
    },
    {
      name: 'generated-code-not-in-core-and-engines',
      severity: 'error',
      from: { path: '^server/(core/|journal/(journal|memory|file))' },
      to: { path: '^gen/' },
    },
    {
      name: 'storage-messages-stay-in-the-domain',
      severity: 'error',
      from: { pathNot: '^(server/domain|gen)/' },
      to: { path: '^gen/ts/kelpie/storage/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: '^(server/main|client/(index|cli/main)|test/)' },
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
