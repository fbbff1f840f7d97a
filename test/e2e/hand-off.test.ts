/**
 * The data of a player go from server to server under a lock, while the servers are killed and paused: no
 * acknowledged save is lost, and no late save stands over a newer one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { apiAt, type Api } from '../../client/api/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { figure, inSoak } from '../support/soak.js';
import type { Saved } from '../support/process/hand-off-child.js';
import { until } from '../support/until.js';

const CHILD = new URL('../support/process/hand-off-child.js', import.meta.url);
const ROUNDS = inSoak(40, 2);
/** A paused server loses its presence soon. */
const times = {
  heartbeatMs: 100,
  maxSilenceMs: 400,
  unreachableMs: 50,
  graceMs: 300,
  probeMs: 100,
};

class Server {
  readonly name: string;
  readonly #endpoint: string;
  readonly #saves: Saved[];
  #child: ChildProcess;

  constructor(endpoint: string, name: string, saves: Saved[]) {
    this.#endpoint = endpoint;
    this.name = name;
    this.#saves = saves;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const child = fork(CHILD, [this.#endpoint, this.name]);
    child.on('message', (saved: Saved) => this.#saves.push(saved));
    return child;
  }

  /** The server lets the player go. */
  leave(): void {
    this.#child.send('leave');
  }

  async kill(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  start(): void {
    this.#child = this.#start();
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }
}

describe('the hand-off of a player', () => {
  const saves: Saved[] = [];
  let coordinator: Coordinator;
  let api: Api;
  let servers: Server[];

  before(async () => {
    coordinator = await startCoordinator({ port: 0, journal: 'memory', times });
    api = apiAt(coordinator.endpoint);
    servers = ['arena', 'hub'].map((name) => new Server(coordinator.endpoint, name, saves));
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    api.close();
    await coordinator.stop();
  });

  const all = (kind: Saved['kind'], token?: number) =>
    saves.filter((one) => one.kind === kind && (token ?? one.token) === one.token);

  /** A server has the player and saves. */
  async function nextSave(): Promise<{ server: Server; other: Server; token: number }> {
    const before = all('saved').length;
    await until(() => all('saved').length > before);
    // Each fault comes at another moment of the work of the server.
    await sleep(Math.random() * 30);
    const last = all('saved').at(-1);
    const [server, other] = last?.by === 'arena' ? servers : servers.toReversed();
    if (!server || !other || !last) throw new Error('nobody saved');
    return { server, other, token: last.token };
  }

  /** The presence of a server has ended, and so has its lock. */
  async function gone({ name }: Server): Promise<void> {
    while ((await api.nodes.list()).nodes.some((node) => node.name === name)) await sleep(20);
    const lock = await api.state.get('player-locks', 'steve');
    expect(lock?.owner, 'the owner of the lock after their end').to.not.equal(name);
  }

  async function pauses(): Promise<void> {
    const { server, token } = await nextSave();
    server.pause();
    await gone(server);
    await until(() => all('saved').some((one) => one.token > token));
    const before = all('saved', token).length;
    server.goOn();
    // The report of one save may still be on its way from the time before the pause.
    const late = () => all('saved', token).length > before + 1;
    await until(() => all('refused', token).length > 0 || late());
    expect(late(), `the coordinator stored a save of ${server.name} without its lock`).to.equal(
      false,
    );
  }

  async function dies(server: Server): Promise<void> {
    await server.kill();
    await gone(server);
    server.start();
  }

  async function leaves(): Promise<void> {
    const { server, token } = await nextSave();
    server.leave();
    await until(() => all('saved').some((one) => one.token > token));
  }

  it('loses no save and lets no late one through, whichever server dies or pauses', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await pauses();
      await leaves();
      await dies((await nextSave()).server);
      // The next server dies, perhaps before its first save.
      const { server, other } = await nextSave();
      server.leave();
      await sleep(Math.random() * 30);
      await dies(other);
    }
    const stored = await storedSaves(api);
    check(stored);
    const known = new Set(stored.map(({ n, token }) => `${n} ${token}`));
    for (const { n, token } of all('saved')) {
      expect(known.has(`${n} ${token}`), `save ${n} of ${token} is stored`).to.equal(true);
    }
    figure(
      `${stored.length} saves of ${new Set(stored.map(({ token }) => token)).size} stays, ${all('refused').length} late ones refused`,
    );
  }).timeout(inSoak(900_000, 60_000));
});

/** Each save continues the one before it: the next number, or the same number again by the same holder. */
function check(stored: readonly { n: number; token: number }[]): void {
  let last = { n: 0, token: 0 };
  for (const save of stored) {
    const again = save.token === last.token && save.n === last.n;
    const next = save.token >= last.token && save.n === last.n + 1;
    if (!again && !next) expect.fail(`${JSON.stringify(save)} after ${JSON.stringify(last)}`);
    last = save;
  }
}

/** All saves that the journal has, in order. */
async function storedSaves(api: Api): Promise<{ n: number; token: number }[]> {
  const stored: { n: number; token: number }[] = [];
  let start: Parameters<typeof api.messages.events.read>[1] = { start: 'EARLIEST' };
  for (;;) {
    const { events, cursor } = await api.messages.events.read('state.players.steve', start);
    for (const { body } of events) {
      const content = body?.$case === 'stateChanged' ? body.value.value?.content : undefined;
      if (content?.form?.$case === 'json') stored.push(content.form.value as (typeof stored)[0]);
    }
    if (events.length === 0 || !cursor) break;
    start = { start: { after: cursor } };
  }
  return stored;
}
