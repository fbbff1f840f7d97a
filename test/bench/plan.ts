/** What is measured, of whom, and for how long. */

/** What every event carries. */
export const PAYLOAD_BYTES = 128;
/** The topic, or subject, of every event. */
export const TOPIC = 'bench.events';
/** Events that may be under way. A publisher goes on when half of them have arrived. */
export const WINDOW_EVENTS = 2048;

/** How clients talk to a system. */
export type WireName = 'kelpie' | 'kelpie-counting' | 'relay' | 'nats';
/** What runs in the server's process. */
export type ServerName = 'kelpied' | 'relay' | 'nats-server';

/** One row of a table. */
export interface System {
  readonly wire: WireName;
  readonly server: ServerName;
  readonly title: string;
}

export const systems: readonly System[] = [
  { wire: 'kelpie', server: 'kelpied', title: 'Kelpie' },
  { wire: 'kelpie-counting', server: 'kelpied', title: 'Kelpie, counting' },
  { wire: 'relay', server: 'relay', title: 'plain grpc-js' },
  { wire: 'nats', server: 'nats-server', title: 'NATS core' },
];

/** One table. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly kind: 'throughput' | 'latency';
  readonly subscribers: number;
  readonly wires: readonly WireName[];
}

const ALL: readonly WireName[] = ['kelpie', 'kelpie-counting', 'relay', 'nats'];

export const scenarios: readonly Scenario[] = [
  {
    id: 'one-to-one',
    title: '1 publisher : 1 subscriber',
    kind: 'throughput',
    subscribers: 1,
    wires: ALL,
  },
  {
    id: 'one-at-a-time',
    title: '1 publisher : 1 subscriber, one event at a time',
    kind: 'latency',
    subscribers: 1,
    wires: ['kelpie', 'relay', 'nats'],
  },
  {
    id: 'one-to-fifty',
    title: '1 publisher : 50 subscribers on 50 connections',
    kind: 'throughput',
    subscribers: 50,
    wires: ALL,
  },
];

/** How long one measurement takes. */
export interface Span {
  /** Discarded. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** How long everything takes. */
export interface Effort {
  readonly repetitions: number;
  readonly throughput: Span;
  readonly latency: Span;
  /** A first round whose results are discarded: compilers learn the hot paths in it. */
  readonly rehearsal?: Span;
}

export const full: Effort = {
  repetitions: 3,
  throughput: { warmUpMs: 500, measureMs: 1300 },
  latency: { warmUpMs: 200, measureMs: 800 },
  rehearsal: { warmUpMs: 0, measureMs: 500 },
};

/** Shows that everything runs; its numbers are rough. */
export const quick: Effort = {
  repetitions: 1,
  throughput: { warmUpMs: 200, measureMs: 300 },
  latency: { warmUpMs: 100, measureMs: 200 },
};

/** Longer than a run can take; what is not over by then has got stuck. */
export const CEILING_MS = 90_000;
