/** A model of a proxy by the rules of the contract, small enough for thousands of runs. */
import { randomBytes } from 'node:crypto';
import { type ErrorDetail, ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { type DuplicatePolicy, type Player } from '../../../gen/ts/kelpie/v1/player.js';
import type {
  PlayerAcquired,
  PlayerReport,
  PlayerReportResult,
  PlayersSynced,
  TransferTicket,
} from '../../../gen/ts/kelpie/v1/presence.js';
import type { CommandReply, CommandRequest } from '../../../gen/ts/kelpie/v1/command.js';
import {
  type CoordinatorFrame,
  Heartbeat,
  type Hello,
} from '../../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../../server/core/duration.js';
import { digestOf } from '../../../server/players/digest.js';
import type { SessionPort } from '../../../server/session/port.js';
import { hello, LATEST, TestStream } from './coordinator.js';
import { about, joined, quit } from './proxy.js';

/** The id that a player has for the network. */
export function idOf({ xuid, uuid }: Player): string {
  return xuid === '' ? uuid : xuid;
}

/** A player whose client is connected to the proxy. */
interface Guest {
  readonly player: Player;
  /** The time of a login while no coordinator answered. */
  readonly sinceMs?: number;
  server: string;
  /** The server in the last report. */
  told: string;
  /** 0: the coordinator has not sent it yet. */
  generation: number;
}

/** The duties of a proxy beside presence. */
export interface ProxyMore {
  readonly hello?: Partial<Hello>;
  /** Takes every command but verify_player. */
  readonly onCommand?: (request: CommandRequest) => void;
  readonly onCancelled?: (commandId: number) => void;
  /** A player is in, by a grant with this ticket. */
  readonly onLogin?: (id: string, ticket: TransferTicket | undefined) => void;
}

export class ProxyModel {
  readonly name: string;
  /** The players on this proxy now. */
  readonly guests = new Map<string, Guest>();
  #logins = new Map<string, Player>();
  #instanceId = randomBytes(16);
  #stream: TestStream | undefined;
  #seen = 0;
  #ready = false;
  /** A request failed: the next list settles what nobody knows. */
  #failed = false;

  readonly #digests: boolean;
  readonly #now: () => number;
  readonly #more: ProxyMore;

  /** @param digests whether it sends digests; with them the coordinator repairs differences */
  constructor(name: string, digests: boolean, now: () => number, more: ProxyMore = {}) {
    this.#more = more;
    this.name = name;
    this.#digests = digests;
    this.#now = now;
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  connect(port: SessionPort): void {
    if (this.#stream) return;
    this.#stream = new TestStream(port);
    const facts = { role: NodeRole.PROXY, instanceId: this.#instanceId, start: LATEST };
    const value = hello(this.name, { ...facts, commands: ['verify_player'], ...this.#more.hello });
    this.#stream.send({ $case: 'hello', value });
    void this.#read(this.#stream);
  }

  async #read(stream: TestStream): Promise<void> {
    try {
      for (let frames = await stream.pull(); frames; frames = await stream.pull()) {
        if (this.#stream !== stream) return;
        for (const frame of frames) this.#take(frame);
      }
    } catch {
      // The session was refused, replaced or silent: the proxy connects again.
    }
    if (this.#stream === stream) this.#lose();
  }

  #take({ frame }: CoordinatorFrame): void {
    switch (frame?.$case) {
      case 'welcome':
        this.#ready = true;
        return this.#sync();
      case 'playerAcquired':
        return this.#acquired(frame.value);
      case 'playersReported':
        return frame.value.results.forEach((result) => this.#reported(result));
      case 'playersSynced':
        return this.#synced(frame.value);
      case 'playerEvicted': {
        const { playerId, generation } = frame.value;
        if (this.guests.get(playerId)?.generation === generation) this.guests.delete(playerId);
        return;
      }
      case 'syncRequested':
        return this.#sync();
      case 'requestFailed':
        this.#failed = true;
        return;
      case 'commandRequest':
        return this.#verify(frame.value);
      case 'commandCancelled':
        return this.#more.onCancelled?.(frame.value.commandId);
      case 'heartbeatRequested':
        return this.beat();
      default:
        return;
    }
  }

  #sync(): void {
    this.#failed = false;
    for (const guest of this.guests.values()) guest.told = guest.server;
    const players = [...this.guests.values()].map(({ player, server, generation }) => ({
      ...player,
      server,
      generation,
    }));
    const ages = [...this.guests].filter(([, { generation }]) => generation === 0);
    const loginAges = Object.fromEntries(
      ages.map(([id, { sinceMs = 0 }]) => [id, durationOf(this.#now() - sinceMs)]),
    );
    const value = { asOf: this.#seen, afterId: '', upToId: '', players, loginAges };
    this.#stream?.send({ $case: 'syncPlayers', value });
  }

  #acquired({ playerId, outcome, ticket }: PlayerAcquired): void {
    const player = this.#logins.get(playerId);
    this.#logins.delete(playerId);
    if (outcome?.$case !== 'generation') return;
    const generation = outcome.value;
    this.#see(generation);
    if (player) {
      this.guests.set(playerId, { player, server: '', told: '', generation });
      this.#report(joined(player, generation));
      this.#more.onLogin?.(playerId, ticket);
    } else {
      this.#stream?.send({ $case: 'releasePlayer', value: { playerId, generation } });
    }
  }

  #reported({ playerId, generation, error }: PlayerReportResult): void {
    this.#see(generation);
    const guest = this.guests.get(playerId);
    if (generation > 0 && !guest) this.#report(quit(playerId, generation));
    else if (generation > 0 && guest) this.#corrected(guest, generation, error);
    // Another proxy holds them.
    else if (error && guest && guest.generation > 0) this.guests.delete(playerId);
  }

  #corrected(guest: Guest, generation: number, error: ErrorDetail | undefined): void {
    const stale = error?.reason === ErrorReason.STALE_GENERATION;
    // This answers a report of an earlier login.
    if (stale && guest.generation !== generation) return;
    guest.generation = generation;
    // They moved before the new generation arrived, or a report had the generation before.
    if (stale || guest.server !== guest.told) this.move(idOf(guest.player), guest.server);
  }

  #synced({ results, kickedPlayerIds }: PlayersSynced): void {
    for (const result of results) this.#reported(result);
    for (const id of kickedPlayerIds) this.guests.delete(id);
  }

  #verify(request: CommandRequest): void {
    const { commandId, command } = request;
    if (command?.form?.$case !== 'verifyPlayer') return this.#more.onCommand?.(request);
    const id = command.form.value.player?.playerId ?? '';
    const connected = this.guests.has(id) || this.#logins.has(id);
    const verified = { $case: 'verified', value: { connected, silence: durationOf(100) } } as const;
    const outcome = { $case: 'output', value: { form: verified } } as const;
    this.#stream?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }

  reply(commandId: number, outcome: CommandReply['outcome']): void {
    this.#stream?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }

  #see(generation: number): void {
    this.#seen = Math.max(this.#seen, generation);
  }

  #report(report: PlayerReport): void {
    if (this.#ready) {
      this.#stream?.send({ $case: 'reportPlayers', value: { reports: [report] } });
    }
  }

  /** A client logs in. While no coordinator answers, the proxy admits it, and lists it later. */
  login(player: Player, policy: DuplicatePolicy): void {
    const id = idOf(player);
    if (this.guests.has(id) || this.#logins.has(id)) return;
    if (this.#ready) {
      this.#logins.set(id, player);
      this.#stream?.send({ $case: 'acquirePlayer', value: { player, policy } });
    } else this.#letIn(id, player);
  }

  #letIn(id: string, player: Player): void {
    this.guests.set(id, { player, server: '', told: '', generation: 0, sinceMs: this.#now() });
  }

  move(id: string, server: string): void {
    const guest = this.guests.get(id);
    if (!guest) return;
    guest.server = server;
    if (guest.generation > 0) {
      guest.told = server;
      this.#report(about(id, guest.generation, { $case: 'movedTo', value: server }));
    }
  }

  /** The client leaves, also during a login. */
  quit(id: string): void {
    this.#logins.delete(id);
    const guest = this.guests.get(id);
    this.guests.delete(id);
    if (guest && guest.generation > 0) this.#report(quit(id, guest.generation));
  }

  beat(): void {
    if (this.#failed && this.#ready) this.#sync();
    const known = [...this.guests].map(([id, { generation, server }]) => ({
      id,
      generation,
      server,
    }));
    const settled = known.every(({ generation }) => generation > 0);
    const presence =
      settled && this.#digests ? { players: known.length, digest: digestOf(known) } : undefined;
    this.#stream?.send({ $case: 'heartbeat', value: { ...Heartbeat.create(), presence } });
  }

  /** The connection breaks, and frames on the way are lost. */
  async cut(): Promise<void> {
    const stream = this.#stream;
    this.#lose();
    await stream?.cut();
  }

  #lose(): void {
    this.#stream = undefined;
    this.#ready = false;
    // The proxy admits clients that wait for a login.
    for (const [id, player] of this.#logins) this.#letIn(id, player);
    this.#logins = new Map();
  }

  /** The process dies, and another one has its name and no players. */
  async crash(): Promise<void> {
    this.#logins.clear();
    this.guests.clear();
    await this.cut();
    this.#instanceId = randomBytes(16);
    this.#seen = 0;
  }
}
