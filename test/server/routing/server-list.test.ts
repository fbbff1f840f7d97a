import { expect } from 'chai';
import fc from 'fast-check';
import { NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import type { Server } from '../../../server/routing/pick.js';
import { ServerList } from '../../../server/routing/server-list.js';

const { READY } = NodeState;

function server(name: string, players = 0): Server {
  const state = { state: READY, lastState: READY, drained: false };
  return { name, ...state, labels: {}, players, reserved: 0 };
}

const step = fc.record({ add: fc.boolean(), name: fc.nat(40).map(String), players: fc.nat(9) });

describe('a list of servers', () => {
  it('has each server once, in order, and never changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const model = new Map<string, Server>();
        let list = ServerList.of<Server>([]);
        for (const { add, name, players } of steps) {
          const before = list;
          const seen = [...before];
          const one = server(name, players);
          if (add) model.set(name, one);
          else model.delete(name);
          list = add ? list.with(one) : list.without(name);
          expect([...before]).to.deep.equal(seen);
          expect(list.get(name)).to.equal(model.get(name));
          expect([...list]).to.deep.equal([...ServerList.of(model.values())]);
        }
        const names = [...list].map((one) => one.name);
        expect(names).to.deep.equal([...model.keys()].sort());
      }),
    );
  });
});
