/** The process with all clients of one system. It runs one measurement at a time, as its parent asks. */
import type { ForeignName } from './foreign.js';
import type { WireName } from './plan.js';
import type { OpenWire } from './wire.js';
import { measure, type Task } from './workload.js';

/** Clients in other languages are programs of their own. */
type OwnName = Exclude<WireName, ForeignName>;

/** A process loads only the code of its own system, so that no other code is in its caches. */
const wires: Record<OwnName, () => Promise<{ open: OpenWire }>> = {
  kelpie: () => import('./wire-kelpie.js'),
  'kelpie-redis': () => import('./wire-kelpie.js'),
  'kelpie-counting': () => import('./wire-kelpie-counting.js'),
  'kelpie-acknowledged': () => import('./wire-kelpie-acknowledged.js'),
  'kelpie-command': () => import('./wire-kelpie-command.js'),
  relay: () => import('./wire-relay.js'),
  unary: () => import('./wire-unary.js'),
  nats: () => import('./wire-nats.js'),
  'redis-channel': () => import('./wire-redis-channel.js'),
  'redis-stream': () => import('./wire-redis-stream.js'),
  'redis-publish': () => import('./wire-redis-publish.js'),
  'redis-add': () => import('./wire-redis-add.js'),
};

const { open } = await wires[process.argv[2] as OwnName]();

process.on('message', (task: Task) => {
  // A rejection ends the process, and so the parent notices the fault.
  void measure(open, task).then((measurement) => process.send?.(measurement));
});
process.once('disconnect', () => process.exit());
