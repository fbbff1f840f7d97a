/** `make demo`: a small Bedrock network has many faults in one day, and the demo checks what its players saw. */
import { acts } from './acts/acts.js';
import { Network } from './network.js';
import { perform } from './performance.js';

await perform({
  title: 'Kelpie herds a Bedrock network',
  plan: () => Network.plan(),
  acts,
});
