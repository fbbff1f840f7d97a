/** The act in which servers, a proxy and players come. */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { SERVERS } from '../network.js';
import { areListed, join, type Stage } from './stage.js';

/** A heartbeat goes out every five seconds, and the roster has no event for a load. */
const LOAD_MS = 20_000;
const POLL_MS = 100;

export async function gather(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Three real servers, and a proxy');
  await network.secrets.prepare();
  await narrator.expect('the coordinator listens with TLS', () => network.startCoordinator());
  await network.prepare();
  await narrator.expect(
    'lobby, arena and hub start, and join the network with join tokens',
    async () => {
      await Promise.all([...SERVERS.map((name) => network.startServer(name)), network.startGate()]);
      await network.watch.hasNodes([...SERVERS, 'gate-1']);
    },
  );
  await narrator.expect(
    '`kelpie nodes` lists them as READY, with software and address',
    async () => {
      const listed = await network.secrets.kelpie('nodes');
      for (const name of SERVERS) {
        const line = `${name} .*DOWNSTREAM +READY .*127.0.0.1:${network.ports[name]} .*1.6.0.1-PN`;
        assert.match(listed, new RegExp(line));
      }
      return listed;
    },
    () => SERVERS.join(', '),
  );
  await narrator.expect(
    'each server reports its load with a heartbeat',
    async () => {
      const { roster } = network.radio;
      const deadlineMs = performance.now() + LOAD_MS;
      while (SERVERS.some((name) => (roster.load(name)?.tps ?? 0) < 1)) {
        assert.ok(performance.now() < deadlineMs, 'a server reports no load');
        await setTimeout(POLL_MS);
      }
      return roster.load('lobby');
    },
    (load) =>
      `lobby: ${load?.tps?.toFixed(1)} tps, ${((load?.memoryUsedBytes ?? 0) / 1e6).toFixed(0)} MB`,
  );
  await narrator.expect(
    'Ana and Ben join by the proxy, and stand in the world of lobby',
    async () => {
      await join(stage, 'Ana', 'gate-1');
      await join(stage, 'Ben', 'gate-1');
    },
  );
  await narrator.expect('Cleo joins hub directly, and stands in its world', () =>
    join(stage, 'Cleo', 'hub'),
  );
  await areListed(stage, 'Ana by gate-1 on lobby', 'Ben by gate-1 on lobby', 'Cleo by hub on hub');
}
