/** A small network under a fake clock, whose players are moved while everything in it fails. */
import { expect } from 'chai';
import { type Player } from '../../../gen/ts/kelpie/v1/player.js';
import { FallbackReason, RoutingStrategy } from '../../../gen/ts/kelpie/v1/routing.js';
import { TransferDestination, TransferStage } from '../../../gen/ts/kelpie/v1/transfer.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Held } from '../../../server/routing/reservations.js';
import { isEnd, type MoveUpdate } from '../../../server/transfers/transfers.js';
import { FakeClock } from '../clock/fake-clock.js';
import { settled } from '../journal/history.js';
import { type MortalCoordinator, openJournal, openMortal } from './coordinator.js';
import {
  MovingProxy,
  type ProxyMood,
  type ServerMood,
  ServerModel,
  type Ways,
} from './moving-nodes.js';
import { player } from './proxy.js';
import { idOf } from './proxy-model.js';

export const PLAYERS = 3;
export const PROXIES = 2;
/** The servers by name; the games have room for one player. */
export const SERVERS = ['lobby', 'arena', 'duel'] as const;
const PREPARES = ['prepare_arrival', 'prepare_departure', 'confirm_arrival', 'transfer_ended'];

/** The destination of a transfer. */
type To =
  | { kind: 'server'; server: string }
  | { kind: 'games' | 'routed' }
  | { kind: 'proxy'; proxy: string; server: string };

export type Step =
  /** `reserved`: with the newest reservation, if there is one, to its server. */
  | {
      kind: 'transfer';
      who: number;
      to: To;
      timeoutMs: number;
      issuer: string;
      reserved: boolean;
    }
  | { kind: 'reserve'; server: string; slots: number; ttlMs: number }
  | { kind: 'login'; who: number; proxy: number }
  | { kind: 'quit' | 'again'; who: number }
  | { kind: 'wander'; who: number }
  | { kind: 'act'; proxy: number }
  | { kind: 'proxyMood'; proxy: number; mood: ProxyMood }
  | { kind: 'serverMood'; server: number; mood: ServerMood }
  | { kind: 'cut' | 'connect' | 'crash'; node: number }
  | { kind: 'restart'; orderly: boolean }
  | { kind: 'advance'; ms: number }
  | { kind: 'settle'; turns: number };

/** A transfer that the world requested. */
interface Requested {
  readonly playerId: string;
  readonly to: To;
  readonly endsMs: number;
  readonly reserved: boolean;
  end: string | undefined;
}

export class TransferWorld implements Ways {
  readonly #clock = new FakeClock();
  readonly #journal = openJournal(this.#clock);
  readonly #turns: number;
  readonly players = Array.from({ length: PLAYERS }, (_, number) => player(number));
  readonly proxies = Array.from(
    { length: PROXIES },
    (_, number) => new MovingProxy(`gate-${number}`, 20_000 + number, this),
  );
  readonly servers = [
    new ServerModel('lobby', this, ['prepare_departure', 'transfer_ended']),
    new ServerModel('arena', this, PREPARES, 1),
    new ServerModel('duel', this, [], 1),
  ];
  /** The ends of transfers, by reason. */
  readonly ends = new Map<string, number>();
  readonly #requested = new Set<Requested>();
  /** The newest reservation. */
  #held: Held | undefined;
  /** The transfers whose tickets logins redeemed. */
  readonly tickets = new Set<string>();
  /** Players who came to a game when no transfer of them there was under way: an earlier one had timed out. */
  readonly #late = new Set<string>();
  /** Faults that nodes saw. */
  readonly #wrong: string[] = [];
  #redeemer = '';
  #town: MortalCoordinator | undefined;
  #lives = 0;

  constructor(turns: number) {
    this.#turns = turns;
  }

  get town(): MortalCoordinator {
    if (!this.#town) throw new Error('no coordinator is open');
    return this.#town;
  }

  get #nodes(): (ServerModel | MovingProxy['model'])[] {
    return [...this.proxies.map(({ model }) => model), ...this.servers];
  }

