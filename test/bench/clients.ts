/** The process with all clients of one system: measures what it is asked to, one task at a time. */
import type { WireName } from './plan.js';
import type { OpenWire } from './wire.js';
import { measure, type Task } from './workload.js';

/** Loaded one by one: no process has the code of another system in its caches. */
const wires: Record<WireName, () => Promise<{ open: OpenWire }>> = {
  kelpie: () => import('./wire-kelpie.js'),
  'kelpie-counting': () => import('./wire-kelpie-counting.js'),
  'kelpie-acknowledged': () => import('./wire-kelpie-acknowledged.js'),
  'kelpie-command': () => import('./wire-kelpie-command.js'),
  relay: () => import('./wire-relay.js'),
  unary: () => import('./wire-unary.js'),
  nats: () => import('./wire-nats.js'),
};

const { open } = await wires[process.argv[2] as WireName]();

process.on('message', (task: Task) => {
  // A rejection ends the process, which is how the parent hears of it.
  void measure(open, task).then((measurement) => process.send?.(measurement));
});
process.once('disconnect', () => process.exit());
