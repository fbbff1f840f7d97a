/**
 * A coordinator: starts its parts in order and stops them in the opposite one. It can be embedded in another
 * process. This file, engine.ts, which opens what the options name, networks.ts, which opens the networks, and wiring.ts,
 * which builds the services of a network, are the only ones that know every part.
 *
 * @module kelpie/coordinator
 */
import { randomUUID } from 'node:crypto';
import { AuditRecord } from '../gen/ts/kelpie/v1/audit.js';
import type { RefusedPeer } from './access/authenticator.js';
import { type CredentialOptions, Credentials } from './access/credentials.js';
import { createToken } from './access/create-token.js';
import type { TokenOptions } from './access/token-options.js';
import { bareHost, endpointOf } from './core/address.js';
import { readCertificates } from './core/certificates.js';
import type { Clock } from './core/clock.js';
import { realClock } from './core/real-clock.js';
import { type End, endAll } from './core/ending.js';
import { MAIN } from './core/network-name.js';
import { ListeningClock } from './core/listening-clock.js';
import { type CoordinatorOptions, defaultTail } from './ops/config/options.js';
import { defaultLimits, defaultTimes } from './network/limits.js';
import { Members } from './cluster/members.js';
import type { CredentialStore } from './journal/credential-store.js';
import { type Engine, openEngine } from './engine.js';
import { faultHandler } from './ops/faults.js';
import { logOf } from './ops/log/log.js';
import { PEERS, RefusalLog } from './ops/log/refusals.js';
import { logSessions } from './ops/log/sessions.js';
import { accessService } from './edge/grpc/access-service.js';
import { inProcess, type InProcessTransport } from './edge/grpc/in-process.js';
import { createEdge, type Edge, type EdgeParts } from './edge/grpc/server.js';
import { Renewal } from './ops/certificates/renewal.js';
import { Networks, type NetworksParts } from './networks.js';
import { advertisedEndpoint } from './ops/advertise.js';
import { checkAsking, checkFree, checkReach, mustAsk } from './ops/reach.js';
import { securityFacts } from './ops/security.js';
import { Telemetry } from './ops/telemetry.js';
import { type Health, serveTelemetry } from './edge/http/server.js';
import { version } from './core/version.js';

export type { CoordinatorOptions, TelemetryAddress } from './ops/config/options.js';
export type { TlsOptions } from './core/certificates.js';
export type { PresetName, TokenOptions } from './access/token-options.js';
export type { Clock } from './core/clock.js';
export type { TailLimits } from './delivery/tail.js';
export type { InProcessTransport } from './edge/grpc/in-process.js';
export type { Retention, TopicRetention } from './journal/journal.js';
export type { Limits, Times } from './network/limits.js';
export type { Logger } from './ops/log/log.js';

/** A coordinator that runs. */
export interface Coordinator {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** Host and port, as clients expect them. */
  readonly endpoint: string;
  /** The URL of the metrics, if the coordinator serves them. */
  readonly metricsUrl: string | undefined;
  /** The names of the networks that were open at the start: `main`, and those of the data directory. */
  readonly networks: readonly string[];
  /**
   * A transport to this coordinator without a socket, for `connect({ transport })` in the same process. A proxy
   * with an embedded coordinator connects through it.
   */
  transport(): InProcessTransport;
  /** Whether the coordinator asks peers for a credential: it does from its first one on. */
  readonly asksForCredentials: boolean;
  /**
   * Makes a credential and resolves with its token, which nobody can see again. From the first credential on the
   * coordinator asks every peer for one, except those of `transport`. Rejects with RIGHTS_INVALID, OUT_OF_RANGE or
   * CREDENTIAL_LIMIT.
   */
  createToken(options: TokenOptions): Promise<string>;
  /** Lets sessions move to another coordinator, then stops all parts. A second call waits for the first. */
  stop(): Promise<void>;
}

