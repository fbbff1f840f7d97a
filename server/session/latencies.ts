/** The newest latency of each player, wherever the stream of their proxy is. Like loads they are never entries. */
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { SessionRegistry } from './registry.js';

/** The latencies of a proxy that has its stream at another coordinator. */
interface Reported {
  /** The round of `next`. */
  readonly round: number;
  readonly last: ReadonlyMap<string, number>;
  /** A round may take several messages. */
  readonly next: Map<string, number>;
}

export class Latencies {
  readonly #registry: Pick<SessionRegistry, 'latencyOf'>;
  readonly #elsewhere = new Map<string, Reported>();

  constructor(registry: Pick<SessionRegistry, 'latencyOf'>) {
    this.#registry = registry;
  }

  /** Another coordinator reported these latencies of players of a proxy in a round. */
  report(proxy: string, round: number, playerIds: readonly string[], ms: readonly number[]): void {
    let reported = this.#elsewhere.get(proxy);
    if (reported?.round !== round) {
      reported = { round, last: reported?.next ?? new Map(), next: new Map() };
      this.#elsewhere.set(proxy, reported);
    }
    for (const [index, id] of playerIds.entries()) reported.next.set(id, ms[index] ?? 0);
  }

  /** No other coordinator reports the proxy any more. */
  forget(proxy: string): void {
    this.#elsewhere.delete(proxy);
  }

  /** The player with the latency that their proxy reported last. */
  withLatency(player: Player): Player {
    const { id, proxy } = player;
    const reported = this.#elsewhere.get(proxy);
    const latencyMs =
      this.#registry.latencyOf(proxy, id) ?? reported?.next.get(id) ?? reported?.last.get(id);
    return latencyMs === undefined ? player : { ...player, latencyMs };
  }
}
