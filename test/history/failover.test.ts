/**
 * The fault of reference/streaming.md 3.5, with a real primary and a real replica. The replica falls behind, the primary
 * acknowledges more and dies, and the replica takes its place and hands out the same sequences again. Every reader gets a
 * Gap, readers that were live at that moment too, and no event is missing or wrong without one. In `make soak` it comes
 * again and again, and in every second round the coordinators die with the primary.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { figure, inSoak } from '../support/soak.js';
import { demandLoad, demandPromises } from './check.js';
import { Coordinators } from './coordinators.js';
import { endsAfterEach } from './ends.js';
import { Load } from './load.js';
import { logOf } from './log.js';
import { ReplicatedRedis } from './replicated-redis.js';
import { ofKind } from './steps.js';

const SCALE = {
  ...{ services: inSoak(20, 8), proxies: 2, players: inSoak(100, 20), topics: 8 },
  ...{ publishesPerSecond: 200, commandsPerSecond: 10, loginsPerSecond: 5 },
  ...{ changesPerSecond: 10, rawPerSecond: 2 },
};
const FLOOR = { publishesPerSecond: 60, streams: 10, players: 10 };
const COORDINATORS = 2;
const ROUNDS = inSoak(6, 1);
/** The load runs so long in each state. */
const PHASE_MS = inSoak(5000, 1500);

describe(`a failover of Redis that loses acknowledged entries, ${ROUNDS} times`, () => {
  const atEnd = endsAfterEach();

  it('gives every reader a Gap, and nobody a missing or wrong event without one', async () => {
    const redis = await ReplicatedRedis.start();
    atEnd(() => redis.stop());
    const coordinators = await Coordinators.start(Array(COORDINATORS).fill(redis.url) as string[]);
    const load = new Load(coordinators.endpoints, SCALE);
    atEnd(() => coordinators.stop());
    atEnd(() => load.stop());
    await load.ready();
    load.start();
    await load.warm(PHASE_MS, FLOOR);
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await redis.replicate();
      await failOver(load, redis, round % 2 === 1 ? coordinators : undefined);
      await pause(PHASE_MS);
    }
    await load.rest();
    const { history } = load.recorder;
    figure(`${JSON.stringify(demandLoad(history, FLOOR))}; seed ${load.choices.seed}`);
    demandPromises(history, load.choices.seed);
    for (const { atMs } of ofKind(history, 'fault'))
      expect(unawareSince(load, atMs), 'readers without a Gap').to.be.empty;
    await load.stop();
    expect(await coordinators.stop()).to.deep.equal([0, 0]);
  }).timeout(120_000 + ROUNDS * 60_000);
});

/** Loses acknowledged entries, and perhaps all coordinators at the same moment. */
async function failOver(load: Load, redis: ReplicatedRedis, dying?: Coordinators): Promise<void> {
  load.recorder.record('test', { kind: 'fault', what: 'the replica falls behind' });
  redis.leaveBehind();
  const behind = lastOf(load);
  await pause(PHASE_MS);
  expect(lastOf(load), 'entries that the replica does not have').to.be.above(behind);
  const indexes = dying ? [...Array(COORDINATORS).keys()] : [];
  await Promise.all([redis.failOver(), ...indexes.map((index) => dying?.kill(index))]);
  for (const index of indexes) await dying?.restart(index);
}

/** The last sequence that a reader has. */
function lastOf(load: Load): number {
  return logOf([...load.recorder.history]).at(-1)?.sequence ?? 0;
}

/** The nodes without a Gap since a time. */
function unawareSince({ recorder, nodes }: Load, fromMs: number): string[] {
  const gaps = ofKind(recorder.history, 'gap').filter(({ atMs }) => atMs > fromMs);
  const informed = new Set(gaps.map(({ client }) => client));
  return nodes.map(({ name }) => name).filter((name) => !informed.has(name));
}
