/** The runbook of server/README.md: coordinators on one Redis are replaced one by one, under load, without a lost event. */
import { once } from 'node:events';
import { expect } from 'chai';
import { connect, type KelpieClient } from '../../client/index.js';
import { runKelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/until.js';

const PUBLISHERS = 3;
/** Each publisher publishes so many events at once, again and again. */
const BURST = 5;
/** The load has no meaning below it. */
const LEAST = 100;
/** How long a coordinator may take to be on the list. */
const SERVES_MS = 20_000;
/** How long a coordinator may take to stop. */
const STOPS_MS = 20_000;

describe('the update of coordinators one by one', () => {
  let redis: RedisServer;
  const running: Kelpied[] = [];
  const clients: KelpieClient[] = [];

  before(async () => {
    redis = await RedisServer.start({ persistent: true });
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(running.map((one) => one.stop()));
    await redis.stop();
  });

  const start = (port = 0): Promise<Kelpied> =>
    startKelpied([
      ...['--journal', 'redis', '--redis', redis.url, '--metrics-port', 'off'],
      ...['--port', String(port), '--drain-seconds', '5'],
    ]);

  /** Waits until `kelpie coordinators` lists three that serve. */
  async function allServe(endpoint: string): Promise<void> {
    const endMs = Date.now() + SERVES_MS;
    for (let serving = 0; serving !== 3;) {
      if (Date.now() > endMs) throw new Error(`${serving} coordinators serve`);
      const { output } = await runKelpie(['coordinators'], endpoint);
      serving = output.split('\n').filter((line) => line.includes('serving')).length;
    }
  }

  function join(name: string): KelpieClient {
    const endpoints = running.map(({ endpoint }) => endpoint);
    // Each node begins at another coordinator.
    const first = clients.length % endpoints.length;
    const order = [...endpoints.slice(first), ...endpoints.slice(0, first)].join(',');
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: order });
    clients.push(client);
    return client;
  }

  /** Replaces each coordinator, after it has served under load. */
  async function replaceAll(published: () => number): Promise<void> {
    for (const [index, old] of running.entries()) {
      await allServe(running[(index + 1) % 3]?.endpoint ?? '');
      const before = published();
      const gone = once(old.process, 'exit', { signal: AbortSignal.timeout(STOPS_MS) });
      void old.stop();
      const [code] = (await gone) as [number | null];
      expect(code, 'it stopped in order').to.equal(0);
      await until(() => published() > before + LEAST);
      running[index] = await start(old.port);
    }
    await allServe(running[0]?.endpoint ?? '');
  }

  it('loses no event and no node', async () => {
    for (let index = 0; index < 3; index++) running.push(await start());
    const heard = new Map<string, string[]>();
    const left: string[] = [];
    for (let index = 0; index < PUBLISHERS; index++) {
      const name = `node-${index}`;
      const lines: string[] = [];
      heard.set(name, lines);
      const client = join(name);
      client.subscribe('chat', ({ content }) => void lines.push(content as string));
      client.subscribe('nodes.*', ({ topic, body }) => {
        if (body?.kind === 'nodeLeft') left.push(topic);
      });
      await client.ready();
    }
    let published = 0;
    let loads = true;
    const load = Promise.all(
      clients.map(async (client, index) => {
        while (loads) {
          const burst = Array.from({ length: BURST }, () => `${index}: ${++published}`);
          await Promise.all(burst.map((line) => client.publish('chat', line)));
        }
      }),
    );
    // A load that fails ends the test at once.
    await Promise.race([load, replaceAll(() => published)]).finally(() => (loads = false));
    await load;

    expect(published).to.be.greaterThan(3 * LEAST);
    for (const [name, lines] of heard) {
      await until(() => new Set(lines).size === published);
      expect(lines.length, `${name} heard each once`).to.equal(published);
    }
    expect(left, 'nobody left').to.be.empty;
  }).timeout(120_000);
});
