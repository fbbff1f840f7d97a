/**
 * A coordinator: starts its parts in order and stops them in the opposite one. It can be embedded in another
 * process. This file, networks.ts, which opens the networks, and wiring.ts, which builds the
 * services of a network, are the only ones that know every part.
 *
 * @module kelpie/coordinator
 */
import { randomUUID } from 'node:crypto';
import { AuditRecord } from '../gen/ts/kelpie/v1/audit.js';
import type { RefusedPeer } from './access/authenticator.js';
import { Credentials } from './access/credentials.js';
import { createToken } from './access/create-token.js';
import type { TokenOptions } from './access/token-options.js';
import { AddressRefused, bareHost, endpointOf, isLoopback, reachOf } from './core/address.js';
import { readCertificates } from './core/certificates.js';
import type { Clock } from './core/clock.js';
import { realClock } from './core/real-clock.js';
import { type End, endAll } from './core/ending.js';
import { MAIN } from './core/network-name.js';
import { KelpieError } from './core/errors.js';
import { ListeningClock } from './core/listening-clock.js';
import { printable } from './core/printable.js';
import { type CoordinatorOptions, defaultRetention, defaultTail } from './ops/config/options.js';
import { checkOwnRetention } from './journal/retention-prefixes.js';
import { defaultLimits, defaultTimes } from './network/limits.js';
import { networkFolder, networksIn, prepareNetworks } from './journal/file/network-folders.js';
import { FileCredentialStore } from './journal/file/file-credential-store.js';
import { FileJournal } from './journal/file/file-journal.js';
import type { Journal } from './journal/journal.js';
import { MemoryCredentialStore } from './journal/memory/memory-credential-store.js';
import { MemoryJournal } from './journal/memory/memory-journal.js';
import { logOf } from './ops/log/log.js';
import { PEERS, RefusalLog } from './ops/log/refusals.js';
import { logSessions } from './ops/log/sessions.js';
import { accessService } from './edge/grpc/access-service.js';
import { inProcess, type InProcessTransport } from './edge/grpc/in-process.js';
import { createEdge, type Edge } from './edge/grpc/server.js';
import { Renewal } from './ops/certificates/renewal.js';
import { type JournalFaults, Networks, type NetworksParts, type OpenNetwork } from './networks.js';
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
  const healthNow = (): Health =>
    health === 'serving' && parts?.networks.readOnly ? 'journal read-only' : health;
  const pages = telemetry && (await serveTelemetry(metrics, telemetry, healthNow));
  const ends: End[] = pages ? [() => pages.close()] : [];
  const stop = (): Promise<void> => {
    health = 'draining';
    return endAll(ends);
  };
  let stopping: Promise<void> | undefined;
  try {
    parts = await assemble(options, telemetry, ends);
    const { networks, main, credentials } = parts;
    const bound = await parts.edge.listen(host, port);
    health = 'serving';
    return {
      id: main.services.identity.coordinatorId,
      host,
      port: bound,
      endpoint: endpointOf(host, bound),
      metricsUrl: pages?.url,
      networks: [...networks.all.keys()],
      transport: () => inProcess(MAIN, main.port),
      get asksForCredentials() {
        return credentials.asks;
      },
      createToken: (asked) => createToken(asked, credentials, networks.recordMachine),
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Other machines reach a coordinator by TLS alone, and never its metrics, unless the options are `insecure`. */
function checkReach({ host, metrics, tls, insecure = false }: CoordinatorOptions): void {
  const hosts = [tls ? undefined : host, metrics?.host].filter((one) => one !== undefined);
  const open = insecure ? undefined : hosts.find((one) => !isLoopback(bareHost(one)));
  if (open === undefined) return;
  throw new AddressRefused(
    open === host
      ? `${reachOf(open)}. Without TLS others could read and change what nodes send. Give the option tls ` +
          '(kelpied certs makes certificates), listen on 127.0.0.1, or set insecure: true on a network that you trust'
      : `${reachOf(open)}. Others could read the metrics. Serve them on 127.0.0.1, or set insecure: true on a ` +
          'network that you trust',
  );
}

/** Other machines reach a coordinator that asks for credentials alone, unless the options are `insecure`. */
function checkAsking({ host, insecure = false }: CoordinatorOptions, { asks }: Credentials): void {
  if (insecure || asks || host === undefined || isLoopback(bareHost(host))) return;
  throw new AddressRefused(
    `${reachOf(host)}. Without credentials anybody could join and publish. Make one first ` +
      '(kelpied token create), listen on 127.0.0.1, or give --insecure (insecure: true) on a network that you trust',
  );
}

interface Parts {
  readonly networks: Networks;
  readonly main: OpenNetwork;
  readonly credentials: Credentials;
  readonly edge: Edge;
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
  const networks = new Networks(networksParts(options, { clock, listening, telemetry }));
  ends.push(() => networks.close());
  telemetry?.countFailed(() => networks.failed);
  const main = await networks.start(storedNetworks(options));
  const { logger } = options;
  const credentials = await openCredentials(options, main, { networks, clock, telemetry }, ends);
  checkAsking(options, credentials);
  const { authorize } = credentials;
  const expiresAtMs = (): number | undefined => renewal?.expiresAtMs;
  telemetry?.watchCertificate(expiresAtMs);
  const security = securityFacts(options, expiresAtMs);
  const access = accessService({ credentials, security, clock });
  const onCall = telemetry?.called ?? (() => undefined);
  const onLimit = telemetry?.limited ?? (() => undefined);
  const own = { authorize, access, networks, certificates, onCall, onLimit };
  const edge = createEdge({ ...main.services, ...own });
  const renewal = certificates && new Renewal(tls, certificates, { clock, logger, edge });
  ends.push(async () => {
    renewal?.close();
    await networks.drain();
    await edge.stop();
  });
  return { networks, main, edge, credentials };
}

/** Opens the credentials. Refused peers are counted and logged. */
async function openCredentials(
  options: CoordinatorOptions,
  { services }: OpenNetwork,
  { networks, clock, telemetry }: Pick<Shared, 'clock' | 'telemetry'> & Pick<Parts, 'networks'>,
  ends: End[],
): Promise<Credentials> {
  const { journal, data = 'data', logger } = options;
  const refusals = logger && new RefusalLog(logger, clock, PEERS);
  ends.push(() => refusals?.close());
  const onRefused = (refused: RefusedPeer): void => {
    telemetry?.refusedPeer(refused.reason);
    refusals?.refused(refused);
  };
  const store =
    journal === 'memory' ? new MemoryCredentialStore() : new FileCredentialStore(data, clock);
  const { recordMachine: onMachine } = networks;
  const credentials = await Credentials.open(store, { ...services, onRefused, onMachine });
  ends.push(() => credentials.close());
  return credentials;
}

/** The clocks and the metrics that all networks share. */
interface Shared {
  readonly clock: Clock;
  readonly listening: ListeningClock;
  readonly telemetry: Telemetry | undefined;
}

function networksParts(options: CoordinatorOptions, shared: Shared): NetworksParts {
  const { limits, times, tail } = options;
  const { clock, telemetry } = shared;
  return {
    ...shared,
    identity: { coordinatorId: randomUUID(), version, startedMs: clock.now() },
    limits: { ...defaultLimits, ...limits },
    times: { ...defaultTimes, ...times },
    tailLimits: { ...defaultTail, ...tail },
    openJournal: (name, onReadOnly) => openJournal(name, options, clock, onReadOnly),
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
    onUnavailable: (network, error) =>
      options.logger?.error({ network, err: error.cause ?? error }, 'network not opened'),
  };
}

/** The names of the networks beside main that the data directory has. */
function storedNetworks({ journal, data = 'data' }: CoordinatorOptions): string[] {
  return journal === 'memory' ? [] : networksIn(data);
}

async function openJournal(
  name: string,
  { journal, data = 'data', sync, retention, logger }: CoordinatorOptions,
  clock: Clock,
  { onFault, onReadOnly }: JournalFaults,
): Promise<Journal> {
  const kept = { ...defaultRetention, ...retention };
  checkOwnRetention(kept.topics ?? []);
  if (journal === 'memory') return new MemoryJournal(clock, kept, onFault);
  prepareNetworks(data, name);
  return FileJournal.open({
    folder: networkFolder(data, name),
    clock,
    retention: kept,
    sync: sync ?? 'commit',
    onWarning: (message) => logger?.warn({}, message),
    onFault: onReadOnly,
    onListenerFault: onFault,
  });
}

function faultHandler(
  { onFault, logger }: CoordinatorOptions,
  telemetry: Telemetry | undefined,
): (error: unknown) => void {
  const log = logger && ((err: unknown) => logger.error({ err }, 'fault'));
  const report = onFault ?? log ?? printFault;
  return (error) => {
    // The journal reported the reason once. From then on every write fails with this error.
    if (error instanceof KelpieError && error.reason === 'JOURNAL_READ_ONLY') return;
    telemetry?.fault();
    try {
      report(error);
    } catch (own) {
      // The user's handler failed too: print both errors for the operator.
      printFault(own);
      printFault(error);
    }
  };
}

function printFault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const lines = `kelpied: ${text}`.split('\n').map((line) => `${printable(line)}\n`);
  process.stderr.write(lines.join(''));
}
