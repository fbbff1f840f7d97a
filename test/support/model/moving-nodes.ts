/** Models of proxies and servers that take part in transfers, well or badly. */
import { randomBytes } from 'node:crypto';
import type { CommandReply, CommandRequest } from '../../../gen/ts/kelpie/v1/command.js';
import { NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { DuplicatePolicy, type Player } from '../../../gen/ts/kelpie/v1/player.js';
import type { TransferTicket } from '../../../gen/ts/kelpie/v1/presence.js';
import { Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { msOf } from '../../../server/core/duration.js';
import type { SessionPort } from '../../../server/session/port.js';
import { hello, LATEST, TestStream } from './coordinator.js';
import { idOf, ProxyModel } from './proxy-model.js';

/** How a server answers: it does what it should, refuses, or says nothing. */
export const SERVER_MOODS = ['good', 'refuses', 'silent'] as const;
/**
 * How a proxy moves players: at once; after its reply; without a reply; not at all, with a reply, a refusal or
 * nothing; to another place.
 */
export const PROXY_MOODS = [
  ...['swift', 'repliesFirst', 'mute', 'denies', 'refuses', 'silent', 'elsewhere'],
] as const;

export type ServerMood = (typeof SERVER_MOODS)[number];
export type ProxyMood =
  'swift' | 'repliesFirst' | 'mute' | 'denies' | 'refuses' | 'silent' | 'elsewhere';

const DONE = { $case: 'output', value: { form: { $case: 'done', value: {} } } } as const;
const REFUSAL = { $case: 'failure', value: { message: 'no' } } as const;

/** Where the clients of players are, and the ways between proxies. */
export interface Ways {
  now(): number;
  /** Whether the player's client is on the server. */
  isOn(playerId: string, server: string): boolean;
  /** The client connects to the public port of a proxy. */
  travel(player: Player, port: number): void;
  /** The proxy begins to move the player of a transfer. */
  moving(transferId: string, toServer: string): void;
  redeemed(transferId: string, playerId: string): void;
}

export class ServerModel {
  readonly name: string;
  readonly #commands: readonly string[];
  readonly #maxPlayers: number | undefined;
  readonly #ways: Ways;
  mood: ServerMood = 'good';
  /** The transfers that it prepared as target or source. */
  readonly prepared = new Set<string>();
  #confirms: { commandId: number; playerId: string }[] = [];
  #instanceId = randomBytes(16);
  #stream: TestStream | undefined;

  constructor(name: string, ways: Ways, commands: readonly string[], maxPlayers?: number) {
    this.name = name;
    this.#ways = ways;
    this.#commands = commands;
    this.#maxPlayers = maxPlayers;
  }

  handles(command: string): boolean {
    return this.#commands.includes(command);
  }

  connect(port: SessionPort): void {
    if (this.#stream) return;
    const stream = (this.#stream = new TestStream(port));
    const facts = { instanceId: this.#instanceId, start: LATEST, maxPlayers: this.#maxPlayers };
    const value = hello(this.name, { ...facts, commands: [...this.#commands] });
    stream.send({ $case: 'hello', value });
    void this.#read(stream);
  }

  async #read(stream: TestStream): Promise<void> {
    try {
      for (let frames = await stream.pull(); frames; frames = await stream.pull()) {
        if (this.#stream !== stream) return;
        for (const { frame } of frames) {
          if (frame?.$case === 'commandRequest') this.#take(frame.value);
          if (frame?.$case === 'heartbeatRequested') this.beat();
        }
      }
    } catch {
      // The session ended: the server connects again.
    }
    if (this.#stream === stream) this.#stream = undefined;
  }

  #take({ commandId, command }: CommandRequest): void {
    const form = command?.form;
    if (this.mood === 'silent' || !form) return;
    if (this.mood === 'refuses') return this.#reply(commandId, REFUSAL);
    if (form.$case === 'confirmArrival') {
      this.#confirms.push({ commandId, playerId: form.value.player?.playerId ?? '' });
      return this.look();
    }
    if (form.$case === 'prepareArrival' || form.$case === 'prepareDeparture') {
      this.prepared.add(form.value.transferId);
    }
    this.#reply(commandId, DONE);
  }

  /** Confirms the players who are there. */
  look(): void {
    const isThere = ({ playerId }: { playerId: string }) => this.#ways.isOn(playerId, this.name);
    for (const { commandId } of this.#confirms.filter(isThere)) this.#reply(commandId, DONE);
    this.#confirms = this.#confirms.filter((one) => !isThere(one));
  }

  #reply(commandId: number, outcome: CommandReply['outcome']): void {
    this.#stream?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }

  beat(): void {
    this.#stream?.send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  /** The connection breaks, and frames on the way are lost. */
  async cut(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    await stream?.cut();
  }

  /** The process dies, and another one has its name. */
  async crash(): Promise<void> {
    this.#confirms = [];
    await this.cut();
    this.#instanceId = randomBytes(16);
  }
}

/** A move that the proxy has accepted and not done. */
interface Accepted {
  readonly commandId: number;
  readonly untilMs: number;
  readonly run: () => void;
}

export class MovingProxy {
  readonly model: ProxyModel;
  readonly port: number;
  readonly #ways: Ways;
  mood: ProxyMood = 'swift';
  #accepted: Accepted[] = [];

  constructor(name: string, port: number, ways: Ways) {
    this.port = port;
    this.#ways = ways;
    const address = { host: '192.0.2.1', port };
    this.model = new ProxyModel(name, true, () => ways.now(), {
      hello: {
        role: NodeRole.PROXY,
        publicAddress: address,
        commands: ['verify_player', 'transfer_player'],
      },
      onCommand: (request) => this.#take(request),
      onCancelled: (id) => (this.#accepted = this.#accepted.filter((one) => one.commandId !== id)),
      onLogin: (id, ticket) => this.#in(id, ticket),
    });
  }

  #in(id: string, ticket: TransferTicket | undefined): void {
    if (ticket) this.#ways.redeemed(ticket.transferId, id);
    this.model.move(id, ticket && ticket.server !== '' ? ticket.server : 'lobby');
  }

  #take({ commandId, command, timeLeft }: CommandRequest): void {
    const form = command?.form;
    if (form?.$case !== 'transferPlayer' || this.mood === 'silent') return;
    if (this.mood === 'refuses') return this.model.reply(commandId, REFUSAL);
    const { player, server, address, transferId } = form.value;
    const id = player?.playerId ?? '';
    const { generation } = player ?? { generation: 0 };
    const to = this.mood === 'elsewhere' ? 'lobby' : server;
    const run = (): void => {
      const guest = this.model.guests.get(id);
      if (guest?.generation !== generation) return;
      this.#ways.moving(transferId, server);
      if (!address || this.mood === 'elsewhere') return this.model.move(id, to);
      this.model.quit(id);
      this.#ways.travel(guest.player, address.port);
    };
    if (this.mood === 'swift' || this.mood === 'elsewhere') run();
    else if (this.mood !== 'denies') {
      const untilMs = this.#ways.now() + (timeLeft ? msOf(timeLeft) : 0);
      this.#accepted.push({ commandId, untilMs, run });
    }
    if (this.mood !== 'mute') this.model.reply(commandId, DONE);
  }

  /** Does the moves that it has accepted and that still have time. */
  act(): void {
    for (const { untilMs, run } of this.#accepted.splice(0)) {
      if (this.#ways.now() < untilMs) run();
    }
  }

  login(player: Player): void {
    this.model.login(player, DuplicatePolicy.KICK_OLD);
  }

  has(player: Player): boolean {
    return this.model.guests.has(idOf(player));
  }

  async crash(): Promise<void> {
    this.#accepted = [];
    await this.model.crash();
  }
}
