import { expect } from 'chai';
import fc from 'fast-check';
import { TopicFilter } from '../../../server/topics/filter.js';
import { covers, isClosed, matches } from '../../../server/topics/topic.js';
import { patterns, topics } from '../../support/journal/topics.js';

/** A topic that `narrow` matches and `wide` does not, among those that tell two patterns apart. */
function counterexample(wide: string, narrow: string): string | undefined {
  const filled = narrow.split('.').map((token) => (token === '*' || token === '>' ? 'zz' : token));
  const longer = narrow.endsWith('>') ? [[...filled, 'zz']] : [];
  return [filled, ...longer]
    .map((tokens) => tokens.join('.'))
    .find((topic) => matches(narrow, topic) && !matches(wide, topic));
}

/** Pairs of patterns in which the first is often the second with wildcards in place of tokens. */
const pairs = fc.oneof(
  fc.tuple(patterns, patterns),
  fc
    .tuple(patterns, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), fc.nat(7))
    .map(([narrow, wild, end]) => {
      const tokens = narrow
        .split('.')
        .map((token, at) => (wild[at] && token !== '>' ? '*' : token));
      const cut = end < tokens.length ? [...tokens.slice(0, end), '>'] : tokens;
      return [cut.join('.'), narrow] as [string, string];
    }),
);

describe('a pattern covers another', () => {
  it('exactly if it matches every topic of the other', () => {
    let covered = 0;
    let open = 0;
    fc.assert(
      fc.property(pairs, topics, ([wide, narrow], topic) => {
        const is = covers(wide, narrow);
        expect(is, `${wide} covers ${narrow}`).to.equal(counterexample(wide, narrow) === undefined);
        if (is && matches(narrow, topic)) expect(matches(wide, topic)).to.equal(true);
        covered += Number(is);
        open += Number(!is);
      }),
      { numRuns: 5000 },
    );
    expect(covered).to.be.above(500);
    expect(open).to.be.above(500);
  });

  it('not by a wildcard that stands for the first token of the coordinator’s own topics', () => {
    for (const first of ['nodes', 'players', 'state', 'routing', 'kelpie', 'inbox']) {
      expect(isClosed(first)).to.equal(true);
      for (const wide of ['>', '*', '*.*', '*.>']) {
        for (const narrow of [first, `${first}.>`, `${first}.a`]) {
          expect(covers(wide, narrow), `${wide} covers ${narrow}`).to.equal(false);
        }
      }
    }
  });

  it('and so does a filter, if one of its patterns does', () => {
    let covered = 0;
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 6 }), pairs, (more, [wide, narrow]) => {
        const all = [...more, wide];
        const is = all.some((one) => covers(one, narrow));
        expect(new TopicFilter(all).covers(narrow)).to.equal(is);
        covered += Number(is);
      }),
      { numRuns: 3000 },
    );
    expect(covered).to.be.above(300);
  });
});
