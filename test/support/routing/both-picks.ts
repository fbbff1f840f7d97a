/** The picks of the coordinator and of the client, for the same facts. */
import { type Candidate, Rules } from '../../../client/roster/pick.js';
import type { RoutingTable } from '../../../gen/ts/kelpie/v1/routing.js';
import {
  ExplainRoutingRequest,
  type ExplainRoutingResponse,
} from '../../../gen/ts/kelpie/v1/routing_service.js';
import { explain } from '../../../server/routing/explain.js';
import { pick, type PickRequest, planOf, type Server } from '../../../server/routing/pick.js';
import { ServerList } from '../../../server/routing/server-list.js';
import type { Answer, ServerFacts } from './scenarios.js';

/** The inputs of a pick. */
export interface Facts {
  readonly table: RoutingTable;
  readonly servers: readonly ServerFacts[];
  readonly request: ExplainRoutingRequest;
  readonly random: number;
  readonly turn: number;
}

function serverOf({ node, players }: ServerFacts): Server {
  return { ...node, players, reserved: node.reservedSlots };
}

function requestOf({ request, random, turn }: Facts): PickRequest {
  return { ...request, random, turns: () => turn };
}

/** The pick of the coordinator. */
export function pickOfCoordinator(facts: Facts): Answer {
  const plan = planOf(facts.table, ServerList.of(facts.servers.map(serverOf)));
  const { server = '', rule, lastResort } = pick(plan, requestOf(facts));
  return { server, rule, last_resort: lastResort };
}

/** The explanation of the coordinator's pick. */
export function explanationOf(facts: Facts): Omit<ExplainRoutingResponse, 'sequence'> {
  const pieces = explain(
    planOf(facts.table, ServerList.of(facts.servers.map(serverOf))),
    requestOf(facts),
  );
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** The pick of the client. */
export function pickOfClient({ table, servers, request, random, turn }: Facts): Answer {
  const candidates = servers.map(({ node, players }): Candidate => ({
    ...node,
    maxPlayers: node.maxPlayers,
    used: players + node.reservedSlots,
  }));
  const picked = new Rules(table, candidates).pick({
    ...request,
    properties: request.playerProperties,
    from: request.fromServer.toLowerCase(),
    lastServer: request.lastServer.toLowerCase(),
    random,
    turns: () => turn,
  });
  const { server = '', rule = '', lastResort = false } = picked ?? {};
  return { server, rule, last_resort: lastResort };
}
