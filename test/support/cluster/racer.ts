/** A proxy that acquires very many players at once. */
import type { Frame } from '../wire/frames.js';
import { until } from '../until.js';
import type { Wire } from '../wire/wire.js';

export class Racer {
  readonly name: string;
  /** The generations of the players that it was granted and that were not taken from it. */
  readonly held = new Map<string, number>();
  #stream: Awaited<ReturnType<Wire['join']>>['stream'] | undefined;
  readonly #players: number;
  #answers = 0;

  private constructor(name: string, players: number) {
    this.name = name;
    this.#players = players;
  }

  /** It knows so many players. */
  static async join(wire: Wire, name: string, players: number): Promise<Racer> {
    const racer = new Racer(name, players);
    racer.#stream = (await wire.join(name, { role: 'NODE_ROLE_PROXY' })).stream;
    void racer.#read();
    return racer;
  }

  async #read(): Promise<void> {
    for (;;) {
      const frame = await this.#stream?.any().catch(() => undefined);
      if (!frame) return;
      this.#take(frame);
    }
  }

  #take({ player_acquired: acquired, player_evicted: evicted, ...frame }: Frame): void {
    if (frame.frame === 'heartbeat_requested') this.#stream?.send({ heartbeat: {} });
    if (acquired) {
      this.#answers += 1;
      if (acquired.generation) this.held.set(acquired.player_id, acquired.generation);
    }
    if (evicted && this.held.get(evicted.player_id) === evicted.generation) {
      this.held.delete(evicted.player_id);
    }
  }

  /** Acquires all players, and resolves when all answers are there. */
  async race(policy: string): Promise<void> {
    for (let number = 0; number < this.#players; number++) {
      const player = { xuid: String(5000 + number), name: `Player ${number}` };
      this.#stream?.send({
        request_id: number + 1,
        acquire_player: { player, policy: `DUPLICATE_POLICY_${policy}` },
      });
    }
    await until(() => this.#answers === this.#players);
  }

  /** Reports that all its players have joined. */
  joined(): void {
    const reports = Array.from(this.held, ([player_id, generation]) => ({
      ...{ player_id, generation },
      joined: { xuid: player_id, name: `Player ${Number(player_id) - 5000}` },
    }));
    for (let part = 0; part < reports.length; part += 200) {
      this.#stream?.send({ report_players: { reports: reports.slice(part, part + 200) } });
    }
  }
}
