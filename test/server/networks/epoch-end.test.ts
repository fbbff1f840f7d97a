/** A network whose epoch ends begins anew inside the process: nobody leaves, and every reader gets a gap. */
import { expect } from 'chai';
import {
  type Gap,
  connect,
  type ConnectOptions,
  type KelpieClient,
} from '../../../client/index.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { openAccess } from '../../../server/access/access.js';
import { Credentials } from '../../../server/access/credentials.js';
import { realClock } from '../../../server/core/real-clock.js';
import { MAIN } from '../../../server/core/network-name.js';
import { accessService } from '../../../server/edge/grpc/access-service.js';
import { createEdge, type Edge } from '../../../server/edge/grpc/server.js';
import type { TableRow } from '../../../server/journal/journal.js';
import { MemoryCredentialStore } from '../../../server/journal/memory/memory-credential-store.js';
import { defaultLimits, defaultTimes } from '../../../server/network/limits.js';
import { Networks } from '../../../server/networks.js';
import { deferred } from '../../support/deferred.js';
import { joinCluster } from '../../support/model/coordinator.js';
import { Epochs } from '../../support/journal/epochs.js';
import { until } from '../../support/until.js';
import { type Api, reachApi } from '../../support/wire/calls.js';
import { Inbox } from '../../support/wire/inbox.js';

const STEVE = { xuid: '2535400000000001', name: 'Steve' };
const GRACE_MS = 1500;

