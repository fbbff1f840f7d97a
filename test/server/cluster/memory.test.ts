import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import { clusterContract } from '../../contract/cluster.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

describe('A cluster in memory', () => {
  clusterContract(async () => {
    const clock = new FakeClock();
    const cluster = new MemoryCluster(clock);
    return {
      membership: async () => cluster.membership(),
      bus: async (id) => cluster.bus(id),
      pass: async (ms) => clock.advance(ms),
    };
  });
});
