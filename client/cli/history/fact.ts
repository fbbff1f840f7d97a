/** One thing that happened to a node or a player, from its event and the facts before it. */
import { type Event, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { type Player, PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import { type Facts, factsOfNode, factsOfPlayer, OWN_STATE } from './facts.js';
import { nameOf } from '../output/output.js';

/** Something that happened. */
export interface Fact {
  readonly time: Date | undefined;
  readonly sequence: number;
  readonly what: 'joined' | 'moved' | 'changed' | 'left' | 'unknown';
  /** Of `left`. */
  readonly reason?: string;
  /** Of `changed`; undefined where what was before is not in the history. */
  readonly changes?: Changes;
  /** Of a player who `joined` or `left`; the server is empty if they are on none. */
  readonly proxy?: string;
  readonly server?: string;
  /** Of `moved`: servers, empty for none. */
  readonly from?: string;
  readonly to?: string;
}

/** By the fact that changed; an empty text stands for a fact that is not set. */
type Changes = Readonly<Record<string, { readonly from: string; readonly to: string }>>;

/** `before`: the facts before the event, if the history has them. */
export function factOf(event: Event, before: Facts | undefined): Fact {
  const { sequence, time, body } = event;
  const at = { time, sequence };
  switch (body?.$case) {
    case 'nodeJoined':
      return { ...at, what: 'joined' };
    case 'nodeLeft':
      return { ...at, what: 'left', reason: nameOf(NodeLeaveReason, body.value.reason) };
    case 'playerJoined':
      return { ...at, what: 'joined', ...placeOf(body.value.player) };
    case 'playerMoved': {
      const { player, fromServer } = body.value;
      return { ...at, what: 'moved', from: fromServer, to: player?.server ?? '' };
    }
    case 'playerLeft': {
      const reason = nameOf(PlayerLeaveReason, body.value.reason);
      return { ...at, what: 'left', reason, ...placeOf(body.value.player) };
    }
    case 'nodeUpdated':
    case 'playerUpdated': {
      const now = factsAfter(event);
      return { ...at, what: 'changed', ...(before && now && { changes: changesOf(before, now) }) };
    }
    default:
      return { ...at, what: 'unknown' };
  }
}

/** The facts after an event; none after the node or player left. */
export function factsAfter({ body }: Event): Facts | undefined {
  switch (body?.$case) {
    case 'nodeJoined':
    case 'nodeUpdated':
      return body.value.node && factsOfNode(body.value.node);
    case 'playerJoined':
    case 'playerMoved':
    case 'playerUpdated':
      return body.value.player && factsOfPlayer(body.value.player);
    default:
      return undefined;
  }
}

/** For people. */
export function inWords({ what, reason, changes, proxy, server, from, to }: Fact): string {
  switch (what) {
    case 'joined':
      return proxy === undefined ? 'joined' : `joined ${proxy}, server ${shown(server)}`;
    case 'moved':
      return `moved: ${shown(from)} → ${shown(to)}`;
    case 'left':
      return `${proxy === undefined ? 'left' : `left ${proxy}`}: ${shown(reason)}`;
    case 'changed':
      return changes
        ? `changed: ${changesInWords(changes)}`
        : 'changed; what it was before is not in the history';
    case 'unknown':
      return 'an event of a newer kind';
  }
}

function changesInWords(changes: Changes): string {
  const all = Object.entries(changes).map(([field, { from, to }]) => {
    return `${field} ${shown(from)} → ${shown(to)}`;
  });
  return all.length === 0 ? 'nothing that this kelpie knows' : all.join(', ');
}

function shown(text = ''): string {
  return text === '' ? '-' : text;
}

function changesOf(from: Facts, to: Facts): Changes {
  const fields = [...new Set([...from.keys(), ...to.keys()])];
  const isChanged = (field: string): boolean => from.get(field) !== to.get(field);
  // Where the state that is shown changes, the change of the own one says nothing more.
  const changed = fields.filter(
    (field) => isChanged(field) && !(field === OWN_STATE && isChanged('state')),
  );
  return Object.fromEntries(
    changed.map((field) => [field, { from: from.get(field) ?? '', to: to.get(field) ?? '' }]),
  );
}

function placeOf(player: Player | undefined) {
  return { proxy: player?.proxy ?? '', server: player?.server ?? '' };
}
