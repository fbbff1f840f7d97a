/** The acts in which players come and go. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { runKelpie } from '../../support/process/cli.js';
import { type Network, PROXIES, SERVERS } from '../network.js';
import { areListed, kelpie, type Stage } from './stage.js';

/** The compiled file lies in dist, but the rules do not. */
const RULES = fileURLToPath(new URL('../../../../test/bedrock/routing.yaml', import.meta.url));

const NAMES =
  'Ana Ben Cleo Dan Eve Fay Gus Hal Ida Jon Kim Leo Mia Ned Oda Pia Quin Rob Sue Tom'.split(' ');

export async function gather(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.act('Two proxies, a lobby, two games, twenty players');
  narrator.does('kelpied certs; kelpied token create alice');
  await network.secrets.prepare();
  await narrator.expect(
    'the coordinator listens with TLS, and asks for credentials',
    async () => {
      await network.startCoordinator();
      await refusesStrangers(network);
    },
    () => network.endpoint,
  );
  await bringPlayers(stage);
  await narrator.expect('the counts of each node are the same', async () => {
    const { network: all, nodes } = await network.ask((api) => api.players.count());
    const counts = nodes.map(({ name, players }) => [name, players]).sort();
    const expected = [
      ...SERVERS.map((server) => [server, party.on(server).length]),
      ...PROXIES.map((proxy) => [proxy, party.by(proxy).length]),
    ];
    assert.deepEqual([all, counts], [NAMES.length, expected.sort()]);
  });
}

/** The coordinators are there. Servers, proxies and players come. */
export async function bringPlayers(stage: Stage): Promise<void> {
  const { network, party, narrator } = stage;
  narrator.does('kelpie token create: join tokens for three servers and two proxies');
  await network.secrets.invite(SERVERS, PROXIES);
  await network.startWatch();
  narrator.does(
    'kelpie routing edit routing.yaml: players who join or lose their server land in the lobby',
  );
  await kelpie(network, 'routing', 'edit', RULES);
  await narrator.expect('servers and proxies join, and both proxies list all servers', async () => {
    await Promise.all([...SERVERS, ...PROXIES].map((name) => network.start(name)));
    await network.proxiesKnow(SERVERS);
  });
  await narrator.expect(
    'twenty players join by both proxies, and all of them land in the lobby by the rule',
    async () => {
      await party.join(...NAMES);
      for (const proxy of PROXIES) assert.equal(party.by(proxy).length, 10, party.counts());
      assert.equal(party.on('lobby').length, 20, party.counts());
    },
    () => party.counts(),
  );
  await areListed(stage);
}

/** A client without a token gets nothing, though it has the CA. */
export async function refusesStrangers({ endpoint, secrets }: Network): Promise<void> {
  const env = { KELPIE_CA: secrets.operator.ca };
  const { code, errors } = await runKelpie(['nodes'], endpoint, env);
  assert.equal(code, 1, errors);
  assert.match(errors, /CREDENTIAL_REQUIRED/);
}

export async function goHome({ network, party, narrator }: Stage): Promise<void> {
  narrator.act('Lights out');
  party.leave(...party.bots);
  await narrator.expect('all processes end on SIGTERM with the code 0', async () => {
    const children = [...network.proxies, ...network.servers];
    const ends = await Promise.all(children.map((child) => child.stop('SIGTERM')));
    await network.watch.close();
    ends.push(...(await Promise.all(network.coordinators.map((child) => child.stop('SIGTERM')))));
    assert.ok(
      ends.every((end) => end === 0),
      `the exit codes: ${ends.join(', ')}`,
    );
  });
}
