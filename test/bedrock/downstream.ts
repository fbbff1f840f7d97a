/** A game server. Its players chat with each other, and through Kelpie with the players of other servers. */
import type { ReceivedEvent } from '../../client/index.js';
import { connect, KelpieError } from '../../client/index.js';
import { onStop, role, tell, tellStatus } from './director.js';
import type { Player, Text } from './library.js';
import { dismiss, HOST, listen, sendText, VERSION } from './library.js';

const CHAT = 'chat.global';
const MAX_MESSAGE_LENGTH = 512;
const WHO = /^\/who ([A-Za-z0-9_-]{1,63})$/;

const { name, port, endpoint } = role();
const players = new Map<string, Player>();

const kelpie = connect({
  name,
  role: 'DOWNSTREAM',
  endpoints: endpoint,
  address: { host: HOST, port },
  maxPlayers: 50,
  motd: `${name}, a Kelpie demo`,
  software: 'kelpie-bedrock-demo',
  version: VERSION,
});
kelpie.subscribe(CHAT, showRemoteChat);
kelpie.handle('who', () => ({ players: [...players.values()].map(({ profile }) => profile.name) }));
void tellStatus(kelpie);

const server = await listen({
  port,
  motd: name,
  onConnect(player) {
    player.once('join', () => welcome(player));
  },
});
onStop(async () => {
  await server.close(`${name} is closing, see you soon`);
  await kelpie.close();
});
await kelpie.ready();
tell({ type: 'ready' });

function welcome(player: Player): void {
  const { uuid, name: playerName } = player.profile;
  // A player may come back before their connection through a dead proxy has timed out here.
  const ghost = players.get(uuid);
  if (ghost) void dismiss(ghost, 'You joined again from elsewhere');
  players.set(uuid, player);
  player.on('close', () => {
    if (players.get(uuid) === player) players.delete(uuid);
  });
  player.on('text', (text) => hear(playerName, text));
  player.on('command_request', ({ command }) => void obey(player, command));
  sendText(player, { type: 'system', message: `Welcome to ${name}, ${playerName}!` });
}

function hear(playerName: string, text: Text): void {
  if (text.type !== 'chat') return;
  const message = text.message.slice(0, MAX_MESSAGE_LENGTH);
  show({ type: 'chat', source_name: playerName, message });
  kelpie
    .publish(CHAT, message, {
      type: 'chat',
      attributes: { player: playerName, server: name },
    })
    .catch((error: unknown) => console.error('not published:', error));
}

/** `/who south` asks the server south for its players. */
async function obey(player: Player, command: string): Promise<void> {
  const [, node] = WHO.exec(command) ?? [];
  const message = node === undefined ? 'There is no such command.' : await whoIsOn(node);
  sendText(player, { type: 'system', message });
}

async function whoIsOn(node: string): Promise<string> {
  try {
    const answer = await kelpie.call({ node }, 'who', {}, { timeoutMs: 5000 });
    const { players: names } = answer as { players: string[] };
    return names.length === 0 ? `Nobody is on ${node}.` : `On ${node}: ${names.sort().join(', ')}`;
  } catch (error) {
    return error instanceof KelpieError ? `${node}: ${error.message}` : `${node} cannot be asked.`;
  }
}

function showRemoteChat(event: ReceivedEvent): void {
  if (event.source === name || typeof event.content !== 'string') return;
  const speaker = event.attributes['player'] ?? '?';
  show({ type: 'chat', source_name: `${speaker}@${event.source}`, message: event.content });
}

function show(text: Text): void {
  for (const player of players.values()) sendText(player, text);
}
