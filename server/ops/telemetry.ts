/**
 * Every metric, once. Observers count events such as the end of a session. Gauges read the present state when a client
 * asks for the metrics. For each published event the metrics cost two additions only.
 */
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { departures } from '../nodes/departures.js';
import type { NodeRows } from '../nodes/rows.js';
import { AUDIT_TOPIC } from '../topics/topic.js';
import type { Entry } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import type { SessionRegistry } from '../session/registry.js';
import type { SessionObserver } from '../session/observer.js';
import { EngineMeters } from './engine-meters.js';
import { Meters } from './meters.js';

/** The buckets reach from the time of a journal in memory to the time of a disk that stalls. */
const COMMIT_SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const CALL_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** The parts of a network whose state the metrics show. */
export interface Watched {
  readonly network: Network;
  readonly nodeRows: NodeRows;
  readonly playerWriter: { readonly rows: { readonly online: number } };
  readonly registry: Pick<SessionRegistry, 'names' | 'draining'>;
  readonly commands: { readonly pending: number };
  readonly transfers: { readonly pending: number };
  readonly valueRows: { readonly size: number; readonly bytes: number };
  readonly audit: { readonly lost: number; readonly leftOut: number };
}

/** A network, and what its publishers have published since it opened. */
type Shown = Watched & { readonly published: { events: number; bytes: number } };

/** The metrics of one coordinator. Those of a network have its name as a label. */
export class Telemetry {
  readonly #meters = new Meters();
  readonly registry = this.#meters.registry;
  readonly engine: EngineMeters;
  /** By the names of their networks. */
  readonly #shown = new Map<string, Shown>();
  #failed = (): number => 0;
  #certificateExpiresAtMs = (): number | undefined => undefined;

