/**
 * Every metric, once. Observers count events such as the end of a session. Gauges read the present state when a client
 * asks for the metrics. For each published event the metrics cost two additions only.
 */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type Metric,
  Registry,
} from 'prom-client';
import { NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { departures } from '../nodes/departures.js';
import type { NodeRows } from '../nodes/rows.js';
import { AUDIT_TOPIC } from '../topics/topic.js';
import type { Entry } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import type { SessionRegistry } from '../session/registry.js';
import type { SessionObserver } from '../session/observer.js';

/** The buckets reach from the time of a journal in memory to the time of a disk that stalls. */
const COMMIT_SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const CALL_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

/** The parts of a coordinator whose state the metrics show. */
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

/** The metrics of one coordinator. */
export class Telemetry {
  readonly registry = new Registry();
  #watched: Watched | undefined;
  #published = { events: 0, bytes: 0 };

  readonly #opened = this.#counter(
    'kelpie_sessions_opened_total',
    'sessions that got a Welcome: NEW, RESUMED, or REPLACED another process',
    ['outcome'],
  );
  readonly #refused = this.#counter(
    'kelpie_sessions_refused_total',
    'streams that ended before their Welcome',
    ['reason'],
  );
  readonly #ended = this.#counter(
    'kelpie_sessions_ended_total',
    'sessions that ended: STOPPED, DRAINED, LOST, or by an error',
    ['reason'],
  );
  readonly #requestsFailed = this.#counter(
    'kelpie_requests_failed_total',
    'requests of sessions that were answered with RequestFailed',
    ['reason'],
  );
  readonly #nodesLeft = this.#counter('kelpie_nodes_left_total', 'nodes that left the network', [
    'reason',
  ]);
  readonly #faults = this.#counter('kelpie_faults_total', 'faults; the log has a line for each');
  readonly #commitSeconds = this.#histogram(
    'kelpie_journal_append_seconds',
    'how long the journal takes to store a transaction',
    COMMIT_SECONDS,
  );
  readonly #calls = this.#counter('kelpie_rpc_calls_total', 'calls that ended, streams included', [
    'method',
    'code',
  ]);
  readonly #callSeconds = this.#histogram(
    'kelpie_rpc_seconds',
    'duration of calls that are not streams',
    CALL_SECONDS,
    ['method'],
  );

  readonly #limited = this.#counter(
    'kelpie_peer_limits_total',
    'connections and requests above a limit of one peer',
    ['limit'],
  );

  readonly #presenceDiffers = this.#counter(
    'kelpie_presence_mismatches_total',
    'digests of proxies that differed from the table of players',
  );

  /** Counts the opening, refusal and end of sessions. */
  readonly sessions: SessionObserver = {
    opened: ({ outcome }) => this.#opened.inc({ outcome }),
    refused: ({ reason }) => this.#refused.inc({ reason }),
    ended: (_, reason) => this.#ended.inc({ reason }),
    requestFailed: (reason) => this.#requestsFailed.inc({ reason }),
    presenceDiffers: () => this.#presenceDiffers.inc(),
    draining: () => undefined,
  };

  /** `lostLines` gives the number of dropped log lines, if the logger counts them. */
  constructor(lostLines: () => number = () => 0) {
    for (const metric of metricsOfProcess()) this.registry.registerMetric(metric);
    this.#lookUpNodes();
    this.#lookUpValues();
    this.#lookUpJournal();
    const lost = 'lines of the log that were dropped because no process read them';
    this.#sum('kelpie_log_lines_lost_total', lost, lostLines);
  }

  /** From this call on, the metrics show the state of this coordinator too. */
  watch(watched: Watched): void {
    this.#watched = watched;
    watched.network.onEntries((entries) => this.#take(watched, entries));
  }

  /** The coordinator calls it when the journal has stored or refused a transaction. */
  readonly committed = (durationMs: number): void => {
    this.#commitSeconds.observe(durationMs / 1000);
  };

  /** The coordinator calls it when a call has ended, without a duration if the call was a stream. */
  readonly called = (method: string, code: string, durationMs?: number): void => {
    this.#calls.inc({ method, code });
    if (durationMs !== undefined) this.#callSeconds.observe({ method }, durationMs / 1000);
  };

  /** The edge calls it when a peer is above a limit. */
  readonly limited = (limit: string): void => this.#limited.inc({ limit });

  readonly fault = (): void => this.#faults.inc();

  #take({ nodeRows }: Watched, entries: readonly Entry[]): void {
    for (const { key, topic, event } of entries) {
      if (key !== undefined || topic === AUDIT_TOPIC) continue;
      this.#published.events++;
      this.#published.bytes += event.length;
    }
    for (const { reason } of departures(nodeRows, entries)) {
      this.#nodesLeft.inc({ reason });
    }
  }

  #lookUpNodes(): void {
    this.#gauge(
      'kelpie_sessions',
      'sessions that are open here',
      ['role'],
      (gauge, { nodeRows, registry }) => {
        for (const role of ROLES) gauge.set({ role }, 0);
        for (const name of registry.names) {
          const node = nodeRows.nodes.get(name)?.value;
          if (node) gauge.inc({ role: nameOf(NodeRole, node.role) });
        }
      },
    );
    this.#gauge(
      'kelpie_nodes',
      'nodes of the network',
      ['role', 'state'],
      (gauge, { nodeRows }) => {
        for (const [, { value }] of nodeRows.nodes.entries()) {
          const { role, state } = value;
          gauge.inc({ role: nameOf(NodeRole, role), state: nameOf(NodeState, state) });
        }
      },
    );
    this.#gauge('kelpie_players', 'players who are online', [], (gauge, { playerWriter }) => {
      gauge.set(playerWriter.rows.online);
    });
    this.#gauge('kelpie_commands', 'commands that wait for answers', [], (gauge, { commands }) => {
      gauge.set(commands.pending);
    });
    const moving = 'transfers that have not ended';
    this.#gauge('kelpie_transfers', moving, [], (gauge, { transfers }) => {
      gauge.set(transfers.pending);
    });
    this.#gauge('kelpie_draining', '1 while the coordinator stops', [], (gauge, { registry }) => {
      gauge.set(registry.draining ? 1 : 0);
    });
  }

  #lookUpValues(): void {
    this.#gauge('kelpie_values', 'shared values', [], (gauge, { valueRows }) => {
      gauge.set(valueRows.size);
    });
    this.#gauge('kelpie_value_bytes', 'bytes of shared values', [], (gauge, { valueRows }) => {
      gauge.set(valueRows.bytes);
    });
  }

  #lookUpJournal(): void {
    this.#gauge('kelpie_journal_entries', 'entries of history', [], (gauge, { network }) => {
      gauge.set(network.journal.usage().entries);
    });
    this.#gauge('kelpie_journal_bytes', 'bytes of history', [], (gauge, { network }) => {
      gauge.set(network.journal.usage().bytes);
    });
    const readOnly = '1 after a fault of the disk has ended writing';
    this.#gauge('kelpie_journal_read_only', readOnly, [], (gauge, { network }) => {
      gauge.set(network.readOnly ? 1 : 0);
    });
    this.#gauge('kelpie_journal_head_sequence', 'newest sequence', [], (gauge, { network }) => {
      gauge.set(network.journal.head.sequence);
    });
    const published = this.#published;
    this.#sum('kelpie_published_events_total', 'messages that were stored', () => published.events);
    this.#sum(
      'kelpie_published_bytes_total',
      'bytes of these messages, encoded',
      () => published.bytes,
    );
    this.#sum(
      'kelpie_audit_records_lost_total',
      'records of acts that the journal did not take',
      () => this.#watched?.audit.lost ?? 0,
    );
    this.#sum(
      'kelpie_audit_records_left_out_total',
      'records that were left out because one peer repeats a denied act or a message',
      () => this.#watched?.audit.leftOut ?? 0,
    );
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[] = []) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ) {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  /** A gauge that is filled anew whenever a client asks for the metrics. */
  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (gauge: Gauge<Label>, watched: Watched) => void,
  ): void {
    const gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        if (this.#watched) fill(gauge, this.#watched);
      },
    });
  }

  /** A counter of a sum that other code keeps, because it grows too often for a metric. */
  #sum(name: string, help: string, added: () => number): void {
    const counter = new Counter({
      name,
      help,
      registers: [this.registry],
      collect: () => {
        counter.reset();
        counter.inc(added());
      },
    });
  }
}

/** The metrics of the process. They start once, for all coordinators in the process, because they cannot be stopped. */
function metricsOfProcess(): Metric[] {
  if (!ofProcess) collectDefaultMetrics({ register: (ofProcess = new Registry()) });
  return ofProcess.getMetricsAsArray() as unknown as Metric[];
}
let ofProcess: Registry | undefined;

const ROLES = Object.keys(NodeRole).filter((role) => role !== 'UNSPECIFIED');

/** The name of an enum's number in the contract. */
function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.keys(names).find((name) => names[name] === number) ?? String(number);
}