/** Starts a coordinator. If a part cannot start, this closes all parts and rejects. */
export async function startCoordinator(options: CoordinatorOptions = {}): Promise<Coordinator> {
  checkReach(options);
  const { port = 50_051, metrics, logger } = options;
  const host = bareHost(options.host ?? '127.0.0.1');
  const telemetry = metrics && new Telemetry(logger?.lostLines);
  let health: Health = 'starting';
  let parts: Parts | undefined;
  // The pages start first and end last, so that a supervisor always gets an answer.
  const healthNow = (): Health => (health === 'serving' && parts ? parts.health() : health);
  const pages = telemetry && (await serveTelemetry(metrics, telemetry, healthNow));
  const ends: End[] = pages ? [() => pages.close()] : [];
  const stop = (): Promise<void> => {
    health = 'draining';
    return endAll(ends);
  };
  let stopping: Promise<void> | undefined;
  try {
    parts = await assemble({ ...options, host, port }, telemetry, ends);
    const { id, networks, credentials } = parts;
    const bound = await parts.listen(host, port);
    health = 'serving';
    return {
      id,
      host,
      port: bound,
      endpoint: endpointOf(host, bound),
      metricsUrl: pages?.url,
      networks: [...networks.all.keys()],
      transport: () => inProcess(MAIN, networks),
      get asksForCredentials() {
        return credentials.asks;
      },
      createToken: (asked) => createToken(asked, credentials, networks.recordMachine),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    // The operator needs the first error.
    await stop().catch(() => undefined);
    throw error;
  }
}

interface Parts {
  readonly id: string;
  readonly networks: Networks;
  readonly credentials: Credentials;
  readonly listen: Edge['listen'];
  /** Of a coordinator that serves. */
  readonly health: () => Health;
}

/** Starts the parts, and adds the end of each part to `ends` at once, because a later part may fail to start. */
async function assemble(
  options: CoordinatorOptions,
  telemetry: Telemetry | undefined,
  ends: End[],
): Promise<Parts> {
  const { clock = realClock, tls } = options;
  const certificates = tls && (await readCertificates(tls));
  const listening = new ListeningClock(clock);
  ends.push(() => listening.close());
  const id = randomUUID();
  const onFault = faultHandler(options, telemetry);
  const engine = await openEngine(options, { id, clock, onFault });
  ends.push(() => engine.close());
  // The networks write when they open, and this coordinator joins the others.
  if (mustAsk(options)) checkAsking(options, { asks: await hasCredentials(engine) });
  await checkFree(options);
  const shared = { clock, listening, telemetry, onFault };
  const opened = await openNetworks(options, { ...shared, engine, id }, ends);
  const { members, networks } = opened;
  const common = { ...shared, ...opened };
  const credentials = await openCredentials(options, engine.credentials(), common, ends);
  checkAsking(options, credentials);
  const { edge, renewal } = openEdge(options, { ...common, credentials, certificates });
  ends.push(async () => {
    renewal?.close();
    const drained = networks.drain();
    void members.announce();
    await drained;
    await edge.stop();
  });
  const listen: Edge['listen'] = async (host, port) => {
    const bound = await edge.listen(host, port);
    void members.listens(advertisedEndpoint(host, bound, options.advertise));
    return bound;
  };
  const health = (): Health => {
    if (members.cutOff) return 'storage unreachable';
    return networks.readOnly ? 'journal read-only' : 'serving';
  };
  return { id, networks, credentials, listen, health };
}

/** Builds the edge, and what renews its certificates. */
function openEdge(
  options: CoordinatorOptions,
  parts: Shared &
    Pick<Parts, 'networks' | 'credentials'> &
    Pick<NetworksParts, 'members' | 'limits' | 'times'> &
    Pick<EdgeParts, 'certificates'>,
) {
  const { tls, logger } = options;
  const { clock, telemetry, certificates, credentials, members } = parts;
  const expiresAtMs = (): number | undefined => renewal?.expiresAtMs;
  telemetry?.watchCertificate(expiresAtMs);
  const security = securityFacts(options, expiresAtMs);
  const edge = createEdge({
    ...parts,
    identity: { coordinatorId: members.id, version },
    authorize: credentials.authorize,
    access: accessService({ credentials, security, clock }),
    onCall: telemetry?.called ?? (() => undefined),
    onLimit: telemetry?.limited ?? (() => undefined),
  });
  const renewal = tls && certificates && new Renewal(tls, certificates, { clock, logger, edge });
  return { edge, renewal };
}

/** Joins the coordinators on the engine, then opens the networks that the engine has. */
async function openNetworks(
  options: CoordinatorOptions,
  shared: Shared & { readonly engine: Engine; readonly id: string },
  ends: End[],
) {
  const { engine, telemetry } = shared;
  const { membership, bus, openJournal } = engine;
  const facts = () => ({ version, ...networks.facts });
  const { aliveMs: ttlMs } = { ...defaultTimes, ...options.times };
  const members = new Members({ ...shared, membership, facts, ttlMs });
  ends.push(() => members.close());
  const parts = networksParts(options, { ...shared, members, bus, openJournal });
  const networks = new Networks(parts);
  ends.push(() => networks.close());
  telemetry?.countFailed(() => networks.failed);
  telemetry?.engine.watch(engine, () => members.all.size);
  members.onCutOff((cutOff, err) => {
    if (cutOff) options.logger?.warn({ err }, 'the storage cannot be reached');
    else options.logger?.info({}, 'the storage can be reached again');
  });
  await members.join();
  await networks.start(await engine.networks());
  const { limits, times } = parts;
  return { members, networks, limits, times };
}

/** Opens the credentials. Refused peers are counted and logged. */
async function openCredentials(
  { logger }: CoordinatorOptions,
  store: CredentialStore,
  parts: Shared & Pick<Parts, 'networks'> & Pick<CredentialOptions, 'limits'>,
  ends: End[],
): Promise<Credentials> {
  const { telemetry, networks, clock } = parts;
  const refusals = logger && new RefusalLog(logger, clock, PEERS);
  ends.push(() => refusals?.close());
  const onRefused = (refused: RefusedPeer): void => {
    telemetry?.refusedPeer(refused.reason);
    refusals?.refused(refused);
  };
  const { recordMachine: onMachine } = networks;
  const credentials = await Credentials.open(store, { ...parts, onRefused, onMachine });
  ends.push(() => credentials.close());
  return credentials;
}

async function hasCredentials(engine: Engine): Promise<boolean> {
  const store = engine.credentials();
  try {
    return (await store.revision()) > 0;
  } finally {
    await store.close();
  }
}

/** The clocks and the metrics that all networks share. */
interface Shared {
  readonly clock: Clock;
  readonly listening: ListeningClock;
  readonly telemetry: Telemetry | undefined;
  readonly onFault: (error: unknown) => void;
}

function networksParts(
  options: CoordinatorOptions,
  shared: Shared & Pick<NetworksParts, 'members' | 'bus' | 'openJournal'> & { engine: Engine },
): NetworksParts {
  const { limits, times, tail } = options;
  const { clock, telemetry, members, engine } = shared;
  return {
    ...shared,
    identity: { coordinatorId: members.id, version, startedMs: clock.now(), engine },
    limits: { ...defaultLimits, ...limits },
    times: { ...defaultTimes, ...times },
    tailLimits: { ...defaultTail, ...tail },
    observe: (name) => {
      const logger = options.logger && logOf(options.logger, name);
      return {
        onFault: faultHandler({ ...options, logger }, telemetry),
        onCommit: telemetry?.committed(name),
        // No flood of events pushes a line out of the log, as it does with a record in the history.
        onAct: (record) => logger?.info(AuditRecord.toJSON(record) as object, 'act'),
        onAuditLost: (records) => logger?.warn({ records }, 'records of acts were lost'),
        observers: ({ network, nodeRows }) => [
          telemetry?.sessions(name),
          logger && logSessions(logger, network, nodeRows, clock),
        ],
      };
    },
    onOpen: (name, services) => telemetry?.watch(name, services),
    onEpochEnd: (network, reason) => {
      telemetry?.engine.epochEnded(network);
      options.logger?.warn({ network, reason }, 'the history of the network ended');
    },
    onUnavailable: (network, error) =>
      options.logger?.error({ network, err: error.cause ?? error }, 'network not opened'),
  };
}
