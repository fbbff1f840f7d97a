/** Measures how many servers a program can pick a second, of 1,000 servers with 10,000 players. */
import { Roster } from '../../client/roster/roster.js';
import { Node, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../gen/ts/kelpie/v1/player.js';
import {
  RoutingCondition,
  RoutingOccasion,
  RoutingRule,
  RoutingStrategy,
  RoutingTable,
} from '../../gen/ts/kelpie/v1/routing.js';
import type { Row as StoredRow } from '../../gen/ts/kelpie/v1/stream.js';
import { pick, planOf } from '../../server/routing/pick.js';
import { ServerList } from '../../server/routing/server-list.js';
import { type Effort, picks } from './plan.js';
import type { Row, Table } from './report.js';
import type { Measurement } from './workload.js';

const SERVERS = 1000;
const PLAYERS = 10_000;
const PICKS = 100_000;
const HOST = 'play.example.org';

/** Each tenth server is a lobby. */
const nodes = Array.from({ length: SERVERS }, (_, index) =>
  Node.create({
    name: `server-${index}`,
    role: NodeRole.DOWNSTREAM,
    state: NodeState.READY,
    labels: { mode: index % 10 === 0 ? 'lobby' : 'game', region: `region-${index % 3}` },
    maxPlayers: 100,
  }),
);

/** The rules before the last one do not hold for the player, as in a network with many hosts and ranks. */
const lobbies: RoutingTable = {
  rules: [
    ...Array.from({ length: 8 }, (_, index) =>
      RoutingRule.create({
        name: `rank-${index}`,
        priority: 10 - index,
        when: RoutingCondition.create({
          occasions: [RoutingOccasion.JOIN],
          hosts: [HOST],
          playerProperties: { rank: `rank-${index}` },
        }),
        to: { labels: { mode: 'lobby', region: 'region-0' }, names: [] },
      }),
    ),
    RoutingRule.create({
      name: 'lobbies',
      to: { labels: { mode: 'lobby' }, names: [] },
      strategy: RoutingStrategy.LEAST_PLAYERS,
    }),
  ],
};

function rosterWith(table: RoutingTable): Roster {
  const roster = new Roster({ players: true });
  const resources: StoredRow['resource'][] = [
    ...nodes.map((value) => ({ $case: 'node' as const, value })),
    ...Array.from({ length: PLAYERS }, (_, index) => {
      const id = String(index);
      const value = Player.create({ id, server: `server-${index % SERVERS}`, proxy: 'gate' });
      return { $case: 'player' as const, value };
    }),
    { $case: 'routing', value: table },
  ];
  const rows = resources.map((resource) => ({ sequence: 1, resource }));
  const cursor = { epoch: new Uint8Array(16), sequence: 1, tag: 1 };
  roster.applySnapshot({ cursor, topics: [], rows, complete: true }, 0);
  return roster;
}

function ofClient(table: RoutingTable): () => unknown {
  const roster = rosterWith(table);
  const player = { id: '5', properties: { rank: 'none' } };
  return () => roster.pick({ for: 'join', player, host: HOST });
}

function ofCoordinator(table: RoutingTable): () => unknown {
  const servers = nodes.map(({ name, state, lastState, drained, labels, maxPlayers }) => {
    return { name, state, lastState, drained, labels, maxPlayers, players: 10, reserved: 0 };
  });
  const plan = planOf(table, ServerList.of(servers));
  const request = { occasion: RoutingOccasion.JOIN, host: HOST, random: 7, turns: () => 0 };
  return () => pick(plan, request);
}

/** Measures each pick, one after the other. */
export function measurePicks({ repetitions }: Effort): Table {
  const tables = { '9 rules, 100 lobbies': lobbies, 'no rules, all servers': { rules: [] } };
  const rows = Object.entries(tables).flatMap(([title, table]): Row[] => [
    rowOf(`roster.pick, ${title}`, ofClient(table), repetitions),
    rowOf(`the coordinator, ${title}`, ofCoordinator(table), repetitions),
  ]);
  return { scenario: picks, rows };
}

function rowOf(title: string, one: () => unknown, repetitions: number): Row {
  rateOf(one);
  const measurements = Array.from({ length: repetitions }, (): Measurement => {
    return { deliveriesPerSecond: rateOf(one) };
  });
  return { system: { wire: 'kelpie', server: 'kelpied', title }, measurements };
}

function rateOf(one: () => unknown): number {
  const beganMs = performance.now();
  for (let count = 0; count < PICKS; count++) one();
  return (PICKS * 1000) / (performance.now() - beganMs);
}
