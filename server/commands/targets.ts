/** Who is asked to do a command. */
import type { CommandTarget, NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { type Node, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import { commandInvalid } from './forms.js';
import type { Network } from '../network/network.js';
import { selected } from '../nodes/queries.js';
import { playerNotFound } from '../players/player.js';
import { cutText } from '../core/text.js';

const TARGETS = 1000;

export class Targets {
  readonly #network: Network;
  /** Whose turn it is where any of several will do. */
  #turn = 0;

  constructor(network: Network) {
    this.#network = network;
  }

  /**
   * The names of the nodes, at least one. Throws NO_TARGET, PLAYER_NOT_FOUND, COMMAND_NOT_HANDLED,
   * COMMAND_LIMIT, COMMAND_INVALID, OUT_OF_RANGE or LABELS_INVALID.
   */
  of(target: CommandTarget | undefined, command: string): string[] {
    const place = target?.place;
    switch (place?.$case) {
      case 'node':
        return [this.#node(place.value.toLowerCase(), command)];
      case 'every':
        return limited(this.#able(place.value, command).map(({ name }) => name));
      case 'any':
        return [this.#any(place.value, command)];
      case 'playerProxy':
        return [this.#node(this.#player(place.value).proxy, command)];
      case 'playerServer':
        return [this.#node(this.#player(place.value).server, command)];
      case undefined:
        throw commandInvalid('target', 'say who is asked: a node, every, any, or a player’s place');
    }
  }

  #node(name: string, command: string): string {
    const node = this.#network.nodeRows.nodes.get(name)?.value;
    if (!node) throw noTarget(`no node "${cutText(name, 255)}" is there`);
    if (node.commands.includes(command)) return name;
    const message = `"${name}" does not do ${command}`;
    throw new KelpieError('COMMAND_NOT_HANDLED', message, { name, command });
  }

  #able(selector: NodeSelector, command: string): Node[] {
    const able = selected(this.#network, selector).filter((node) =>
      node.commands.includes(command),
    );
    if (able.length > 0) return able;
    throw noTarget(`no node that matches does ${command}`);
  }

  #any(selector: NodeSelector, command: string): string {
    const able = this.#able(selector, command);
    const ready = able.filter(({ state }) => state === NodeState.READY);
    const there = able.filter(({ state }) => state !== NodeState.UNREACHABLE);
    const choice = ready.length > 0 ? ready : there;
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    const chosen = choice[this.#turn % choice.length];
    if (chosen) return chosen.name;
    throw noTarget(`every node that does ${command} is unreachable`);
  }

  #player(id: string) {
    const row = this.#network.playerRows.onlineOf(id)?.value;
    if (row) return row.player;
    throw playerNotFound(id);
  }
}

function limited(names: string[]): string[] {
  if (names.length <= TARGETS) return names;
  const message = `${names.length} nodes match; a command is for at most ${TARGETS}`;
  throw new KelpieError('COMMAND_LIMIT', message, { limit: String(TARGETS) });
}

function noTarget(message: string): KelpieError {
  return new KelpieError('NO_TARGET', message);
}
