/**
 * A proxy that is told no server and asks nobody who is online: it knows both by Kelpie's roster, tells of
 * its players as they come and go, and lets nobody in whom the coordinator does not grant it.
 */
import { connect, type Verified } from '../../client/index.js';
import { onStop, role, tell, tellStatus } from './director.js';
import { show } from './display.js';
import { Forwarder, type Target } from './forwarder.js';
import type { Player } from './library.js';
import { HOST, listen, VERSION } from './library.js';

/** Somebody whom this proxy holds. */
interface Guest {
  readonly id: string;
  readonly player: Player;
  readonly forwarder: Forwarder;
  /** Where they are, or are on the way to. */
  server: string;
}

const { name, port, endpoint, more } = role();
/** What if somebody who logs in here is online already. */
const policy = more[0] === 'KICK_OLD' ? 'KICK_OLD' : 'VERIFY_OLD';
/** By id: offline accounts have no XUID, so that is the UUID. */
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

/** Resolves when they are on a server, or with why they are not. */
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
    leave(guest).catch((error: unknown) => console.error('his leave was not told:', error));
  });
  await kelpie.players.joined(facts);
  return place(guest);
}

/** Brings a guest to the emptiest server that takes them. */
async function place(guest: Guest): Promise<string | undefined> {
  const refused = new Set<string>();
  for (let target = pick(refused); target; target = pick(refused)) {
    if (guest.forwarder.over) return undefined;
    // Counted before they are in, so that those who come at once do not all go to the same server.
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

/** Whoever was shown out before is not ours to report. */
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

/** Those of the other proxies by the roster; our own also when they are still on the way. */
function playersOn(server: string): number {
  const { roster } = kelpie;
  const elsewhere = roster.playerCount({ server }) - roster.playerCount({ server, proxy: name });
  return elsewhere + [...guests.values()].filter((guest) => guest.server === server).length;
}

function tellServers(): void {
  const names = openServers().map((target) => target.name);
  tell({ type: 'servers', names: names.sort() });
}
