/** The acts in which parts of the cluster are lost and come back, while players talk. */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Child } from '../child.js';
import { GRACE_SECONDS } from '../network.js';
import { COORDINATORS, type Stage } from './network.js';
import { Vigil } from './vigil.js';

const REDIS_AWAY_MS = 3000;
/** A coordinator counts as dead after this time. Then the grace of its nodes begins. */
const DEAD_MS = 10_000;
const GRACE_MS = GRACE_SECONDS * 1000;

export async function loseParts(stage: Stage): Promise<void> {
  const { narrator, time } = stage;
  // Another one in each performance, and then the one to which its sessions went.
  const killed = (time - 1) % COORDINATORS.length;
  const drained = time % COORDINATORS.length;
  narrator.act('A coordinator is killed in the middle of a talk');
  const vigil = await Vigil.begin(stage);
  await killCoordinator(stage, vigil, killed);
  await vigil.holds();
  narrator.act('A coordinator is drained, and started anew');
  await drainCoordinator(stage, drained);
  await vigil.holds();
  narrator.act('Redis restarts');
  await restartRedis(stage, vigil);
  await vigil.holds();
  await vigil.ends();
}

async function killCoordinator(
  { network, narrator }: Stage,
  vigil: Vigil,
  number: number,
): Promise<void> {
  const coordinator = network.coordinator(number);
  const { lost, others } = sessionsAt(network, number);
  const killedMs = performance.now();
  vigil.settles(DEAD_MS + GRACE_MS);
  narrator.does(`SIGKILL to ${coordinator.name}`);
  await coordinator.stop('SIGKILL');
  await narrator.expect(
    'its servers and proxies go on at the other two',
    async () => {
      await Promise.all(lost.map(({ child, since }) => child.waitForStatus('connected', since)));
      assert.deepEqual(network.nodesAt(number), []);
      return performance.now() - killedMs;
    },
    (tookMs) => `${namesOf(lost)}, after ${(tookMs / 1000).toFixed(1)} s`,
  );
  await narrator.expect(
    'Uma joins meanwhile',
    () => vigil.joins('Uma', 'gate-1'),
    ({ server }) => server,
  );
  await narrator.expect('no other session ended, and no node received a gap', () => {
    for (const { child, since } of others) {
      assert.deepEqual(child.statusesSince(since), [], `${child.name} lived through`);
    }
    checkNoGap(network, [...lost, ...others]);
  });
  narrator.does(`${coordinator.name} starts again`);
  await network.startCoordinator(number);
}

async function drainCoordinator({ network, narrator }: Stage, number: number): Promise<void> {
  const coordinator = network.coordinator(number);
  const { lost, others } = sessionsAt(network, number);
  narrator.does(`SIGTERM to ${coordinator.name}`);
  await narrator.expect(
    'its servers and proxies move to the other two, each without a moment between two sessions',
    async () => {
      assert.ok(lost.length > 0);
      assert.equal(await coordinator.stop('SIGTERM'), 0, 'its exit code');
      await Promise.all(lost.map(({ child, since }) => child.waitForStatus('connected', since)));
      assert.deepEqual(network.nodesAt(number), []);
      for (const { child, since } of lost) {
        assert.deepEqual(child.statusesSince(since), ['draining', 'connected'], child.name);
      }
    },
    () => namesOf(lost),
  );
  await narrator.expect('no other session ended', () => {
    for (const { child, since } of others) {
      assert.deepEqual(child.statusesSince(since), [], `${child.name} lived through`);
    }
  });
  narrator.does(`${coordinator.name} starts again`);
  await network.startCoordinator(number);
}

async function restartRedis({ network, narrator }: Stage, vigil: Vigil): Promise<void> {
  const { others: all } = sessionsAt(network);
  narrator.does('SIGTERM to redis-server');
  await network.redis.shutdown();
  const before = vigil.talk.lines;
  await setTimeout(REDIS_AWAY_MS);
  narrator.does('redis-server starts again, with the file that it left');
  await network.redis.restart();
  const meanwhile = vigil.talk.lines - before;
  await narrator.expect(
    'servers and proxies learn that a new epoch began, and go on in it',
    () => Promise.all(all.map(({ child, since }) => child.waitForStatus('gap', since))),
    () => `while Redis was away, each of the three players has said ${meanwhile} lines`,
  );
  vigil.settles(GRACE_MS);
  await narrator.expect(
    'Val joins',
    () => vigil.joins('Val', 'gate-2'),
    ({ server }) => server,
  );
}

interface Session {
  readonly child: Child;
  /** The mark of its reports from which on the demo looks. */
  readonly since: number;
}

/** The sessions at this coordinator, and all others. */
function sessionsAt(network: Stage['network'], number?: number) {
  const at = number === undefined ? [] : network.nodesAt(number);
  const sessions = [...network.servers, ...network.proxies].map((child) => ({
    child,
    since: child.reports.mark,
  }));
  return {
    lost: sessions.filter(({ child }) => at.includes(child)),
    others: sessions.filter(({ child }) => !at.includes(child)),
  };
}

function namesOf(sessions: readonly Session[]): string {
  return sessions.map(({ child }) => child.name).join(', ');
}

function checkNoGap(network: Stage['network'], sessions: readonly Session[]): void {
  for (const { child, since } of sessions) {
    assert.ok(!child.statusesSince(since).includes('gap'), `${child.name} lost something`);
  }
  assert.ok(!network.watch.statuses.since(0).includes('gap'), 'the director lost something');
}
