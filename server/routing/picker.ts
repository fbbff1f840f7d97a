/** Picks servers by the rules of the network. Counts its picks by each rule, for ROUND_ROBIN. */
import { randomInt } from 'node:crypto';
import type { NodeRows } from '../nodes/rows.js';
import { pick, type PickRequest, type Picked, type Plan, planOf } from './pick.js';
import type { RoutingRows } from './rows.js';
import type { Servers } from './servers.js';

const UINT32 = 2 ** 32;

/** A number of 32 bits, for a pick. */
export function drawRandom(): number {
  return randomInt(UINT32);
}

export class Picker {
  readonly servers: Servers;
  readonly #rows: RoutingRows;
  readonly #turns = new Map<string, number>();
  /** Made again after a change of a node or of the rules. Counts of players are read at each pick. */
  #plan: Plan | undefined;

  constructor(rows: RoutingRows, nodes: NodeRows, servers: Servers) {
    this.#rows = rows;
    this.servers = servers;
    nodes.nodes.watch(() => (this.#plan = undefined));
    rows.watch(() => {
      this.#plan = undefined;
      const kept = new Set(rows.value.rules.map(({ name }) => name));
      for (const name of this.#turns.keys()) if (!kept.has(name)) this.#turns.delete(name);
    });
  }

  /** The plan of the stored rules. */
  get plan(): Plan {
    return (this.#plan ??= planOf(this.#rows.value, this.servers.all));
  }

  /** The number of picks by this rule so far. */
  readonly turns = (rule: string): number => this.#turns.get(rule) ?? 0;

  pick(request: Omit<PickRequest, 'random' | 'turns'>): Picked {
    const picked = pick(this.plan, { ...request, random: drawRandom(), turns: this.turns });
    const { server, rule } = picked;
    if (server !== undefined) this.#turns.set(rule, this.turns(rule) + 1);
    return picked;
  }
}
