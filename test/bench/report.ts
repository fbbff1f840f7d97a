/** Shows results as tables for people. Pure. */
import type { Scenario, System } from './plan.js';
import { ratioOf, type Summary, summaryOf } from './statistics.js';
import type { Measurement } from './workload.js';

/** The results of one system in one scenario, one for each repetition. */
export interface Row {
  readonly system: System;
  readonly measurements: readonly Measurement[];
}

export interface Table {
  readonly scenario: Scenario;
  readonly rows: readonly Row[];
}

type Pick = (measurement: Measurement) => number | undefined;

/** A column of a table. */
interface Quantity {
  readonly title: string;
  readonly pick: Pick;
  readonly format: (value: number) => string;
  /** Whether the table also shows the spread, and the ratios to the peers. */
  readonly compared: boolean;
}

const thousands = (value: number): string => (value / 1000).toFixed(1);
const short = (value: number): string => value.toFixed(value < 10 ? 2 : 1);
const ratio = (value: number): string => (value < 1 ? value.toPrecision(2) : short(value));
const whole = (value: number): string => value.toFixed(0);
const percent = (value: number): string => `${Math.round(value * 100)} %`;

const flowing = (counts: string): readonly Quantity[] => [
  {
    title: `k ${counts}/s`,
    pick: ({ deliveriesPerSecond }) => deliveriesPerSecond,
    format: thousands,
    compared: true,
  },
  {
    title: 'k per server CPU s',
    pick: ({ deliveriesPerSecond, serverCpu }) =>
      deliveriesPerSecond && serverCpu ? deliveriesPerSecond / serverCpu : undefined,
    format: thousands,
    compared: false,
  },
  { title: 'server CPU', pick: ({ serverCpu }) => serverCpu, format: percent, compared: false },
  { title: 'clients CPU', pick: ({ clientCpu }) => clientCpu, format: percent, compared: false },
];

const WAITED: Quantity = {
  title: 'longest wait beside it, ms',
  pick: ({ waitedMs }) => waitedMs,
  format: short,
  compared: true,
};

const quantities: Record<Scenario['kind'], (scenario: Scenario) => readonly Quantity[]> = {
  throughput: ({ counts = 'deliveries' }) => flowing(counts),
  latency: () => [
    { title: 'p50 ms', pick: ({ p50Ms }) => p50Ms, format: short, compared: true },
    { title: 'p99 ms', pick: ({ p99Ms }) => p99Ms, format: short, compared: true },
  ],
  players: () => [
    {
      title: 'filled in s',
      pick: ({ fillSeconds }) => fillSeconds,
      format: short,
      compared: false,
    },
    { title: 'bytes a player', pick: ({ bytesEach }) => bytesEach, format: whole, compared: false },
    { title: 'p50 ms', pick: ({ p50Ms }) => p50Ms, format: short, compared: true },
    { title: 'p99 ms', pick: ({ p99Ms }) => p99Ms, format: short, compared: true },
  ],
  transfers: () => [
    {
      title: 'transfers/s',
      pick: ({ deliveriesPerSecond }) => deliveriesPerSecond,
      format: whole,
      compared: true,
    },
    { title: 'server CPU', pick: ({ serverCpu }) => serverCpu, format: percent, compared: false },
  ],
  loss: () => [
    { title: 'gone in ms', pick: ({ lostMs }) => lostMs, format: whole, compared: true },
    WAITED,
  ],
  picks: () => [
    {
      title: 'k picks/s',
      pick: ({ deliveriesPerSecond }) => deliveriesPerSecond,
      format: thousands,
      compared: true,
    },
  ],
  values: () => flowing('operations').slice(0, 1),
  search: () => [
    {
      title: 'ms per million entries',
      pick: ({ perMillionMs }) => perMillionMs,
      format: whole,
      compared: true,
    },
    WAITED,
  ],
  history: () => [
    {
      title: 'filled in s',
      pick: ({ fillSeconds }) => fillSeconds,
      format: short,
      compared: false,
    },
    { title: 'MiB', pick: ({ mebibytes }) => mebibytes, format: whole, compared: false },
    { title: 'start ms', pick: ({ startMs }) => startMs, format: whole, compared: true },
    ...flowing('deliveries'),
  ],
};

/** The table as lines of text. */
export function print({ scenario, rows }: Table): string {
  const shown = quantities[scenario.kind](scenario);
  const peers = rows.filter(({ system }) => system.peer);
  const header = ['', ...shown.flatMap((one) => titlesOf(one, peers))];
  const body = rows.map((row) => [
    row.system.title,
    ...shown.flatMap((quantity) => cellsOf(quantity, row, peers)),
  ]);
  return [scenario.title, ...align([header, ...body])].join('\n');
}

function titlesOf({ title, compared }: Quantity, peers: readonly Row[]): string[] {
  return [title, ...(compared ? peers.map(({ system }) => `÷ ${system.title}`) : [])];
}

function cellsOf({ pick, format, compared }: Quantity, row: Row, peers: readonly Row[]): string[] {
  const values = row.measurements.map(pick);
  if (!compared) return [cell(summaryOf(values), format, false)];
  const ratios = peers.map((peer) =>
    peer === row ? '1' : cell(ratioOf(values, peer.measurements.map(pick)), ratio, true),
  );
  return [cell(summaryOf(values), format, true), ...ratios];
}

/** `median (least–most)` */
function cell(
  summary: Summary | undefined,
  format: Quantity['format'],
  withSpread: boolean,
): string {
  if (!summary) return '–';
  const { median, least, most } = summary;
  // A single round has no spread.
  if (!withSpread || least === most) return format(median);
  return `${format(median)} (${format(least)}–${format(most)})`;
}

function align(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const aligned = lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  '),
  );
  const [header = '', ...body] = aligned;
  return [header, '─'.repeat(header.length), ...body];
}