  readonly #opened = this.#meters.counter(
    'kelpie_sessions_opened_total',
    'sessions that got a Welcome: NEW, RESUMED, or REPLACED another process',
    ['network', 'outcome'],
  );
  readonly #refused = this.#meters.counter(
    'kelpie_sessions_refused_total',
    'streams that ended before their Welcome',
    ['network', 'reason'],
  );
  readonly #ended = this.#meters.counter(
    'kelpie_sessions_ended_total',
    'sessions that ended: STOPPED, DRAINED, LOST, or by an error',
    ['network', 'reason'],
  );
  readonly #requestsFailed = this.#meters.counter(
    'kelpie_requests_failed_total',
    'requests of sessions that were answered with RequestFailed',
    ['network', 'reason'],
  );
  readonly #nodesLeft = this.#meters.counter(
    'kelpie_nodes_left_total',
    'nodes that left the network',
    ['network', 'reason'],
  );
  readonly #faults = this.#meters.counter(
    'kelpie_faults_total',
    'faults; the log has a line for each',
  );
  readonly #commitSeconds = this.#meters.histogram(
    'kelpie_journal_append_seconds',
    'how long the journal takes to store a transaction',
    COMMIT_SECONDS,
    ['network'],
  );
  readonly #calls = this.#meters.counter(
    'kelpie_rpc_calls_total',
    'calls that ended, streams included',
    ['method', 'code'],
  );
  readonly #callSeconds = this.#meters.histogram(
    'kelpie_rpc_seconds',
    'duration of calls that are not streams',
    CALL_SECONDS,
    ['method'],
  );

  readonly #limited = this.#meters.counter(
    'kelpie_peer_limits_total',
    'connections and requests above a limit of one peer',
    ['limit'],
  );

  readonly #refusedPeers = this.#meters.counter(
    'kelpie_authentication_failures_total',
    'streams and calls of peers without a good credential',
    ['reason'],
  );

  readonly #presenceDiffers = this.#meters.counter(
    'kelpie_presence_mismatches_total',
    'digests of proxies that differed from the table of players',
    ['network'],
  );

  /** Counts the opening, refusal and end of the sessions of a network. */
  sessions(network: string): SessionObserver {
    return {
      opened: ({ outcome }) => this.#opened.inc({ network, outcome }),
      refused: ({ reason }) => this.#refused.inc({ network, reason }),
      ended: (_, reason) => this.#ended.inc({ network, reason }),
      requestFailed: (reason) => this.#requestsFailed.inc({ network, reason }),
      presenceDiffers: () => this.#presenceDiffers.inc({ network }),
      draining: () => undefined,
    };
  }

  /** `lostLines` gives the number of dropped log lines, if the logger counts them. */
  constructor(lostLines: () => number = () => 0) {
    this.#lookUpNodes();
    this.#lookUpNetworks();
    this.#lookUpCertificate();
    this.#lookUpValues();
    this.#lookUpJournal();
    this.#lookUpPublished();
    const lost = 'lines of the log that were dropped because no process read them';
    this.#meters.kept('kelpie_log_lines_lost_total', lost, [], (counter) =>
      counter.inc(lostLines()),
    );
    this.engine = new EngineMeters(this.#meters);
  }

  /** From this call on, the metrics show the state of this network too. A network that begins anew goes on counting. */
  watch(network: string, watched: Watched): void {
    const { published = { events: 0, bytes: 0 } } = this.#shown.get(network) ?? {};
    const shown = { ...watched, published };
    this.#shown.set(network, shown);
    // A series is there before its first event, so that a rate has where to begin.
    this.#presenceDiffers.inc({ network }, 0);
    this.engine.opened(network);
    watched.network.onEntries((entries) => this.#take(network, shown, entries));
  }

  /** `failed` gives the number of networks that did not open. */
  countFailed(failed: () => number): void {
    this.#failed = failed;
  }

  /** `expiresAtMs` gives the end of the certificate in force; undefined without TLS. */
  watchCertificate(expiresAtMs: () => number | undefined): void {
    this.#certificateExpiresAtMs = expiresAtMs;
  }

  /** Returns the function that the coordinator calls when the journal of a network has stored or refused a transaction. */
  committed(network: string): (durationMs: number) => void {
    return (durationMs) => this.#commitSeconds.observe({ network }, durationMs / 1000);
  }

  /** The coordinator calls it when a call has ended, without a duration if the call was a stream. */
  readonly called = (method: string, code: string, durationMs?: number): void => {
    this.#calls.inc({ method, code });
    if (durationMs !== undefined) this.#callSeconds.observe({ method }, durationMs / 1000);
  };

  /** Counts the streams and calls whose peers did not show a good credential. */
  readonly refusedPeer = (reason: string): void => this.#refusedPeers.inc({ reason });

  /** The edge calls it when a peer is above a limit. */
  readonly limited = (limit: string): void => this.#limited.inc({ limit });

  readonly fault = (): void => this.#faults.inc();

  #take(network: string, { nodeRows, published }: Shown, entries: readonly Entry[]): void {
    for (const { key, topic, event } of entries) {
      if (key !== undefined || topic === AUDIT_TOPIC) continue;
      published.events++;
      published.bytes += event.length;
    }
    for (const { reason } of departures(nodeRows, entries)) {
      this.#nodesLeft.inc({ network, reason });
    }
  }

  #lookUpNodes(): void {
    this.#meters.gauge(
      'kelpie_sessions',
      'sessions that are open here',
      ['network', 'role'],
      (gauge) => {
        for (const [network, { nodeRows, registry }] of this.#shown) {
          for (const role of ROLES) gauge.set({ network, role }, 0);
          for (const name of registry.names) {
            const node = nodeRows.nodes.get(name)?.value;
            if (node) gauge.inc({ network, role: nameOf(NodeRole, node.role) });
          }
        }
      },
    );
    const labels = ['network', 'role', 'state'] as const;
    this.#meters.gauge('kelpie_nodes', 'nodes of the network', [...labels], (gauge) => {
      for (const [network, { nodeRows }] of this.#shown) {
        for (const [, { value }] of nodeRows.nodes.entries()) {
          const [role, state] = [nameOf(NodeRole, value.role), nameOf(NodeState, value.state)];
          gauge.inc({ network, role, state });
        }
      }
    });
    this.#number('kelpie_players', 'players who are online', (of) => of.playerWriter.rows.online);
    this.#number('kelpie_commands', 'commands that wait for answers', (of) => of.commands.pending);
    this.#number('kelpie_transfers', 'transfers that have not ended', (of) => of.transfers.pending);
  }

  #lookUpNetworks(): void {
    this.#meters.gauge('kelpie_draining', '1 while the coordinator stops', [], (gauge) => {
      gauge.set([...this.#shown.values()].some(({ registry }) => registry.draining) ? 1 : 0);
    });
    this.#meters.gauge(
      'kelpie_networks',
      'networks: open, or failed to open',
      ['state'],
      (gauge) => {
        gauge.set({ state: 'open' }, this.#shown.size);
        gauge.set({ state: 'failed' }, this.#failed());
      },
    );
  }

  #lookUpCertificate(): void {
    const help = 'when the certificate of kelpied expires, in Unix time; only with TLS';
    this.#meters.gauge('kelpie_certificate_expiry_timestamp_seconds', help, [], (gauge) => {
      const expiresAtMs = this.#certificateExpiresAtMs();
      if (expiresAtMs === undefined) gauge.remove();
      else gauge.set(expiresAtMs / 1000);
    });
  }

  #lookUpValues(): void {
    this.#number('kelpie_values', 'shared values', ({ valueRows }) => valueRows.size);
    this.#number(
      'kelpie_value_bytes',
      'bytes of shared values',
      ({ valueRows }) => valueRows.bytes,
    );
  }

  #lookUpJournal(): void {
    const number = (name: string, help: string, of: (network: Network) => number): void =>
      this.#number(name, help, ({ network }) => of(network));
    number('kelpie_journal_entries', 'entries of history', (of) => of.journal.usage().entries);
    number('kelpie_journal_bytes', 'bytes of history', (of) => of.journal.usage().bytes);
    const readOnly = '1 after a fault of the disk has ended writing';
    number('kelpie_journal_read_only', readOnly, (of) => (of.readOnly ? 1 : 0));
    const lag = 'entries of other coordinators that were missing at the last look at Redis';
    number('kelpie_journal_lag_entries', lag, (of) => of.journal.lagEntries ?? 0);
    number('kelpie_journal_head_sequence', 'newest sequence', (of) => of.journal.head.sequence);
  }

  #lookUpPublished(): void {
    const events = 'messages that were stored';
    this.#sums('kelpie_published_events_total', events, ({ published }) => published.events);
    const bytes = 'bytes of these messages, encoded';
    this.#sums('kelpie_published_bytes_total', bytes, ({ published }) => published.bytes);
    const lost = 'records of acts that the journal did not take';
    this.#sums('kelpie_audit_records_lost_total', lost, ({ audit }) => audit.lost);
    const leftOut = 'records that were left out because one peer repeats a denied act or a message';
    this.#sums('kelpie_audit_records_left_out_total', leftOut, ({ audit }) => audit.leftOut);
  }

  /** A gauge of one number for each network. */
  #number(name: string, help: string, numberOf: (shown: Shown) => number): void {
    this.#meters.gauge(name, help, ['network'], (gauge) => {
      for (const [network, shown] of this.#shown) gauge.set({ network }, numberOf(shown));
    });
  }

  /** A counter of one sum for each network. */
  #sums(name: string, help: string, sumOf: (shown: Shown) => number): void {
    this.#meters.kept(name, help, ['network'], (counter) => {
      for (const [network, shown] of this.#shown) counter.inc({ network }, sumOf(shown));
    });
  }
}

const ROLES = Object.keys(NodeRole).filter((role) => role !== 'UNSPECIFIED');

/** The name of an enum's number in the contract. */
function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? String(number);
}
