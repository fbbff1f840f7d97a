/** The act in which the coordinators and everybody else come. */
import assert from 'node:assert/strict';
import { bringPlayers, refusesStrangers } from '../acts/joining.js';
import { COORDINATORS, type Stage } from './network.js';

export async function gather(stage: Stage): Promise<void> {
  const { network, narrator } = stage;
  narrator.act('Three coordinators, two proxies, a lobby, two games, twenty players');
  narrator.does('redis-server --appendonly yes; kelpied certs; kelpied token create alice');
  await network.secrets.prepare();
  await narrator.expect(
    'three coordinators on this Redis listen with TLS, and ask for credentials',
    async () => {
      for (const number of COORDINATORS) await network.startCoordinator(number);
      await refusesStrangers(network);
    },
    () => network.endpoint.replaceAll(',', ', '),
  );
  await bringPlayers(stage);
  await narrator.expect(
    'each coordinator has sessions of servers and proxies',
    () => {
      const sessions = COORDINATORS.map((number) => network.nodesAt(number));
      assert.ok(sessions.every(({ length }) => length > 0));
      return sessions.map((nodes) => nodes.map(({ name }) => name).join(' and '));
    },
    (sessions) => sessions.join('; '),
  );
}
