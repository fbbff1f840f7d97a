/**
 * The fault of reference/streaming.md 3.5, with a real primary and a real replica. The replica falls behind, the primary
 * acknowledges more and dies, and the replica takes its place and hands out the same sequences again. Every reader gets a
 * Gap, readers that were live at that moment too, and no event is missing or wrong without one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { logOf } from './log.js';
import { ofKind } from './steps.js';

const SCALE = {
  ...{ services: 8, proxies: 2, players: 20, topics: 8 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
  ...{ changesPerSecond: 10, rawPerSecond: 2 },
};
const FLOOR = { publishesPerSecond: 60, streams: 10, players: 10 };
/** The load runs so long in each state. */
const PHASE_MS = 1500;

describe('a failover of Redis that loses acknowledged entries', () => {
  const atEnd = endsAfterEach();

  it('gives every reader a Gap, and nobody a missing or wrong event without one', async () => {
    const primary = await RedisServer.start();
    atEnd(() => primary.stop());
    const replication = await FaultProxy.before(primary.port);
    atEnd(() => replication.close());
    const replica = await replicaOver(replication);
    atEnd(() => replica.stop());
    const way = await FaultProxy.before(primary.port);
    atEnd(() => way.close());
    const coordinators = await Coordinators.start([
      `redis://${way.endpoint}`,
      `redis://${way.endpoint}`,
    ]);
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await pause(PHASE_MS);
    replication.refuse();
    load.recorder.record('test', { kind: 'fault', what: 'the replica falls behind' });
    const behind = logOf([...load.recorder.history]).at(-1)?.sequence ?? 0;
    await pause(PHASE_MS);
    const lost = logOf([...load.recorder.history]).filter(({ sequence }) => sequence > behind);
    expect(lost, 'entries that the replica does not have').to.not.be.empty;
    await primary.kill();
    await replica.command('REPLICAOF', 'NO', 'ONE');
    way.turnTo(replica.port);
    way.cut();
    await pause(PHASE_MS);
    await load.rest();
    const { history } = load.recorder;
    demandLoad(history, FLOOR);
    demandPromises(history, load.choices.seed);
    const informed = new Set(ofKind(history, 'gap').map(({ client }) => client));
    const unaware = load.nodes.map(({ name }) => name).filter((name) => !informed.has(name));
    expect(unaware, 'readers without a Gap').to.be.empty;
    await load.stop();
    expect(await coordinators.stop()).to.deep.equal([0, 0]);
  }).timeout(120_000);
});

/** A replica whose link to its primary leads through the proxy. Resolves when it has the data. */
async function replicaOver({ port }: FaultProxy): Promise<RedisServer> {
  const replica = await RedisServer.start();
  await replica.command('REPLICAOF', '127.0.0.1', String(port));
  const linked = async () => (await replica.info('replication')).includes('link_status:up');
  await replica.until(linked);
  return replica;
}
