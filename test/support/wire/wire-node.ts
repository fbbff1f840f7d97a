/** A proxy or a server that handles commands; a proxy also holds players. It knows only the protos. */
import type { Command, CommandOutput, Frame, Hello, NodeFrame, WirePlayer } from './frames.js';
import type { Stream } from './stream.js';
import type { Wire } from './wire.js';

/** Well below the silence that ends a session. */
const HEARTBEAT_MS = 2000;

/** Answers a command. A text is the message of a failure, and undefined sends no answer. */
export type Doing = (command: Command) => CommandOutput | string | undefined;

export class WireNode {
  /** The commands that it received. */
  readonly asked: Command[] = [];
  /** The ids of withdrawn commands. */
  readonly cancelled: number[] = [];
  readonly #stream: Stream;
  readonly #doing: Doing;
  readonly #answers = new Map<number, (frame: Frame) => void>();
  /** The generations of its players, by id. */
  readonly #generations = new Map<string, number>();
  #requests = 0;

  private constructor(stream: Stream, doing: Doing) {
    this.#stream = stream;
    this.#doing = doing;
    const beat = setInterval(() => stream.send({ heartbeat: {} }), HEARTBEAT_MS);
    void this.#run().finally(() => clearInterval(beat));
  }

  /** A node that handles `hello.commands`. It leaves with its wire. */
  static async join(
    wire: Wire,
    name: string,
    hello: Hello,
    doing: Doing = () => undefined,
  ): Promise<WireNode> {
    return new WireNode((await wire.join(name, hello)).stream, doing);
  }

  /** A proxy that kicks players and shows them things. */
  static proxy(wire: Wire, name: string, doing: Doing = done): Promise<WireNode> {
    const commands = ['kick_players', 'show_message'];
    return WireNode.join(wire, name, { role: 'NODE_ROLE_PROXY', commands }, doing);
  }

  /** Reports a player's join, as after a login, on a server. */
  async bring(player: WirePlayer, server?: string): Promise<void> {
    const { player_acquired: acquired } = await this.#ask({ acquire_player: { player } });
    const generation = acquired?.generation ?? 0;
    this.#generations.set(player.xuid ?? player.uuid ?? '', generation);
    await this.report(player, { joined: player });
    if (server !== undefined) await this.report(player, { moved_to: server });
  }

  /** Sends a report about one of its players. */
  async report({ xuid, uuid }: WirePlayer, what: ReportOf): Promise<void> {
    const id = xuid ?? uuid ?? '';
    const report = { player_id: id, generation: this.#generations.get(id) ?? 0, ...what };
    const frame = await this.#ask({ report_players: { reports: [report] } });
    const error = frame.players_reported?.results[0]?.error;
    if (error) throw new Error(error.message);
  }

  /** Reports the latency of a player. */
  async ping(playerId: string, latencyMs: number): Promise<void> {
    const latencies = [{ player_id: playerId, latency_ms: latencyMs }];
    await this.#ask({ heartbeat: { latencies } });
  }

  #ask(frame: NodeFrame): Promise<Frame> {
    const id = ++this.#requests;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#stream.send({ request_id: id, ...frame });
    });
  }

  /** Reads until the stream ends. */
  async #run(): Promise<void> {
    for (;;) {
      const frame = await this.#stream.any().catch(() => undefined);
      if (!frame) return;
      this.#take(frame);
    }
  }

  #take(frame: Frame): void {
    this.#answers.get(frame.request_id)?.(frame);
    if (frame.frame === 'heartbeat_requested') this.#stream.send({ heartbeat: {} });
    if (frame.command_cancelled) this.cancelled.push(frame.command_cancelled.command_id);
    if (!frame.command_request) return;
    const { command_id: id, command } = frame.command_request;
    this.asked.push(command);
    const said = this.#doing(command);
    if (said === undefined) return;
    const outcome = typeof said === 'string' ? { failure: { message: said } } : { output: said };
    this.#stream.send({ command_reply: { command_id: id, ...outcome } });
  }
}

type ReportOf = Omit<
  NonNullable<NodeFrame['report_players']>['reports'][number],
  'player_id' | 'generation'
>;

/** Answers a command on players: done for every player. */
export function done(command: Command): CommandOutput {
  const players = (command.kick_players ?? command.show_message)?.players ?? [];
  return { players: { outcomes: players.map(({ player_id }) => ({ player_id })) } };
}
