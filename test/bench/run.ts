/** A run starts the servers and clients once, and then measures them in turn, round after round. */
import { type Clients, prepareClients, startClients, startServer } from './children.js';
import { type RunningServer } from './coordinator.js';
import { NotHere } from './not-here.js';
import type { Effort, Scenario, Span, System, WireName } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

export interface RunOptions {
  readonly effort: Effort;
  readonly scenarios: readonly Scenario[];
  readonly systems: readonly System[];
  readonly onProgress: (text: string) => void;
}

/** A system that cannot be measured on this machine. */
export interface Missing {
  readonly title: string;
  readonly reason: string;
}

/** A system that can be measured on this machine. */
interface Candidate {
  readonly system: System;
  readonly server: RunningServer;
  readonly clients: Clients;
}

export async function run(
  options: RunOptions,
): Promise<{ tables: readonly Table[]; missing: readonly Missing[] }> {
  const { candidates, missing } = await startAll(options.systems);
  try {
    return { tables: await measureAll(options, candidates), missing };
  } finally {
    for (const { server, clients } of candidates) {
      clients.stop();
      await server.stop();
    }
  }
}

async function startAll(
  systems: readonly System[],
): Promise<{ candidates: Candidate[]; missing: Missing[] }> {
  const candidates: Candidate[] = [];
  const missing: Missing[] = [];
  for (const system of systems) {
    try {
      prepareClients(system.wire);
      // A server of its own: one that served another row too would be warmer than the others.
      const server = await startServer(system.server);
      candidates.push({ system, server, clients: startClients(system.wire, server.variables) });
    } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      missing.push({ title: system.title, reason: error.message });
    }
  }
  return { candidates, missing };
}

async function measureAll(
  { effort, scenarios, onProgress }: RunOptions,
  candidates: readonly Candidate[],
): Promise<Table[]> {
  const tables = scenarios.map((scenario) => ({ scenario, rows: rowsOf(scenario, candidates) }));
  // Round 0 is the rehearsal, whose results are discarded.
  for (let round = effort.rehearsal ? 0 : 1; round <= effort.repetitions; round++) {
    for (const { scenario, rows } of tables) {
      const span = (round === 0 ? effort.rehearsal : undefined) ?? spanOf(effort, scenario);
      for (const { system, candidate, measurements } of rows) {
        onProgress(`round ${round} of ${effort.repetitions}: ${scenario.title}, ${system.title}`);
        const measurement = await measureOne(candidate, scenario, span);
        if (round > 0) measurements.push(measurement);
      }
    }
  }
  onProgress('');
  return tables.map(({ scenario, rows }) => ({
    scenario,
    rows: rows.map(({ system, measurements }): Row => ({ system, measurements })),
  }));
}

function spanOf({ throughput, latency }: Effort, { kind }: Scenario): Span {
  return kind === 'latency' ? latency : throughput;
}

function rowsOf({ wires }: Scenario, candidates: readonly Candidate[]) {
  const included = (wire: WireName): boolean => wires.includes(wire);
  return candidates
    .filter(({ system }) => included(system.wire))
    .map((candidate) => ({
      system: candidate.system,
      candidate,
      measurements: [] as Measurement[],
    }));
}

function measureOne(
  { server, clients }: Candidate,
  { kind, publishers = 1, subscribers, window }: Scenario,
  { warmUpMs, measureMs }: Span,
): Promise<Measurement> {
  const { endpoint, pid, otherPids = [] } = server;
  const span = { warmUpMs, measureMs };
  const load = { kind, publishers, subscribers, ...(window !== undefined && { window }) };
  return clients.measure({ ...load, ...span, endpoint, serverPids: [pid, ...otherPids] });
}
