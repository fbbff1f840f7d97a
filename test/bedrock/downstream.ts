/** A game server. Its players chat with each other, and through Kelpie with the players of other servers. */
import { connect } from '../../client/index.js';
import { Arrivals } from './arrivals.js';
import { Chat } from './chat.js';
import { onStop, role, tell, tellStatus } from './director.js';
import type { Player, Text } from './library.js';
import { dismiss, HOST, listen, sendText, VERSION } from './library.js';
import { answerTo, type Typist } from './typed.js';

const MAX_MESSAGE_LENGTH = 512;

const { name, port, endpoint, more } = role();
const [mode = 'game'] = more;
/** The players by UUID, which is their id here. */
const players = new Map<string, Player>();
const arrivals = new Arrivals();

const kelpie = connect({
  name,
  role: 'DOWNSTREAM',
  endpoints: endpoint,
  address: { host: HOST, port },
  labels: { mode },
  maxPlayers: 50,
  motd: `${name}, a Kelpie demo`,
  software: 'kelpie-bedrock-demo',
  version: VERSION,
});
const chat = new Chat(kelpie, ({ player, server, message }) => {
  if (server !== name) show({ type: 'chat', source_name: `${player}@${server}`, message });
});
kelpie.handle('who', () => ({ players: [...players.values()].map(({ profile }) => profile.name) }));
kelpie.handle('prepare_arrival', ({ player: { id }, transferId, context, fromServer }) => {
  // A player who comes back by another proxy is still here.
  if (fromServer !== name) forgetGhost(id);
  arrivals.expect(id, transferId, context);
});
kelpie.handle('prepare_departure', ({ player: { id }, toServer }) => {
  const player = players.get(id);
  if (player) sendText(player, { type: 'system', message: `Saved. Next stop: ${toServer}.` });
});
kelpie.handle('confirm_arrival', ({ player }, { signal }) => arrivals.confirm(player.id, signal));
kelpie.handle('transfer_ended', ({ player, transferId }) => arrivals.end(player.id, transferId));
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
  forgetGhost(uuid);
  players.set(uuid, player);
  const gone = new AbortController();
  player.on('close', () => {
    gone.abort();
    if (players.get(uuid) === player) players.delete(uuid);
  });
  player.on('text', (text) => hear(playerName, text));
  player.on(
    'command_request',
    ({ command }) => void obey(player, { id: uuid, gone: gone.signal }, command),
  );
  const greeting = arrivals.came(uuid) ?? '';
  const message = `Welcome to ${name}, ${playerName}! ${greeting}`.trim();
  sendText(player, { type: 'system', message });
}

/** A player may come back before their connection through a dead proxy has timed out here. */
function forgetGhost(id: string): void {
  const ghost = players.get(id);
  if (!ghost) return;
  players.delete(id);
  void dismiss(ghost, 'You joined again from elsewhere');
}

function hear(playerName: string, text: Text): void {
  if (text.type !== 'chat') return;
  const message = text.message.slice(0, MAX_MESSAGE_LENGTH);
  show({ type: 'chat', source_name: playerName, message });
  chat.say({ player: playerName, server: name, message });
}

async function obey(player: Player, typist: Typist, command: string): Promise<void> {
  for await (const message of answerTo(kelpie, typist, command)) {
    sendText(player, { type: 'system', message });
  }
}

function show(text: Text): void {
  for (const player of players.values()) sendText(player, text);
}
