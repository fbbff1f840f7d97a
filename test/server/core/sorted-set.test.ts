import { expect } from 'chai';
import fc from 'fast-check';
import { SortedSet } from '../../../server/core/sorted-set.js';

const name = fc.integer({ min: 1, max: 3000 }).map(String);
const step = fc.record({ add: fc.boolean(), name });

describe('a sorted set', () => {
  it('behaves like a set whose names are sorted', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1200, maxLength: 2500, size: 'max' }),
        name,
        (steps, from) => {
          const sorted = new SortedSet();
          const set = new Set<string>();
          for (const { add, name: one } of steps) {
            if (add) {
              sorted.add(one);
              set.add(one);
            } else {
              sorted.delete(one);
              set.delete(one);
            }
          }
          const all = [...set].sort();
          expect([...sorted]).to.deep.equal(all);
          expect(sorted.size).to.equal(all.length);
          expect([...sorted.after(from)]).to.deep.equal(all.filter((one) => one > from));
          expect([...sorted.beginning(from)]).to.deep.equal(
            all.filter((one) => one.startsWith(from)),
          );
          expect(sorted.has(from)).to.equal(set.has(from));
        },
      ),
      { numRuns: 30 },
    );
  });

  it('iterates on after its last name when names come and go meanwhile', () => {
    const names = fc.array(name, { minLength: 1, maxLength: 800, size: 'max' });
    fc.assert(
      fc.property(names, fc.array(step, { maxLength: 400, size: 'max' }), (before, steps) => {
        const sorted = new SortedSet(before);
        const stays = new Set(before);
        for (const { name: one } of steps) stays.delete(one);
        const seen: string[] = [];
        const pending = [...steps];
        for (const one of sorted) {
          seen.push(one);
          const next = pending.pop();
          if (next?.add) sorted.add(next.name);
          else if (next) sorted.delete(next.name);
        }
        expect(seen).to.deep.equal([...new Set(seen)].sort());
        expect(seen).to.include.members([...stays]);
      }),
      { numRuns: 50 },
    );
  });
});
