/** The servers that players left last, as the coordinator and as a client remember them: both forget the same. */
import { expect } from 'chai';
import { LastServers as RosterLastServers } from '../../../client/roster/last-servers.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { LastServers } from '../../../server/routing/last-servers.js';

/** Both promise to remember this number of players. */
const PLAYERS = 100_000;

interface Memory {
  readonly left: (id: string, server: string) => void;
  readonly of: (id: string) => string;
  readonly size: () => number;
}

function ofCoordinator(): Memory {
  let report: (id: string, after?: Player, before?: Player) => void = () => undefined;
  const watch = (watcher: typeof report): void => void (report = watcher);
  const last = new LastServers({ watch } as never);
  return {
    left: (id, server) => report(id, undefined, Player.create({ id, server })),
    of: (id) => last.of(id),
    size: () => last.size,
  };
}

function ofClient(): Memory {
  const last = new RosterLastServers();
  return {
    left: (id, server) => last.left(id, server),
    of: (id) => last.of(id),
    size: () => last.size,
  };
}

for (const [who, open] of [
  ['coordinator', ofCoordinator],
  ['client', ofClient],
] as const) {
  describe(`the last servers in the memory of a ${who}`, () => {
    it('are those of 100,000 players: the players who left longest ago are forgotten', () => {
      const { left, of, size } = open();
      for (let index = 0; index < PLAYERS; index++) left(`p${index}`, 'lobby');
      expect(size()).to.equal(PLAYERS);
      // A player who leaves again is the newest.
      left('p0', 'arena');
      expect([size(), of('p0'), of('p1')]).to.deep.equal([PLAYERS, 'arena', 'lobby']);
      left('another', 'lobby');
      expect(size()).to.equal(PLAYERS);
      expect(['p0', 'p1', 'p2', 'another'].map(of)).to.deep.equal(['arena', '', 'lobby', 'lobby']);
    });
  });
}
