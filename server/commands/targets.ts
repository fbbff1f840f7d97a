/** Resolves the target of a command to nodes. */
import type { CommandTarget, NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { type Node, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError, outOfRange } from '../core/errors.js';
import { commandInvalid } from './forms.js';
import { type NodeQueries, notFound } from '../nodes/queries.js';
import type { NodeRows } from '../nodes/rows.js';
import type { PlayerRows } from '../players/rows.js';
import { playerNotFound } from '../players/player.js';
import { cutText } from '../core/text.js';

/** The nodes of one command. */
export const TARGETS = 1000;
/** One byte more than the longest name of a node: a longer name, when cut, still matches no node. */
const NAME_BYTES = 64;

/** The nodes that get a command, and the named nodes that cannot get it. */
export interface Targeted {
  readonly names: readonly string[];
  readonly refused: ReadonlyMap<string, KelpieError>;
}

/** Why the issuer may not ask a node; undefined: they may. */
export type Refusal = (node: string) => KelpieError | undefined;

const NONE: Targeted['refused'] = new Map();

export class Targets {
  readonly #rows: NodeRows;
  readonly #queries: NodeQueries;
  readonly #players: PlayerRows;
  /** Grows with each choice of one node among several, so that the choices rotate. */
  #turn = 0;

  constructor(rows: NodeRows, queries: NodeQueries, players: PlayerRows) {
    this.#rows = rows;
    this.#queries = queries;
    this.#players = players;
  }

  /**
   * The nodes that get the command, or that the issuer may not ask: at least one. Throws NO_TARGET,
   * PLAYER_NOT_FOUND, COMMAND_NOT_HANDLED, COMMAND_LIMIT, COMMAND_INVALID, OUT_OF_RANGE, LABELS_INVALID, or the
   * refusal of the only node.
   */
  of(target: CommandTarget | undefined, command: string, refusal: Refusal): Targeted {
    const place = target?.place;
    switch (place?.$case) {
      case 'node':
        return alone(this.#node(place.value.toLowerCase(), command, refusal));
      case 'nodes':
        return this.#nodes(place.value.names, command);
      case 'every':
        return divided(limited(this.#able(place.value, command)), refusal);
      case 'any':
        return alone(this.#any(place.value, command, refusal));
      case 'playerProxy':
        return alone(this.#node(this.#player(place.value).proxy, command, refusal));
      case 'playerServer':
        return alone(this.#node(this.#player(place.value).server, command, refusal));
      case undefined:
        throw commandInvalid(
          'target',
          'the target is empty: set node, nodes, every, any, player_proxy or player_server',
        );
    }
  }

  #node(name: string, command: string, refusal: Refusal): string {
    const refused = refusal(name);
    if (refused) throw refused;
    const node = this.#rows.nodes.get(name)?.value;
    if (!node) throw noTarget(`the network has no node "${cutText(name, 255)}"`);
    if (node.commands.includes(command)) return name;
    throw notHandled(name, command);
  }

  #nodes(given: readonly string[], command: string): Targeted {
    if (given.length === 0) throw commandInvalid('target', 'the target names no node');
    if (given.length > TARGETS) {
      throw outOfRange('target.nodes', TARGETS, `a target names at most ${TARGETS} nodes`);
    }
    const names = new Set<string>();
    const refused = new Map<string, KelpieError>();
    for (const name of given.map((one) => cutText(one.toLowerCase(), NAME_BYTES))) {
      const node = this.#rows.nodes.get(name)?.value;
      if (!node) refused.set(name, notFound(name));
      else if (node.commands.includes(command)) names.add(name);
      else refused.set(name, notHandled(name, command));
    }
    if (names.size > 0) return { names: [...names], refused };
    throw noTarget(`the network has none of the named nodes that handles ${command}`);
  }

  #able(selector: NodeSelector, command: string): Node[] {
    const able = this.#queries.selected(selector).filter((node) => node.commands.includes(command));
    if (able.length > 0) return able;
    throw noTarget(`no node that matches the target handles ${command}`);
  }

  #any(selector: NodeSelector, command: string, refusal: Refusal): string {
    const able = this.#able(selector, command).filter(({ name }) => !refusal(name));
    if (able.length === 0) throw noTarget(`you may ask no node that handles ${command}`);
    const ready = able.filter(({ state }) => state === NodeState.READY);
    const there = able.filter(({ state }) => state !== NodeState.UNREACHABLE);
    const choice = ready.length > 0 ? ready : there;
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    const chosen = choice[this.#turn % choice.length];
    if (chosen) return chosen.name;
    throw noTarget(`every node that handles ${command} is unreachable; try again later`);
  }

  #player(id: string) {
    const row = this.#players.onlineOf(id);
    if (row) return row.player;
    throw playerNotFound(id);
  }
}

function alone(name: string): Targeted {
  return { names: [name], refused: NONE };
}

/** The nodes that the issuer may ask, and the others, which answer with the refusal. */
function divided(nodes: readonly string[], refusal: Refusal): Targeted {
  const names: string[] = [];
  const refused = new Map<string, KelpieError>();
  for (const name of nodes) {
    const denied = refusal(name);
    if (denied) refused.set(name, denied);
    else names.push(name);
  }
  return { names, refused };
}

function limited(nodes: readonly Node[]): string[] {
  if (nodes.length <= TARGETS) return nodes.map(({ name }) => name);
  const message = `${nodes.length} nodes match the target; a command is for at most ${TARGETS}; select fewer`;
  throw new KelpieError('COMMAND_LIMIT', message, { limit: String(TARGETS) });
}

function notHandled(name: string, command: string): KelpieError {
  const message = `"${name}" does not handle ${command}`;
  return new KelpieError('COMMAND_NOT_HANDLED', message, { name, command });
}

function noTarget(message: string): KelpieError {
  return new KelpieError('NO_TARGET', message);
}
