import { nodeIn } from '../../support/wire/rows.js';
import { expect } from 'chai';
import { TopicFilter } from '../../../server/topics/filter.js';
import { hello, join, openCoordinator } from '../../support/model/coordinator.js';
import { player, TestProxy } from '../../support/model/proxy.js';

const PLAYERS = 5000;
/** Far above the time that it takes, and far below the time to read each row for each pattern. */
const CEILING_MS = 2000;

describe('the resources of a filter', () => {
  it('with names cost the named rows, not all rows', async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1');
    for (let first = 0; first < PLAYERS; first += 500) {
      const part = Array.from({ length: 500 }, (_, index) => player(first + index));
      const ids = { afterId: part[0]?.xuid ?? '', upToId: part[0]?.xuid ?? '' };
      const value = { asOf: 0, ...ids, players: part, loginAges: {} };
      proxy.stream.send({ $case: 'syncPlayers', value });
      await proxy.stream.next('playersSynced');
    }
    await join(town, hello('lobby'));
    const beganMs = performance.now();
    for (let number = 0; number < PLAYERS; number++) {
      const { xuid } = player(number);
      const filter = new TopicFilter([`players.${xuid}`, 'players.nobody', 'nodes.lobby']);
      const shown = Array.from(town.network.resources(filter), (row) =>
        row?.resource?.$case === 'player' ? row.resource.value.id : nodeIn(row?.resource),
      );
      expect(shown).to.deep.equal(['lobby', xuid]);
    }
    expect(performance.now() - beganMs).to.be.below(CEILING_MS);
    const all = new TopicFilter(['players.*', `players.${player(1).xuid}`]);
    const rows = [...town.network.resources(all)];
    expect(rows.filter((row) => row !== undefined)).to.have.length(PLAYERS);
    // A pattern that matches nothing looks at each row, and lets other work run between them.
    const none = [...town.network.resources(new TopicFilter(['players.*.x']))];
    expect(none.length).to.be.at.least(Math.floor(PLAYERS / 256));
    expect(none.every((row) => row === undefined)).to.equal(true);
  }).timeout(20_000);
});
