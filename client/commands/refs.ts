/** References to players. */
import { object, text, whole } from '../core/arguments.js';

/** One presence of a player. When they log in again, their presence has another generation. */
export interface PlayerRef {
  readonly id: string;
  readonly generation: number;
}

/** The reference as the contract has it. */
interface WireRef {
  readonly playerId: string;
  readonly generation: number;
}

/** Throws VALUE_INVALID or OUT_OF_RANGE. */
export function wireRef(player: PlayerRef): WireRef {
  const { id, generation } = object('a player', player) as PlayerRef;
  return {
    playerId: text('a player.id', id),
    generation: whole('a player.generation', generation),
  };
}

/** The reference as programs have it. */
export function refOf({ playerId: id, generation }: WireRef): PlayerRef {
  return { id, generation };
}
