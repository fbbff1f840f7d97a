/**
 * The law of picks, over random rules, servers and players: a pick always ends, depends on its inputs alone, is the same
 * in the coordinator and in the client, and names no server that takes nobody.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { Node, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import {
  FallbackReason,
  RoutingCondition,
  RoutingOccasion,
  RoutingRule,
  RoutingStrategy,
  RoutingTable,
} from '../../../gen/ts/kelpie/v1/routing.js';
import { ExplainRoutingRequest, ServerVerdict } from '../../../gen/ts/kelpie/v1/routing_service.js';
import {
  explanationOf,
  type Facts,
  pickOfClient,
  pickOfCoordinator,
} from '../../support/routing/both-picks.js';
import type { ServerFacts } from '../../support/routing/scenarios.js';
import { inSoak } from '../../support/soak.js';

const { READY, UNREACHABLE } = NodeState;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const HOSTS = ['play.example.org', '*.example.org', 'other.example.com', 'PLAY.example.org'];

/** Few values, so that rules, servers and players often meet. */
const labels = fc.dictionary(fc.constantFrom('mode', 'region'), fc.constantFrom('x', 'y'), {
  maxKeys: 2,
  size: 'small',
});
const names = fc.oneof(
  { weight: 2, arbitrary: fc.constant<string[]>([]) },
  {
    weight: 1,
    arbitrary: fc.uniqueArray(fc.constantFrom(...NAMES, 'A', 'zz'), { maxLength: 4, size: 'max' }),
  },
);
const selector = fc.option(fc.record({ labels, names }), { nil: undefined, freq: 1 });
const listOf = <T>(from: Readonly<Record<string, T>>) =>
  fc.uniqueArray(fc.constantFrom(...Object.values(from)), { maxLength: 2 });
const strategy = fc.constantFrom(...Object.values(RoutingStrategy));

const condition = fc
  .record({
    occasions: listOf(RoutingOccasion),
    fallbackReasons: listOf(FallbackReason),
    hosts: fc.subarray(HOSTS, { maxLength: 2 }),
    playerProperties: labels,
    from: selector,
  })
  .map((parts): RoutingCondition => parts);

const rules = fc
  .array(
    fc.record({
      priority: fc.integer({ min: -2, max: 2 }),
      // Most rules have one part or none: with many parts hardly any rule would hold.
      when: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: condition },
      ),
      to: selector,
      strategy,
      otherwise: strategy.filter((one) => one !== RoutingStrategy.STICKY),
      limit: fc.constantFrom(0, 0, 0, 2, 5),
    }),
    { maxLength: 6, size: 'max' },
  )
  .map((all) => all.map((rule, index): RoutingRule => ({ ...rule, name: `rule-${index}` })));

const server = fc.record({
  name: fc.constantFrom(...NAMES),
  state: fc.constantFrom(
    READY,
    READY,
    READY,
    READY,
    UNREACHABLE,
    UNREACHABLE,
    ...Object.values(NodeState),
  ),
  lastState: fc.constantFrom(READY, NodeState.MAINTENANCE),
  drained: fc.constantFrom(false, false, false, true),
  labels,
  maxPlayers: fc.option(fc.nat({ max: 9 }), { nil: undefined }),
  reservedSlots: fc.nat({ max: 2 }),
  players: fc.nat({ max: 6 }),
});
const servers = fc
  .uniqueArray(server, { selector: ({ name }) => name, maxLength: NAMES.length, size: 'max' })
  .map((all) => all.map(({ players, ...node }) => ({ players, node: Node.create(node) })));

const request = fc
  .record({
    occasion: fc.constantFrom(RoutingOccasion.JOIN, RoutingOccasion.FALLBACK),
    reason: fc.constantFrom(...Object.values(FallbackReason)),
    host: fc.constantFrom('', 'play.example.org', 'Other.example.com'),
    playerProperties: labels,
    fromServer: fc.constantFrom('', ...NAMES, 'B', 'elsewhere'),
    lastServer: fc.constantFrom('', ...NAMES, 'C', 'elsewhere'),
  })
  .map((parts) => ExplainRoutingRequest.create(parts));

