/** Explains a pick: what each rule and each server meant for it. The pick itself is that of pick.ts. */
import { fallbackReasonToJSON, routingOccasionToJSON } from '../../gen/ts/kelpie/v1/routing.js';
import {
  ExplainedRule,
  type ExplainedServer,
  type ExplainRoutingResponse,
  ServerVerdict,
} from '../../gen/ts/kelpie/v1/routing_service.js';
import { cutText } from '../core/text.js';
import { AnswerRoom } from '../network/pages.js';
import {
  type Part,
  picking,
  type PickRequest,
  type Plan,
  type PlannedRule,
  type Server,
  sourceOf,
  standingFor,
  usedSlots,
} from './pick.js';

/** The most servers that the answer has of one rule. */
const SERVERS = 100;
const UINT32 = 0xffff_ffff;
/** Bytes of the answer that are reserved for each rule without its servers. */
const RULE_BYTES = 512;

/** Explains a pick. Yields between rules, so that the caller can let other work run. */
export function* explain(
  plan: Plan,
  request: PickRequest,
): Generator<undefined, Omit<ExplainRoutingResponse, 'sequence'>> {
  const picked = yield* picking(plan, request);
  const from = sourceOf(plan, request);
  const room = new AnswerRoom(RULE_BYTES * plan.rules.length);
  const rules: ExplainedRule[] = [];
  for (const planned of plan.rules) {
    yield;
    const failing = planned.failing(request, from);
    const { rule } = planned;
    const one = ExplainedRule.create({ name: rule.name, holds: !failing });
    const verdictOf = (server: Server): ServerVerdict =>
      picked.server === server.name && picked.rule === rule.name
        ? ServerVerdict.PICKED
        : ServerVerdict[standingFor(server, rule, request, from)];
    if (failing) one.whyNot = whyNot(failing, request);
    else listServers(one, planned, verdictOf, room);
    rules.push(one);
  }
  const { server = '', rule, lastResort } = picked;
  return { server, rule, lastResort, rules };
}

/** Adds as many servers as fit, and the picked one in any case. */
function listServers(
  one: ExplainedRule,
  { servers }: PlannedRule,
  verdictOf: (server: Server) => ServerVerdict,
  room: AnswerRoom,
): void {
  for (const server of servers) {
    const { name } = server;
    const players = Math.min(usedSlots(server), UINT32);
    const explained: ExplainedServer = { name, players, verdict: verdictOf(server) };
    if (one.servers.length < SERVERS && room.take(name.length + 16)) one.servers.push(explained);
    else {
      one.serversLeftOut += 1;
      if (explained.verdict === ServerVerdict.PICKED) one.servers.splice(-1, 1, explained);
    }
  }
}

/** Why a part of the condition does not hold, for people. */
function whyNot(part: Part, request: PickRequest): string {
  const { occasion, reason = 0, host = '', fromServer = '' } = request;
  const shown = (text: string): string => (text === '' ? 'none' : `"${cutText(text, 80)}"`);
  const occasionName = nameIn(routingOccasionToJSON(occasion), 'ROUTING_OCCASION_');
  switch (part) {
    case 'occasions':
      return `the occasion is ${occasionName}`;
    case 'fallbackReasons':
      return `the occasion is ${occasionName}, its reason ${nameIn(fallbackReasonToJSON(reason), 'FALLBACK_REASON_')}`;
    case 'hosts':
      return `the host is ${shown(host)}`;
    case 'playerProperties':
      return 'the player lacks a property, or it has another value';
    case 'from':
      return `the server that the player comes from is ${shown(fromServer)}`;
  }
}

function nameIn(json: string | number, prefix: string): string {
  return String(json).replace(prefix, '');
}
