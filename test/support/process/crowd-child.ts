/**
 * Many nodes in one process: each publishes numbered events at a steady rate, and reads the events of all nodes.
 * Every event must come once and in order. No node may get a gap or an event about a changed node.
 */
import { EventEmitter, once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { connect, type KelpieClient, type ReceivedEvent } from '../../../client/index.js';
import type { Child, CrowdOptions, Order } from './crowd.js';

/** How often the next group of nodes publishes. */
const TICK_MS = 20;
const MOST_WRONG = 20;
/** The process reports progress after so many acknowledged events. */
const PROGRESS = 500;

const options = JSON.parse(process.argv[2] ?? '') as CrowdOptions;
const { endpoint, name: crowd, nodes, perSecond, network } = options;
const tell = (message: Child): boolean => process.send?.(message) ?? false;

const wrong: string[] = [];
const complain = (what: string): void => {
  if (wrong.length < MOST_WRONG) wrong.push(what);
};
const published = Array.from({ length: nodes }, () => 0);
let acknowledged = 0;
let heard = 0;
let begun = false;
let speaking: NodeJS.Timeout | undefined;

const news = new EventEmitter();
const moved = (): boolean => news.emit('news');
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await once(news, 'news');
}

/** The handler of one node: it expects each event of each node once and in order. */
function listener(node: string): (event: ReceivedEvent) => void {
  const last = Array.from({ length: nodes }, () => 0);
  let sequence = 0;
  return (event) => {
    const speaker = Number(event.topic.slice(crowd.length + 1));
    const expected = (last[speaker] ?? 0) + 1;
    if (event.content !== String(expected)) {
      complain(`${node} heard ${JSON.stringify(event.content)} of ${event.topic}, not ${expected}`);
    }
    if (event.sequence <= sequence) complain(`${node} heard ${event.sequence} after ${sequence}`);
    last[speaker] = Number(event.content);
    sequence = event.sequence;
    heard += 1;
    moved();
  };
}

async function follow(node: string, client: KelpieClient): Promise<void> {
  for await (const status of client.status()) {
    if (status.type === 'connected') {
      const { coordinatorId, cursor } = status.welcome;
      const epoch = Buffer.from(cursor?.epoch ?? []).toString('hex');
      tell({ kind: 'on', node, coordinatorId, epoch });
    } else if (['gap', 'refused', 'handlerFailed', 'skipped'].includes(status.type)) {
      complain(`${node}: ${JSON.stringify(status)}`);
    }
  }
}

function join(index: number): KelpieClient {
  const node = `${crowd}-${index}`;
  const client = connect({ name: node, role: 'SERVICE', endpoints: endpoint });
  client.subscribe(`${crowd}.*`, listener(node));
  client.subscribe('nodes.>', ({ topic, body }) => {
    if (begun) complain(`${node} was told ${body?.kind} of ${topic}`);
    moved();
  });
  void follow(node, client);
  return client;
}

const clients = Array.from({ length: nodes }, (_, index) => join(index));

function speak(): void {
  begun = true;
  const [before = 0] = published;
  const startMs = performance.now();
  speaking = setInterval(() => {
    const due = before + Math.floor(((performance.now() - startMs) / 1000) * perSecond);
    clients.forEach((client, index) => {
      for (let count = published[index] ?? 0; count < due; count++) {
        published[index] = count + 1;
        client.publish(`${crowd}.${index}`, String(count + 1)).then(
          () => {
            acknowledged += 1;
            moved();
          },
          (error: unknown) => complain(`${crowd}-${index} could not publish: ${String(error)}`),
        );
      }
    });
  }, TICK_MS);
}

function report(): void {
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    resources[kind] = (resources[kind] ?? 0) + 1;
  }
  tell({ kind: 'report', published: sum(), acknowledged, heard, wrong, resources });
}

function sum(): number {
  return published.reduce((total, one) => total + one, 0);
}

async function settle(): Promise<void> {
  clearInterval(speaking);
  await until(() => acknowledged >= sum() && heard >= sum() * nodes);
  report();
}

async function progress(): Promise<void> {
  const enough = acknowledged + PROGRESS;
  await until(() => acknowledged >= enough);
  tell({ kind: 'progress' });
}

const orders: Record<Order, () => unknown> = {
  publish: speak,
  progress,
  report,
  settle,
  close: async () => {
    await Promise.all(clients.map((client) => client.close()));
    process.exit();
  },
};
process.on('message', (order: Order) => void orders[order]());
// The process ends with its parent, also if the parent crashes.
process.on('disconnect', () => process.exit());

await Promise.all(clients.map((client) => client.ready()));
await until(() => clients.every(({ roster }) => roster.nodes().length === network));
tell({ kind: 'ready' });
