/**
 * `make demo-cluster`: the coordinators and the Redis of a Bedrock network fail one after the other, and the demo checks
 * that its players saw nothing of it.
 */
import { goHome } from '../acts/joining.js';
import { move } from '../acts/moving.js';
import { perform } from '../performance.js';
import { gather } from './gathering.js';
import { loseParts } from './losing.js';
import { ClusterNetwork } from './network.js';

await perform({
  title: 'Three Kelpies on one Redis herd a Bedrock network',
  plan: () => ClusterNetwork.plan(),
  acts: [gather, move, loseParts, goHome],
});
