/** Events in a few words, for people. */
import { type Event, NodeLeaveReason, StateEndReason } from '../../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { type Player, PlayerLeaveReason } from '../../../gen/ts/kelpie/v1/player.js';
import { RoutingTable } from '../../../gen/ts/kelpie/v1/routing.js';
import { NetworkSettings } from '../../../gen/ts/kelpie/v1/settings.js';
import type { MessageContent } from '../../api/index.js';
import { auditInWords } from './audit-words.js';
import { counted, nameOf, stateCell } from './output.js';

/** `left (LOST)` of a node, which its topic names; `Steve left (QUIT)`; the content of a message. */
export function inWords(event: Event): string {
  const { body } = event;
  switch (body?.$case) {
    case 'messagePublished': {
      const { type, content } = body.value;
      return (type === '' ? '' : `[${type}] `) + contentInWords(content?.form?.value);
    }
    case 'nodeJoined':
      return 'joined';
    case 'nodeUpdated':
      return `is ${stateCell(body.value.node ?? Node.create()).text}`;
    case 'nodeLeft':
      return `left (${nameOf(NodeLeaveReason, body.value.reason)})`;
    case 'playerJoined':
      return `${who(body.value.player)} joined ${where(body.value.player)}`;
    case 'playerMoved': {
      const { player, fromServer } = body.value;
      return `${who(player)} moved from ${server(fromServer)} to ${server(player?.server)}`;
    }
    case 'playerUpdated':
      return `${who(body.value.player)} changed`;
    case 'playerLeft': {
      const { player, reason } = body.value;
      return `${who(player)} left ${where(player)} (${nameOf(PlayerLeaveReason, reason)})`;
    }
    case 'routingChanged':
      return rulesInWords(body.value.table ?? RoutingTable.create());
    case 'settingsChanged':
      return settingsInWords(body.value.settings ?? NetworkSettings.create());
    case 'stateChanged':
    case 'stateDeleted':
      return valueInWords(body);
    case 'auditRecorded':
      return auditInWords(body.value);
    default:
      return 'an event of a newer kind';
  }
}

/** `2 rules: vips, lobbies`. */
function rulesInWords({ rules }: RoutingTable): string {
  if (rules.length === 0) return 'no rules';
  return `${counted(rules.length, 'rule')}: ${rules.map(({ name }) => name).join(', ')}`;
}

/** `maintenance on, 2 players may log in: Back at 8 pm`; `maintenance off`. */
function settingsInWords(settings: NetworkSettings): string {
  const { maintenance, maintenanceMessage, allowedPlayers } = settings;
  if (!maintenance) return 'maintenance off';
  const count = allowedPlayers.length === 0 ? 'nobody' : counted(allowedPlayers.length, 'player');
  const message = maintenanceMessage === '' ? '' : `: ${maintenanceMessage}`;
  return `maintenance on, ${count} may log in${message}`;
}

/** `spawn is open`, `spawn ended (EXPIRED)`: of a shared value, by its key. */
function valueInWords(
  body: Extract<Event['body'], { $case: 'stateChanged' | 'stateDeleted' }>,
): string {
  const { key = '', content } = body.value.value ?? {};
  if (body.$case === 'stateChanged') return `${key} is ${contentInWords(content?.form?.value)}`;
  return `${key} ended (${nameOf(StateEndReason, body.value.reason)})`;
}

/** The content of a message: text, an object as JSON, or how many bytes. */
export function contentInWords(content: MessageContent | undefined): string {
  if (typeof content === 'string') return content;
  if (content instanceof Uint8Array) return `${content.length} bytes`;
  return JSON.stringify(content ?? null);
}

function who(player: Player | undefined): string {
  return player?.name ?? 'somebody';
}

function server(name = ''): string {
  return name === '' ? 'no server' : name;
}

/** `proxy-1`, and the server if they are on one: `proxy-1, lobby-1`. */
function where(player: Player | undefined): string {
  return [player?.proxy, player?.server].filter(Boolean).join(', ');
}