const facts = fc.record({
  table: rules.map((all): RoutingTable => ({ rules: all })),
  servers,
  request,
  random: fc.integer({ min: 0, max: 0xffff_ffff }),
  turn: fc.maxSafeNat(),
});

/** Whether the server takes one player more, as the words of the contract state it. */
function isOpen({ node, players }: ServerFacts, limit = 0): boolean {
  const used = players + node.reservedSlots;
  const hasRoom =
    (node.maxPlayers === undefined || used < node.maxPlayers) && !(limit && used >= limit);
  return node.state === READY && !node.drained && hasRoom;
}

function isLastResort(one: ServerFacts, limit = 0): boolean {
  const { state, lastState } = one.node;
  const wasReady = state === UNREACHABLE && lastState === READY;
  return wasReady && isOpen({ ...one, node: { ...one.node, state: READY } }, limit);
}

function expectLawful(one: Facts): 'open' | 'last resort' | 'none' {
  const answer = pickOfCoordinator(one);
  const { rule: name, last_resort: last } = answer;
  const rule = one.table.rules.find((found) => found.name === name);
  const picked = one.servers.find(({ node }) => node.name === answer.server);
  const isFallback = one.request.occasion === RoutingOccasion.FALLBACK;
  if (!picked) {
    expect(answer).to.deep.equal({ server: '', rule: '', last_resort: false });
    return 'none';
  }
  expect((last ? isLastResort : isOpen)(picked, rule?.limit), 'it has room and is open').to.equal(
    true,
  );
  if (isFallback) expect(picked.node.name).not.to.equal(one.request.fromServer.toLowerCase());
  return last ? 'last resort' : 'open';
}

/** The rules of the explanation: no rule before the one that decided has an open server, or holds in vain. */
function expectExplained(one: Facts): void {
  const { server: picked, rule: decided, lastResort, rules: trace } = explanationOf(one);
  const { OPEN, UNREACHABLE: LOST, PICKED } = ServerVerdict;
  const has = (wanted: readonly ServerVerdict[]) => (rule: (typeof trace)[number]) =>
    rule.servers.some(({ verdict }) => wanted.includes(verdict));
  const wanted = lastResort ? [LOST, PICKED] : [OPEN, PICKED];
  const first = trace.find(has(wanted));
  expect(first?.name ?? '', 'the first rule with such a server decides').to.equal(decided);
  if (picked === '' || lastResort)
    expect(trace.some(has([OPEN])), 'no server is open').to.equal(false);
  const priorities = trace.map(
    ({ name }) => one.table.rules.find((rule) => rule.name === name)?.priority ?? 0,
  );
  expect(priorities).to.deep.equal([...priorities].sort((left, right) => right - left));
}

describe('the law of picks', () => {
  const numRuns = inSoak(200_000, 2000);

  it('holds over random rules, servers and players, on both sides', () => {
    const seen = { open: 0, 'last resort': 0, none: 0 };
    fc.assert(
      fc.property(facts, fc.nat(), (one, seed) => {
        seen[expectLawful(one)] += 1;
        const answer = pickOfCoordinator(one);
        expect(pickOfCoordinator(one), 'the same inputs again').to.deep.equal(answer);
        expect(pickOfClient(one), 'the client').to.deep.equal(answer);
        const turned = { ...one, servers: rotated(one.servers, seed) };
        expect(pickOfCoordinator(turned), 'servers in another order').to.deep.equal(answer);
        expect(pickOfClient(turned), 'the client, in another order').to.deep.equal(answer);
        expectExplained(one);
      }),
      { numRuns },
    );
    // Of three runs about one has an open server, and of fourteen one has a last resort.
    expect(seen.open, 'picks of open servers').to.be.above(numRuns / 6);
    expect(seen['last resort'], 'picks of last resorts').to.be.above(numRuns / 40);
    expect(seen.none, 'no picks').to.be.above(numRuns / 6);
  });
});

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)].reverse();
}
