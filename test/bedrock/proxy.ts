/**
 * A proxy without a configured list of servers. It takes the servers and the routing rules from Kelpie's roster, reports
 * when its players come, move and go, and admits only players that the coordinator grants it.
 */
import { connect, type Node } from '../../client/index.js';
import { onStop, role, tell, tellStatus } from './director.js';
import { Guests } from './guests.js';
import { answersAt, HOST, listen, VERSION } from './library.js';
import { Routes } from './routes.js';

const { name, port, endpoint, more } = role();
/** The policy for a player who logs in and is online already. */
const policy = more[0] === 'KICK_OLD' ? 'KICK_OLD' : 'VERIFY_OLD';

const kelpie = connect({
  name,
  role: 'PROXY',
  endpoints: endpoint,
  publicAddress: { host: HOST, port },
  maxPlayers: 100,
  software: 'kelpie-bedrock-demo',
  version: VERSION,
  roster: { players: true },
  players: {
    onEvicted: ({ id, text }) => guests.showOut(id, text),
    verify: (id) => guests.verify(id),
  },
});
const routes = new Routes(kelpie);
const guests = new Guests(kelpie, policy, routes);

kelpie.handle('kick_players', async ({ players, message }) => {
  await Promise.all(
    players.map(({ id }) => {
      guests.showOut(id, message);
      return kelpie.players.left(id, 'KICKED');
    }),
  );
});
kelpie.handle('show_message', ({ players, display }) => {
  for (const { id } of players) guests.show(id, display);
});
kelpie.handle('transfer_player', async ({ player, server, address }) => {
  const guest = guests.get(player.id);
  if (!guest) throw new Error('the player is not here any more');
  if (address) void guest.forwarder.sendAway(address);
  else await routes.move(guest, server);
});
kelpie.subscribe('nodes.*', tellServers);
kelpie.nodes.on('updated', ({ node }) => void rescue(node));
void tellStatus(kelpie, tellServers);

const server = await listen({
  port,
  motd: name,
  onConnect(player) {
    player.once('join', () => void guests.welcome(player));
  },
});
onStop(async () => {
  await server.close('The proxy is closing');
  await kelpie.close();
});
await kelpie.ready();
tellServers();
tell({ type: 'ready' });

/**
 * A server lost its stream to the coordinator. If it does not answer the game either, its players need another one: the
 * game itself notices a dead server only after 10 s.
 */
async function rescue({ name: lost, role: kind, state, address }: Node): Promise<void> {
  if (kind !== 'DOWNSTREAM' || state !== 'UNREACHABLE' || !address) return;
  if (await answersAt(address)) return;
  for (const guest of guests.on(lost)) void routes.fallBack(guest, 'TIMEOUT');
}

function tellServers(): void {
  const names = kelpie.roster.ready('DOWNSTREAM').map((node) => node.name);
  tell({ type: 'servers', names: names.sort() });
}
