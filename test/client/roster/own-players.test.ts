/** Picks of a proxy count its own players, also while no coordinator is there and the roster gets no news. */
import { expect } from 'chai';
import { Handlers } from '../../../client/commands/handlers.js';
import { playersOf } from '../../../client/own-players.js';
import type { ProxyPlayers } from '../../../client/players/proxy-players.js';
import { RecentPicks } from '../../../client/roster/recent-picks.js';
import { Roster } from '../../../client/roster/roster.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node, NodeRole, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { RoutingRule } from '../../../gen/ts/kelpie/v1/routing.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const MINUTE_MS = 60_000;

/** A proxy without a stream, and a roster with the servers `a` and `b`: the rule allows 4 players, and 2 are on `a`. */
class AwayProxy {
  readonly clock = Object.assign(new FakeClock(), { random: () => 0 });
  readonly roster = new Roster({ players: true, clock: this.clock });
  readonly players: ProxyPlayers;
  #sequence = 0;

  constructor() {
    const { clock, roster } = this;
    for (const name of ['a', 'b']) {
      const place = { role: NodeRole.DOWNSTREAM, state: NodeState.READY };
      const node = Node.create({ name, displayName: name, labels: { name }, ...place });
      this.#apply({ $case: 'nodeJoined', value: { node } });
    }
    this.#lead('a');
    for (const id of ['x', 'y']) this.show(id, 'a');
    const silent = () => undefined;
    const handlers = new Handlers({
      ...{ clock, admit: silent, link: silent, onNames: silent, onRefused: silent },
      holds: () => true,
    });
    const options = {
      ...{ name: 'gate', role: 'PROXY' as const, endpoints: [], roster: { players: true } },
      players: { onEvicted: silent },
    };
    const proxy = playersOf(options, handlers, { clock, roster, link: silent, post: silent });
    if (!proxy) throw new Error('a proxy has players');
    this.players = proxy.players;
  }

