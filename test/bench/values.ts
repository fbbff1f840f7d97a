/** Measures how many shared values a session puts, gets and watches in a second, beside plain unary calls. */
import { spawnSync } from 'node:child_process';
import { Client, credentials } from '@grpc/grpc-js';
import { connect, type KelpieClient } from '../../client/index.js';
import { MessageOrigin } from '../../gen/ts/kelpie/v1/event.js';
import { startServer } from './children.js';
import { type Effort, PAYLOAD_BYTES, type System, TOPIC, values } from './plan.js';
import { echo } from './relay-contract.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

const KEYS = 1000;
/** The operations of a measurement, and those under way. */
const OPERATIONS = 20_000;
const WINDOW = 256;

type Operation = (index: number) => Promise<unknown>;

const content = 'x'.repeat(PAYLOAD_BYTES);
const put = (kelpie: KelpieClient, index: number) =>
  kelpie.state.put('bench', String(index % KEYS), content);
const puts = async (kelpie: KelpieClient): Promise<Operation> => {
  return (index) => put(kelpie, index);
};
const gets = async (kelpie: KelpieClient): Promise<Operation> => {
  for (let key = 0; key < KEYS; key++) await put(kelpie, key);
  return (index) => kelpie.state.get('bench', String(index % KEYS));
};
/** A put counts when the watch has its change. */
const watches = async (kelpie: KelpieClient): Promise<Operation> => {
  const waiting = new Map<number, () => void>();
  const seen = new Set<number>();
  const watch = kelpie.state.watch('bench', '*', ({ sequence }) => {
    const arrive = waiting.get(sequence);
    if (arrive) arrive();
    else seen.add(sequence);
  });
  await watch.loaded;
  return async (index) => {
    const { sequence } = await put(kelpie, index);
    if (seen.delete(sequence)) return;
    await new Promise<void>((resolve) => waiting.set(sequence, resolve));
    waiting.delete(sequence);
  };
};

const rows: readonly [System, (kelpie: KelpieClient) => Promise<Operation>][] = [
  [{ wire: 'kelpie', server: 'kelpied', title: 'put, journal in memory' }, puts],
  [{ wire: 'kelpie', server: 'kelpied-commit', title: 'put, in files, sync commit' }, puts],
  [{ wire: 'kelpie', server: 'kelpied', title: 'get' }, gets],
  [{ wire: 'kelpie', server: 'kelpied', title: 'put to the change in a watch' }, watches],
];

/** Measures each row, one after the other. */
export async function measureValues({ repetitions }: Effort): Promise<Table> {
  const measured: Row[] = [];
  for (const [system, prepare] of rows) {
    const once = async (endpoint: string): Promise<Measurement> => {
      const kelpie = connect({ name: 'bench', role: 'SERVICE', endpoints: endpoint });
      await kelpie.ready();
      return rateOf(await prepare(kelpie)).finally(() => kelpie.close());
    };
    measured.push(await measure(system, repetitions, once));
  }
  const title = 'unary grpc-js, direct';
  const unary: System = { wire: 'unary', server: 'relay', title, peer: true };
  measured.push(await measure(unary, repetitions, measureUnary));
  return { scenario: values, rows: measured };
}

async function measure(
  system: System,
  repetitions: number,
  once: (endpoint: string) => Promise<Measurement>,
): Promise<Row> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < repetitions; round++) {
    const server = await startServer(system.server);
    measurements.push(await once(server.endpoint).finally(() => server.stop()));
  }
  return { system, measurements };
}

async function measureUnary(endpoint: string): Promise<Measurement> {
  const client = new Client(endpoint, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = echo;
  const form = { $case: 'text', value: content } as const;
  const payload = { type: '', content: { form }, attributes: {}, origin: MessageOrigin.NODE };
  const call: Operation = () =>
    new Promise((resolve, reject) => {
      const draft = { topic: TOPIC, payload };
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, draft, (error) => {
        if (error) reject(error);
        else resolve(undefined);
      });
    });
  return rateOf(call).finally(() => client.close());
}

async function rateOf(operation: Operation): Promise<Measurement> {
  await run(operation, OPERATIONS / 10);
  const beganMs = performance.now();
  await run(operation, OPERATIONS);
  return { deliveriesPerSecond: (OPERATIONS * 1000) / (performance.now() - beganMs) };
}

async function run(operation: Operation, count: number): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await operation(next++);
  };
  await Promise.all(Array.from({ length: WINDOW }, lane));
}

/** The reason for which the table has no row of etcd. */
export function withoutEtcd(): { readonly title: string; readonly reason: string } {
  const { error } = spawnSync('etcd', ['--version']);
  return {
    title: 'etcd',
    reason: error ? 'no etcd on the PATH' : 'the bench has no client for it',
  };
}
