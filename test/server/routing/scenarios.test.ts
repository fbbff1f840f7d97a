/** The scenarios that hold every implementation of the pick, run on the coordinator's and on the client's. */
import { expect } from 'chai';
import { ServerVerdict } from '../../../gen/ts/kelpie/v1/routing_service.js';
import {
  explanationOf,
  pickOfClient,
  pickOfCoordinator,
} from '../../support/routing/both-picks.js';
import { type Scenario, scenarios } from '../../support/routing/scenarios.js';

/** There are at least so many: a loader that finds none would prove nothing. */
const LEAST = 100;

describe('the scenarios of routing', () => {
  const all = scenarios();

  it('are many, each with a name of its own', () => {
    const names = [...all.values()].flat().map(({ name }) => name);
    expect(names).to.have.length.above(LEAST);
    expect(new Set(names).size).to.equal(names.length);
  });

  for (const [file, list] of all) {
    describe(file, () => {
      for (const one of list) {
        it(one.name, () => {
          for (const servers of [one.servers, [...one.servers].reverse()]) {
            const facts = { ...one, servers };
            expect(pickOfCoordinator(facts), 'the coordinator').to.deep.equal(one.response);
            expect(pickOfClient(facts), 'the client').to.deep.equal(one.response);
            expectExplained({ ...one, servers });
          }
        });
      }
    });
  }
});

/** The explanation has the same pick, and marks its server and its rule alone as picked. */
function expectExplained(one: Scenario): void {
  const { server, rule, lastResort, rules } = explanationOf(one);
  expect({ server, rule, last_resort: lastResort }).to.deep.equal(one.response);
  const picked = rules.flatMap(({ name, servers }) =>
    servers
      .filter(({ verdict }) => verdict === ServerVerdict.PICKED)
      .map((found) => [name, found.name]),
  );
  expect(picked).to.deep.equal(server === '' ? [] : [[rule, server]]);
}
