/**
 * A proxy without a configured list of servers. It takes the servers and the online players from Kelpie's roster,
 * reports when its players come and go, and admits only players that the coordinator grants it.
 */
import { connect, type Verified } from '../../client/index.js';
import { onStop, role, tell, tellStatus } from './director.js';
import { show } from './display.js';
import { Forwarder, type Target } from './forwarder.js';
import type { Player } from './library.js';
import { HOST, listen, VERSION } from './library.js';

/** A player of this proxy. */
interface Guest {
  readonly id: string;
  readonly player: Player;
  readonly forwarder: Forwarder;
  /** The server that they are on, or connect to. */
  server: string;
}

const { name, port, endpoint, more } = role();
/** The policy for a player who logs in and is online already. */
const policy = more[0] === 'KICK_OLD' ? 'KICK_OLD' : 'VERIFY_OLD';
/** The players by id, which is the UUID here: offline accounts have no XUID. */
const guests = new Map<string, Guest>();

const kelpie = connect({
  name,
  role: 'PROXY',
  endpoints: endpoint,
  address: { host: HOST, port },
  maxPlayers: 100,
  software: 'kelpie-bedrock-demo',
  version: VERSION,
  roster: { players: true },
  players: { onEvicted: ({ id, text }) => showOut(id, text), verify },
});
kelpie.handle('kick_players', async ({ players, message }) => {
  await Promise.all(
    players.map(({ id }) => {
      showOut(id, message);
      return kelpie.players.left(id, 'KICKED');
    }),
  );
});
kelpie.handle('show_message', ({ players, display }) => {
  for (const { id } of players) {
    const guest = guests.get(id);
    if (guest) show(guest.player, display);
  }
});
kelpie.subscribe('nodes.*', tellServers);
void tellStatus(kelpie, tellServers);

const server = await listen({
  port,
  motd: name,
  onConnect(player) {
    player.once('join', () => {
      const { uuid: id } = player.profile;
      void admit({ id, player, forwarder: new Forwarder(player), server: '' });
    });
  },
});
onStop(async () => {
  await server.close('The proxy is closing');
  await kelpie.close();
});
await kelpie.ready();
tellServers();
tell({ type: 'ready' });

async function admit(guest: Guest): Promise<void> {
  const { forwarder } = guest;
  try {
    const refusal = await enter(guest);
    if (refusal !== undefined && !forwarder.over) await forwarder.showOut(refusal);
  } catch (error) {
    console.error(`${guest.player.profile.name} did not get in:`, error);
    if (!forwarder.over) await forwarder.showOut('You cannot join right now. Try again soon.');
  }
}

/** Resolves when the player is on a server, or with the reason why not. */
async function enter(guest: Guest): Promise<string | undefined> {
  const { id, player, forwarder } = guest;
  const facts = { uuid: id, name: player.profile.name };
  const login = await kelpie.players.acquire(facts, { policy });
  if (!login.granted) return login.text;
  if (forwarder.over) {
    await kelpie.players.release(id);
    return undefined;
  }
  guests.set(id, guest);
  player.once('close', () => {
    leave(guest).catch((error: unknown) => console.error('the leave was not reported:', error));
  });
  await kelpie.players.joined(facts);
  return place(guest);
}

/** Brings a guest to the emptiest server that takes them. */
async function place(guest: Guest): Promise<string | undefined> {
  const refused = new Set<string>();
  for (let target = pick(refused); target; target = pick(refused)) {
    if (guest.forwarder.over) return undefined;
    // Set before the player is in, so that players who come at once do not all choose the same server.
    guest.server = target.name;
    try {
      await guest.forwarder.connect(target);
    } catch {
      refused.add(target.name);
      continue;
    }
    if (guests.get(guest.id) === guest) await kelpie.players.moved(guest.id, target.name);
    return undefined;
  }
  return 'No server is open for you right now.';
}

/** Reports the leave of a player, unless the proxy disconnected them: then the coordinator knows it already. */
async function leave(guest: Guest): Promise<void> {
  if (guests.get(guest.id) !== guest) return;
  guests.delete(guest.id);
  await kelpie.players.left(guest.id);
}

function showOut(id: string, text: string): void {
  const guest = guests.get(id);
  guests.delete(id);
  void guest?.forwarder.showOut(text);
}

async function verify(id: string): Promise<Verified> {
  const guest = guests.get(id);
  if (!guest) return { connected: false };
  return { connected: true, silenceMs: await guest.forwarder.silenceMs() };
}

function pick(refused: ReadonlySet<string>): Target | undefined {
  return openServers()
    .filter((target) => !refused.has(target.name))
    .sort((a, b) => playersOn(a.name) - playersOn(b.name))[0];
}

function openServers(): Target[] {
  return kelpie.roster
    .ready('DOWNSTREAM')
    .flatMap(({ name, address }) => (address ? { name, ...address } : []));
}

/** The players of a server: of the other proxies by the roster, and our own, including those that connect to it. */
function playersOn(server: string): number {
  const { roster } = kelpie;
  const elsewhere = roster.playerCount({ server }) - roster.playerCount({ server, proxy: name });
  return elsewhere + [...guests.values()].filter((guest) => guest.server === server).length;
}

function tellServers(): void {
  const names = openServers().map((target) => target.name);
  tell({ type: 'servers', names: names.sort() });
}
