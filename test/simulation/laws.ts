/**
 * The laws of a simulation that need more than the histories of clients: the store shows each entry at the moment at which
 * it is stored, and at rest the tables of all coordinators are equal to it, and nothing is left.
 */
import { Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { hex } from '../../server/core/cursor.js';
import type { Entry } from '../../server/journal/journal.js';
import type { Services } from '../../server/wiring.js';
import { seen } from '../history/recorder.js';
import type { Act } from '../history/steps.js';
import type { ProxyModel } from '../support/model/proxy-model.js';
import type { Engine } from './engine/engine.js';
import type { SimulatedNode } from './node.js';
import type { Place } from './place.js';

/** The network that the laws judge. */
interface Judged {
  readonly engine: Engine;
  readonly places: readonly Place[];
  readonly nodes: readonly SimulatedNode[];
  readonly proxies: readonly ProxyModel[];
  record(client: string, act: Act): void;
  /** Whether messages of the node arrive. */
  isWhole(node: object): boolean;
}

export class Laws {
  readonly broken: string[] = [];
  readonly #world: Judged;

  constructor(world: Judged) {
    this.#world = world;
    world.engine.store.listeners.add((entries, epoch) => this.#stored(entries, epoch));
  }

  #stored(entries: readonly Entry[], epoch: Uint8Array): void {
    const { head } = this.#world.engine.store;
    const events = entries
      .filter(({ event }) => event.length > 0)
      .map((entry) => ({ ...Event.decode(entry.event), sequence: entry.sequence }));
    const after = (entries[0]?.sequence ?? 1) - 1;
    const upTo = { epoch: hex(epoch), sequence: head.sequence, tag: head.tag };
    this.#world.record('engine', {
      ...{ kind: 'batch', stream: 0, after, upTo, events: events.map(seen) },
    });
    for (const { body } of events) {
      if (body?.$case !== 'nodeLeft') continue;
      const { name = '', instanceId = new Uint8Array() } = body.value.node ?? {};
      this.#left(name, instanceId, body.value.reason);
    }
  }

  /** A node that has a stream, and answers on it, is neither lost nor replaced. */
  #left(name: string, instance: Uint8Array, reason: NodeLeaveReason): void {
    const node = this.#world.nodes.find((one) => one.name === name);
    if (!node || hex(node.instance) !== hex(instance)) return;
    const { LOST, REPLACED } = NodeLeaveReason;
    if ((reason === LOST || reason === REPLACED) && node.isReady && this.#world.isWhole(node))
      this.broken.push(`${name} was there, and left as ${reason === LOST ? 'LOST' : 'REPLACED'}`);
  }

  /** Whether everybody has come back, and has what there is. */
  isAtRest(): boolean {
    return this.atRest().length === 0;
  }

  /** The differences from a network at rest. */
  atRest(): string[] {
    const { places, engine, nodes, proxies } = this.#world;
    const { head, rows } = engine.store;
    const faults: string[] = [];
    const wrong = (fault: string): void => void faults.push(fault);
    for (const node of nodes) {
      if (!node.isReady) wrong(`${node.name} has no session`);
      if (node.pending > 0) wrong(`${node.name} has ${node.pending} publishes without an answer`);
    }
    const names = [...nodes, ...proxies].map(({ name }) => name).sort();
    const keys = [...rows.keys()];
    const nodeKeys = keys.filter((key) => key.startsWith('nodes/')).map((key) => key.slice(6));
    if (nodeKeys.sort().join() !== names.join()) wrong(`the nodes are ${nodeKeys.join()}`);
    const held = proxies.flatMap(({ name, guests }) =>
      [...guests].map(([id, { generation }]) => `${id} ${generation} ${name}`),
    );
    for (const { name, services } of places) {
      if (!services) {
        wrong(`${name} is not open`);
        continue;
      }
      if (services.network.head.sequence !== head.sequence) wrong(`${name} has not caught up`);
      for (const fault of tables(services, rows, held)) wrong(`${name}: ${fault}`);
      for (const [what, count] of Object.entries(pending(services)))
        if (count !== 0) wrong(`${name} has ${count} ${what} at rest`);
    }
    const sessions = places.reduce((sum, { services }) => sum + (services?.registry.size ?? 0), 0);
    if (sessions !== names.length) wrong(`${sessions} sessions are open for ${names.length} nodes`);
    return faults;
  }
}

/** How the tables of a coordinator differ from the store. */
function tables(
  { nodeRows, playerRows }: Services,
  rows: Engine['store']['rows'],
  held: readonly string[],
): string[] {
  const faults: string[] = [];
  const compare = (
    what: string,
    prefix: string,
    own: Iterable<readonly [string, number]>,
  ): void => {
    const stored = [...rows.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, sequence }) => `${key.slice(prefix.length)} ${sequence}`);
    const has = [...own].map(([name, sequence]) => `${name} ${sequence}`);
    if (has.sort().join() !== stored.sort().join())
      faults.push(`the table of ${what} is ${has.join()}, and the store has ${stored.join()}`);
  };
  const sequences = (table: Iterable<[string, { readonly sequence: number }]>) =>
    [...table].map(([name, { sequence }]) => [name, sequence] as const);
  compare('nodes', 'nodes/', sequences(nodeRows.nodes.entries()));
  compare('owners', 'sessions/', sequences(nodeRows.owners.entries()));
  const players = [...playerRows.entries()].map(
    ([id, { generation, proxy }]) => `${id} ${generation} ${proxy}`,
  );
  if (players.sort().join() !== [...held].sort().join())
    faults.push(`the players are ${players.join()}, and the proxies have ${held.join()}`);
  return faults;
}

/** Work that must have ended at rest. */
function pending({ claims, commands, transfers, ownership, tickets, network }: Services) {
  return {
    losses: claims.losses,
    commands: commands.pending,
    transfers: transfers.pending,
    logins: ownership.pending,
    tickets: tickets.pending,
    'waiting writes': network.backlog.entries,
  };
}