  async open(): Promise<void> {
    const coordinatorId = `coordinator-${++this.#lives}`;
    this.#town = await openMortal(this.#journal, this.#clock, {
      coordinatorId,
      turns: () => this.#turns,
    });
    const { playerRows } = this.#town;
    playerRows.watch((id) => this.#checkRoom(id));
    for (const node of this.#nodes) node.connect(this.town.port);
    await settled(10 * (this.#turns + 1));
  }

  /** No transfer brings more players to a game than fit. */
  #checkRoom(id: string): void {
    const { playerRows } = this.town;
    const server = playerRows.onlineOf(id)?.server ?? '';
    const isMoving = [...this.#requested].some(
      ({ playerId, to, end }) => playerId === id && !end && leadsTo(to, server),
    );
    if (server === 'lobby' || server === '') this.#late.delete(id);
    else if (!isMoving) this.#late.add(id);
    for (const game of ['arena', 'duel']) {
      const there = [...playerRows.byServer.get(game)].filter((one) => !this.#late.has(one));
      if (there.length > 1) throw new Error(`${there.join(' and ')} are on ${game}`);
    }
  }

  now(): number {
    return this.#clock.now();
  }

  isOn(playerId: string, server: string): boolean {
    return this.proxies.some(({ model }) => model.guests.get(playerId)?.server === server);
  }

  travel(who: Player, port: number): void {
    this.proxies.find((proxy) => proxy.port === port)?.login(who);
  }

  moving(transferId: string, toServer: string): void {
    const server = this.servers.find(({ name }) => name === toServer);
    if (!server?.handles('prepare_arrival')) return;
    if (!server.prepared.has(transferId)) this.#wrong.push(`${toServer} had not prepared`);
  }

  redeemed(transferId: string, playerId: string): void {
    this.#redeemer = playerId;
    if (this.tickets.has(transferId)) this.#wrong.push('a login redeemed a ticket again');
    this.tickets.add(transferId);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'transfer':
        this.#transfer(step);
        return;
      case 'reserve':
        this.#reserve(step);
        return;
      case 'login':
        this.#login(step.who, step.proxy);
        return;
      case 'quit':
        this.#holderOf(step.who)?.model.quit(this.#id(step.who));
        return;
      case 'again':
        this.#again(step.who);
        return;
      case 'wander':
        this.#holderOf(step.who)?.model.move(this.#id(step.who), 'lobby');
        return;
      case 'act':
        this.#act(step.proxy);
        return;
      case 'proxyMood':
        Object.assign(this.proxies[step.proxy] ?? {}, { mood: step.mood });
        return;
      case 'serverMood':
        Object.assign(this.servers[step.server] ?? {}, { mood: step.mood });
        return;
      case 'connect':
        this.#nodes[step.node]?.connect(this.town.port);
        return;
      case 'cut':
        return this.#nodes[step.node]?.cut();
      case 'crash':
        return this.#crash(step.node);
      case 'restart':
        return this.#restart(step.orderly);
      case 'advance':
        return this.advance(step.ms);
      case 'settle':
        return settled(step.turns);
    }
  }

  #id(who: number): string {
    return idOf(this.players[who] ?? player(who));
  }

  #holderOf(who: number): MovingProxy | undefined {
    return this.proxies.find(({ model }) => model.guests.has(this.#id(who)));
  }

  #login(who: number, proxy: number): void {
    const facts = this.players[who];
    if (facts) this.proxies[proxy]?.login(facts);
  }

  /** A player quits and logs in at the same proxy: the one who redeemed a ticket last, if there is one. */
  #again(number: number): void {
    const last = this.players.findIndex((one) => idOf(one) === this.#redeemer);
    const who = last < 0 ? number : last;
    const holder = this.#holderOf(who);
    holder?.model.quit(this.#id(who));
    holder?.login(this.players[who] ?? player(who));
  }

  #act(proxy: number): void {
    this.proxies[proxy]?.act();
    for (const server of this.servers) server.look();
  }

  async #crash(node: number): Promise<void> {
    await (this.proxies[node] ?? this.servers[node - PROXIES])?.crash();
  }

  #reserve({ server, slots, ttlMs }: Step & { kind: 'reserve' }): void {
    const hold = { place: { node: server }, slots, ttlMs, purpose: '', owner: '' };
    // A coordinator that dies, and a server that is full or away, give nothing.
    this.town.reservations.hold(hold).then(
      (held) => (this.#held = held),
      (error: unknown) => expect(error).to.be.instanceOf(KelpieError),
    );
  }

  #transfer({ who, timeoutMs, issuer, ...step }: Step & { kind: 'transfer' }): void {
    const row = this.town.playerRows.onlineOf(this.#id(who));
    if (!row) return;
    const playerId = this.#id(who);
    const held = step.reserved ? this.#held : undefined;
    const to: To = held ? { kind: 'server', server: held.node } : step.to;
    const requested: Requested = {
      ...{ playerId, to, reserved: held !== undefined },
      ...{ endsMs: this.now() + timeoutMs, end: undefined },
    };
    const life = this.#lives;
    const refs = [{ playerId, generation: row.generation }];
    const options = { context: new Uint8Array(), timeoutMs, issuer };
    try {
      const goalOf = this.town.transfers.goalOf(destinationOf(to), held?.id);
      this.town.transfers.move(refs, goalOf, options, (update, read) => {
        read();
        if (life === this.#lives && isEnd(update)) this.#ended(requested, update);
      });
      this.#requested.add(requested);
    } catch (error) {
      if (!(error instanceof KelpieError)) throw error;
      this.#count(`at once ${error.reason}`);
      if (error.reason === 'RESERVATION_NOT_FOUND') this.#held = undefined;
    }
  }

  #ended(requested: Requested, { stage, error, target }: MoveUpdate): void {
    expect(requested.end, 'a transfer ends once').to.equal(undefined);
    expect(this.now(), 'within its deadline').to.be.at.most(requested.endsMs);
    const reason = stage === TransferStage.ARRIVED ? 'ARRIVED' : (error?.reason ?? 'none');
    requested.end = reason;
    this.#count(requested.reserved ? `reserved ${reason}` : reason);
    const row = this.town.playerRows.onlineOf(requested.playerId);
    if (reason !== 'ARRIVED' && reason !== 'ALREADY_THERE') return;
    const { to } = requested;
    const place = error?.metadata['name'] ?? target;
    if (to.kind !== 'proxy') expect(row?.server, `${reason}: in the table`).to.equal(place);
    else if (reason === 'ALREADY_THERE') expect([row?.server, row?.proxy]).to.include(place);
    else {
      expect(row?.proxy, `${reason}: in the table`).to.equal(to.proxy);
      if (to.server !== '') expect(row?.server).to.equal(to.server);
    }
  }

  #count(reason: string): void {
    this.ends.set(reason, (this.ends.get(reason) ?? 0) + 1);
  }

  async #restart(orderly: boolean): Promise<void> {
    if (orderly) {
      this.town.transfers.drain();
      // The sessions end between the two.
      await settled(2);
      this.town.transfers.close();
      expect([...this.#requested].filter(({ end }) => !end)).to.deep.equal([]);
    }
    this.town.die();
    this.#requested.clear();
    await Promise.all(this.#nodes.map((one) => one.cut()));
    await this.open();
  }

  async advance(ms: number): Promise<void> {
    for (const one of this.#nodes) one.beat();
    await settled(2);
    this.#clock.advance(ms);
  }

  /** Runs until nothing can change any more. */
  async quiet(): Promise<void> {
    for (let round = 0; round < 6; round++) {
      for (const one of this.#nodes) one.connect(this.town.port);
      await settled(20 * (this.#turns + 1));
      await this.advance(4000);
    }
    await settled(20 * (this.#turns + 1));
  }

  /** Every transfer has ended, and nothing is left of it. */
  checkQuiet(): void {
    const { transfers, reservations, tickets, commands, faults } = this.town;
    expect([...this.#requested].filter(({ end }) => !end)).to.deep.equal([]);
    expect([...faults.map(String), ...this.#wrong].join()).to.equal('');
    expect({
      transfers: transfers.pending,
      issuers: transfers.issuers,
      asked: transfers.asked,
      reservations: reservations.pending,
      tickets: tickets.pending,
      commands: commands.pending,
    }).to.deep.equal({
      ...{ transfers: 0, issuers: 0, asked: 0, reservations: 0, tickets: 0, commands: 0 },
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((one) => one.cut()));
    this.town.die();
  }
}

/** Whether a transfer may bring the player to this game. */
function leadsTo(to: To, game: string): boolean {
  return 'server' in to ? to.server === game : true;
}

function destinationOf(to: To): TransferDestination {
  switch (to.kind) {
    case 'server':
      return { place: { $case: 'server', value: to.server } };
    case 'games': {
      const servers = { labels: {}, names: ['arena', 'duel'] };
      const strategy = RoutingStrategy.LEAST_PLAYERS;
      return { place: { $case: 'servers', value: { servers, strategy } } };
    }
    case 'routed':
      return { place: { $case: 'routed', value: { reason: FallbackReason.DRAIN } } };
    case 'proxy':
      return { place: { $case: 'proxy', value: { name: to.proxy, server: to.server } } };
  }
}