  #apply(body: NonNullable<Event['body']>): void {
    this.roster.applyEvent({ ...Event.create({ sequence: ++this.#sequence }), body });
  }

  /** The rules lead to this server. */
  #lead(server: string): void {
    const rule = RoutingRule.create({ name: 'joins', to: { names: [server] }, limit: 4 });
    this.#apply({ $case: 'routingChanged', value: { table: { rules: [rule] } } });
  }

  show(id: string, server: string): void {
    const player = Player.create({ id, server, proxy: 'gate' });
    this.#apply({ $case: 'playerMoved', value: { player, fromServer: '' } });
  }

  hide(id: string): void {
    this.#apply({ $case: 'playerLeft', value: { player: Player.create({ id }), reason: 0 } });
  }

  pick(id: string): string | undefined {
    return this.roster.pick({ for: 'join', player: { id } })?.server;
  }

  /** The whole login of a player, as a proxy does it. */
  async login(id: string): Promise<string | undefined> {
    await this.players.joined({ xuid: id, name: `player ${id}` });
    const server = this.pick(id);
    if (server !== undefined) await this.players.moved(id, server);
    else await this.players.left(id);
    return server;
  }

  /** The number of strangers that a pick finds a server for. Their picks have ended after it. */
  room(server = 'a'): number {
    let count = 0;
    this.#lead(server);
    while (this.pick(`stranger-${count}`) !== undefined) count++;
    this.#lead('a');
    this.clock.advance(10_000);
    return count;
  }
}

describe('the own players of a proxy in the picks of its roster', () => {
  let proxy: AwayProxy;
  beforeEach(() => (proxy = new AwayProxy()));
  afterEach(() => {
    proxy.roster.close();
    expect(proxy.clock.pending, 'timers').to.equal(0);
  });

  it('never overfill a server while no coordinator is there for a minute', async () => {
    const servers = [];
    for (const id of ['1', '2', '3', '4', '5', '6']) {
      servers.push(await proxy.login(id));
      proxy.clock.advance(MINUTE_MS / 6);
    }
    expect(servers.join()).to.equal('a,a,,,,');
  });

  it('count by a pick alone, also with the join after it, until they leave', async () => {
    expect([proxy.pick('1'), proxy.pick('2')]).to.deep.equal(['a', 'a']);
    for (const xuid of ['1', '2']) await proxy.players.joined({ xuid, name: xuid });
    for (let seconds = 0; seconds < 60; seconds += 10) {
      proxy.clock.advance(10_000);
      expect(proxy.pick('3')).to.equal(undefined);
    }
    await proxy.players.left('1');
    expect(proxy.room()).to.equal(1);
    await proxy.players.left('2');
    expect(proxy.room()).to.equal(2);
  });

  it('free their slot if they leave, and count on the server that they move to', async () => {
    await proxy.players.joined({ xuid: '1', name: 'Steve', server: 'a' });
    await proxy.login('2');
    proxy.clock.advance(MINUTE_MS);
    expect(proxy.room()).to.equal(0);
    await proxy.players.left('1');
    expect(proxy.room()).to.equal(1);
    const moves = [
      ['b', 2, 3],
      ['A', 1, 4],
      ['', 2, 4],
    ] as const;
    for (const [server, roomOfA, roomOfB] of moves) {
      await proxy.players.moved('2', server);
      expect([proxy.room('a'), proxy.room('b')]).to.deep.equal([roomOfA, roomOfB]);
    }
  });

  it('free the slot of a new pick at once if they leave, or land on another server', async () => {
    for (const xuid of ['1', '2']) {
      await proxy.players.joined({ xuid, name: xuid });
      expect(proxy.pick(xuid)).to.equal('a');
    }
    await proxy.players.left('1');
    await proxy.players.moved('2', 'b');
    expect(proxy.room('a')).to.equal(2);
    expect(proxy.room('b')).to.equal(3);
  });

  it('stay on the server that they are on if a pick leads nowhere, or they do not go', async () => {
    await proxy.login('1');
    await proxy.login('2');
    const fallback = { for: 'fallback', player: { id: '1' }, fromServer: 'a' } as const;
    expect(proxy.roster.pick(fallback)).to.equal(undefined);
    expect(proxy.room()).to.equal(0);
    expect(proxy.pick('1')).to.equal('a');
    proxy.clock.advance(MINUTE_MS);
    expect(proxy.room()).to.equal(0);
  });

  it('count once after the coordinator is there again, also if it had lost them', async () => {
    await proxy.login('1');
    proxy.clock.advance(MINUTE_MS);
    expect(proxy.room()).to.equal(1);
    proxy.show('1', '');
    expect(proxy.room(), 'joined').to.equal(1);
    proxy.show('1', 'a');
    expect(proxy.room(), 'shown').to.equal(1);
    proxy.hide('1');
    expect(proxy.room(), 'the proxy was lost').to.equal(1);
    proxy.show('1', 'a');
    expect(proxy.room(), 'and is back').to.equal(1);
    proxy.show('1', 'b');
    expect(proxy.room(), 'an older row').to.equal(1);
    await proxy.players.moved('1', 'b');
    expect(proxy.room(), 'the own move').to.equal(2);
    await proxy.players.left('1');
    proxy.hide('1');
    expect(proxy.room()).to.equal(2);
  });

  it('leave nothing behind', () => {
    const { clock } = proxy;
    const counts = new Map<string, number>();
    const shown = new Map([['3', 'a']]);
    const picks: RecentPicks = new RecentPicks({
      clock,
      shown: (id) => shown.get(id) ?? '',
      onChange: (name) => counts.set(name, picks.onServer(name)),
    });
    const ids = Array.from({ length: 10_100 }, (_, index) => `${index}`);
    for (const id of ids) {
      picks.own(id, '');
      picks.add(id, 'a');
    }
    // The roster shows one of them.
    expect(picks.onServer('a'), 'more than the bound of picks').to.equal(10_099);
    clock.advance(MINUTE_MS);
    picks.expire();
    expect(picks.onServer('a')).to.equal(10_099);
    for (const id of ids.slice(0, 50)) picks.own(id, 'b');
    expect(picks.onServer('b')).to.equal(50);
    for (const id of ids) picks.own(id, undefined);
    expect(picks.size).to.equal(0);
    expect([...counts.values()]).to.deep.equal([0, 0]);
  });
});
