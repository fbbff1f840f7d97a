/** One thing that happened to a node, out of its event and the one before. */
import { type Event, NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { type Address, type Node, NodeRole, NodeState } from '../../gen/ts/kelpie/v1/node.js';
import { nameOf } from './output.js';

/** Something that happened to the node. */
export interface Fact {
  readonly time: Date | undefined;
  readonly sequence: number;
  readonly what: 'joined' | 'changed' | 'left' | 'unknown';
  /** Of `left`. */
  readonly reason?: string;
  /** Of `changed`; undefined where what was before is not in the history. */
  readonly changes?: Changes;
}

/** By what changed; empty for what was or is not said. */
type Changes = Readonly<Record<string, { readonly from: string; readonly to: string }>>;

/** `before`: the node as it was, if that is known. */
export function factOf(event: Event, before: Node | undefined): Fact {
  const { sequence, time, body } = event;
  const at = { time, sequence };
  switch (body?.$case) {
    case 'nodeJoined':
      return { ...at, what: 'joined' };
    case 'nodeLeft':
      return { ...at, what: 'left', reason: nameOf(NodeLeaveReason, body.value.reason) };
    case 'nodeUpdated': {
      const { node } = body.value;
      return {
        ...at,
        what: 'changed',
        ...(before && node && { changes: changesOf(before, node) }),
      };
    }
    default:
      return { ...at, what: 'unknown' };
  }
}

/** The node after an event; none after it left. */
export function nodeAfter({ body }: Event): Node | undefined {
  return body?.$case === 'nodeJoined' || body?.$case === 'nodeUpdated'
    ? body.value.node
    : undefined;
}

/** For people. */
export function told({ what, reason, changes }: Fact): string {
  switch (what) {
    case 'joined':
      return 'joined';
    case 'left':
      return `left: ${reason ?? ''}`;
    case 'changed':
      return changes
        ? `changed: ${toldChanges(changes)}`
        : 'changed; what it was before is not in the history';
    case 'unknown':
      return 'an event of a newer kind';
  }
}

function toldChanges(changes: Changes): string {
  const all = Object.entries(changes).map(([field, { from, to }]) => {
    return `${plain(field)} ${plain(from) || '-'} → ${plain(to) || '-'}`;
  });
  return all.join(', ');
}

/** What a terminal would obey is written out. */
function plain(text: string): string {
  return /\p{Cc}/u.test(text) ? JSON.stringify(text) : text;
}

function changesOf(before: Node, now: Node): Changes {
  const [from, to] = [factsOf(before), factsOf(now)];
  const fields = [...new Set([...from.keys(), ...to.keys()])];
  const changed = fields.filter((field) => from.get(field) !== to.get(field));
  return Object.fromEntries(
    changed.map((field) => [field, { from: from.get(field) ?? '', to: to.get(field) ?? '' }]),
  );
}

/** What others see of a node, as text. Its name, its process and when it joined do not change. */
function factsOf(node: Node): Map<string, string> {
  return new Map([
    ['state', nameOf(NodeState, node.state)],
    ['role', nameOf(NodeRole, node.role)],
    ['address', addressOf(node.address)],
    ['public address', addressOf(node.publicAddress)],
    ['places', String(node.maxPlayers)],
    ['motd', node.motd],
    ['software', node.software],
    ['version', node.version],
    ['display name', node.displayName],
    ...Object.entries(node.labels).map(([name, value]): [string, string] => [
      `label ${name}`,
      value,
    ]),
  ]);
}

function addressOf(address: Address | undefined): string {
  return address ? `${address.host}:${address.port}` : '';
}