describe('a network whose epoch ends', () => {
  let epochs: Epochs;
  let networks: Networks;
  let edge: Edge;
  let endpoint: string;
  let faults: unknown[];
  let clients: KelpieClient[];
  let api: Api;

  beforeEach(async () => {
    [faults, clients] = [[], []];
    epochs = new Epochs(realClock);
    const onFault = (error: unknown): void => void faults.push(error);
    const clocks = { clock: realClock, listening: realClock, onFault };
    const common = {
      ...clocks,
      limits: defaultLimits,
      times: { ...defaultTimes, graceMs: GRACE_MS },
    };
    networks = new Networks({
      ...common,
      ...(await joinCluster(realClock, 'a')),
      identity: { coordinatorId: 'a', version: '0.0.0', startedMs: 0 },
      tailLimits: { entries: 1000, bytes: 2 ** 20 },
      openJournal: epochs.open,
      observe: () => ({ onFault }),
      onUnavailable: (_, error) => onFault(error),
    });
    await networks.start([]);
    const credentials = await Credentials.open(new MemoryCredentialStore(), common);
    const security = { openPaths: async () => [], certificateExpiresAtMs: () => undefined };
    const no = { tls: false, clientCertificates: false, publicAddress: false, insecure: false };
    const facts = { ...no, ...security, publicMetrics: false };
    edge = createEdge({
      ...common,
      networks,
      identity: { coordinatorId: 'a', version: '0.0.0' },
      authorize: (visitor) => openAccess(MAIN, visitor),
      access: accessService({ ...common, credentials, security: facts }),
      onCall: () => undefined,
      onLimit: () => undefined,
    });
    endpoint = `127.0.0.1:${await edge.listen('127.0.0.1', 0)}`;
    api = await reachApi([endpoint]);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()));
    api.close();
    await networks.drain();
    await edge.stop();
    await networks.close();
    expect(faults.map(String)).to.deep.equal([]);
  });

  interface Node {
    readonly client: KelpieClient;
    readonly gaps: Inbox<Gap>;
    /** The reasons for which its streams ended. */
    readonly ends: string[];
  }

  async function join(name: string, options: Partial<ConnectOptions> = {}): Promise<Node> {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: endpoint, ...options });
    clients.push(client);
    const gaps = new Inbox<Gap>();
    const ends: string[] = [];
    void (async () => {
      for await (const status of client.status()) {
        if (status.type === 'gap') gaps.take(status.gap);
        if (status.type === 'disconnected') ends.push(status.error?.reason ?? 'in order');
      }
    })();
    await client.ready();
    return { client, gaps, ends };
  }

  /** Two proxies with a player, a server, and a reader of everything. */
  async function town() {
    const onEvicted = (): void => expect.fail('no player is evicted');
    const options = { role: 'PROXY', players: { onEvicted } } as const;
    const gate = await join('gate', options);
    const lobby = await join('lobby');
    const heard: string[] = [];
    const reader = await join('reader', { role: 'SERVICE', roster: { players: true } });
    for (const topic of ['nodes.*', 'players.*', 'chat']) {
      reader.client.subscribe(topic, ({ body, content }) => {
        heard.push(body ? body.kind : (content as string));
      });
    }
    await reader.client.publish('chat', 'first');
    await until(() => heard.includes('first'));
    await gate.client.players.joined(STEVE);
    await gate.client.players.moved(STEVE.xuid, 'lobby');
    await until(() => heard.includes('playerMoved'));
    return { gate, lobby, reader, heard, all: [gate, lobby, reader] };
  }

  const ends: [string, (rows: TableRow[]) => TableRow[]][] = [
    ['all its rows', (rows) => rows],
    ['the rows of players lost', (rows) => rows.filter(({ key }) => !key.startsWith('players/'))],
    ['nothing left', () => []],
  ];
  for (const [name, left] of ends) {
    it(`goes on with all its nodes and players, with ${name}`, async () => {
      const { gate, lobby, reader, heard, all } = await town();
      await until(() => reader.client.roster.player({ id: STEVE.xuid })?.server === 'lobby');
      epochs.end(left(await epochs.rows()));
      const gaps = await Promise.all(all.map(({ gaps }) => gaps.atLeast(1)));
      expect(gaps.map(([gap]) => gap?.reason)).to.deep.equal(Array(3).fill('EPOCH_CHANGED'));
      expect(all.map(({ ends }) => ends)).to.deep.equal(Array(3).fill(['EPOCH_ENDED']));
      await lobby.client.publish('chat', 'after');
      await until(() => heard.includes('after'));
      await until(() => all.every(({ client }) => client.pending === 0));
      // Longer than the grace: nobody leaves later either.
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS + 500));
      const { players } = await api.players.listPlayers({});
      expect(players.map((one) => [one.name, one.proxy, one.server])).to.deep.equal([
        ['Steve', 'gate', 'lobby'],
      ]);
      expect(gate.client.players.size).to.equal(1);
      const { nodes } = await api.nodes.listNodes({});
      expect(nodes.map((node) => node.name)).to.deep.equal(['gate', 'lobby', 'reader']);
      expect(heard.filter((one) => one.endsWith('Left'))).to.deep.equal([]);
      expect(reader.client.roster.player({ id: STEVE.xuid })).to.include({ server: 'lobby' });
      expect(epochs.opened).to.equal(2);
    });
  }

  it('stores publishes that were under way once', async () => {
    const { lobby, heard } = await town();
    epochs.hold();
    const published = Array.from({ length: 300 }, (_, index) =>
      lobby.client.publish('chat', String(index)),
    );
    await until(() => epochs.held > 0);
    epochs.end(await epochs.rows());
    await Promise.all(published);
    await lobby.client.publish('chat', 'end');
    await until(() => heard.includes('end'));
    const numbers = heard.filter((one) => /^\d+$/.test(one)).map(Number);
    expect(numbers).to.deep.equal(Array.from({ length: 300 }, (_, index) => index));
  });

  it('ends calls that read with EPOCH_ENDED, and answers later ones', async () => {
    await town();
    const start = { place: { $case: 'at', value: StartAt.SNAPSHOT } } as const;
    const frames = new Inbox<unknown>();
    const watching = (async () => {
      for await (const one of api.events.watchEvents({ topics: ['nodes.*'], start }))
        frames.take(one);
    })();
    const error = watching.catch((reason: unknown) => String(reason));
    await frames.atLeast(1);
    epochs.end([]);
    expect(await error)
      .to.contain('UNAVAILABLE')
      .and.to.contain('history of the network ended');
    expect((await api.coordinator.getInfo({})).coordinatorId).to.equal('a');
  });

  it('ends the commands under way', async () => {
    const { lobby } = await town();
    const [asked, answered] = [new Inbox<unknown>(), deferred<string>()];
    lobby.client.handle('wait', (request) => {
      asked.take(request);
      return answered.promise;
    });
    const node = () => networks.all.get(MAIN)?.services.nodeRows.nodes.get('lobby')?.value;
    await until(() => node()?.commands.includes('wait') === true);
    const content = { form: { $case: 'text', value: 'go' } } as const;
    const command = { form: { $case: 'custom', value: { name: 'wait', content } } } as const;
    const target = { place: { $case: 'node', value: 'lobby' } } as const;
    const results: unknown[] = [];
    const ended = (async () => {
      for await (const one of api.commands.issueCommand({ command, target })) results.push(one);
    })();
    await asked.atLeast(1);
    epochs.end(await epochs.rows());
    await ended;
    answered.resolve('too late');
    expect(results).to.have.length(1);
    expect(JSON.stringify(results)).to.contain('"name":"lobby"').and.to.contain('"reason":29');
  });

  it('waits with later calls and nodes until it is open again', async () => {
    const { all } = await town();
    epochs.end(await epochs.rows());
    const late = await join('late');
    expect(late.ends).to.deep.equal([]);
    await Promise.all(all.map(({ gaps }) => gaps.atLeast(1)));
  });

  it('opens again by itself if it could not be opened at once, and all its nodes come back', async () => {
    const { gate, lobby, reader, heard, all } = await town();
    epochs.failures = 1;
    epochs.end(await epochs.rows());
    await until(() => networks.failed === 1);
    expect(networks.all.has(MAIN)).to.equal(false);
    expect(faults.splice(0).map((one) => (one as { reason: string }).reason)).to.deep.equal([
      'NETWORK_UNAVAILABLE',
    ]);
    // Nobody asks for the network: it opens all the same.
    await until(() => networks.all.has(MAIN));
    expect([networks.failed, epochs.opened]).to.deep.equal([0, 2]);
    await Promise.all(all.map(({ gaps }) => gaps.atLeast(1)));
    await lobby.client.publish('chat', 'after');
    await until(() => heard.includes('after'));
    expect(heard.filter((one) => one.endsWith('Left'))).to.deep.equal([]);
    expect(gate.client.players.size).to.equal(1);
    expect(reader.client.roster.nodes()).to.have.length(3);
  });

  it('loses the nodes that do not come back after their grace, this coordinator’s too', async () => {
    const { lobby, heard } = await town();
    const rows = await epochs.rows();
    epochs.end(rows);
    await lobby.gaps.atLeast(1);
    const old = rows.find(({ key }) => key === 'sessions/lobby');
    if (!old) throw new Error('the lobby has a row');
    epochs.end([...(await epochs.rows()), { ...old, key: 'sessions/gone' }]);
    const owner = () => networks.all.get(MAIN)?.services.nodeRows.owners.get('gone');
    await until(() => owner() !== undefined);
    await until(() => networks.all.has(MAIN) && owner() === undefined);
    await until(() => lobby.gaps.events.length === 2);
    expect(heard.filter((one) => one === 'nodeLeft')).to.deep.equal([]);
  });
});
