/** A proxy that is told no server: it knows those that Kelpie's roster names. */
import { connect, NodeRole } from '../../client/index.js';
import { onStop, role, tell, tellStatus } from './director.js';
import type { Target } from './forwarder.js';
import { Forwarder } from './forwarder.js';
import type { Player } from './library.js';
import { dismiss, HOST, listen, VERSION } from './library.js';

const { name, port, endpoint } = role();
const serverOf = new Map<Player, string>();

const kelpie = connect({
  name,
  role: 'PROXY',
  endpoints: endpoint,
  address: { host: HOST, port },
  maxPlayers: 100,
  software: 'kelpie-bedrock-demo',
  version: VERSION,
});
kelpie.subscribe('nodes.*', ({ topic, body }) => {
  tellServers();
  tell({ type: 'news', news: `${body?.$case ?? 'nothing'} ${topic.slice('nodes.'.length)}` });
});
void tellStatus(kelpie, tellServers);

const server = await listen({
  port,
  motd: name,
  onConnect(player) {
    player.once('join', () => void place(player));
    player.once('close', () => serverOf.delete(player));
  },
});
onStop(async () => {
  await server.close('The proxy is closing');
  await kelpie.close();
});
await kelpie.ready();
tellServers();
tell({ type: 'ready' });

/** Brings a player to the emptiest server that takes him. */
async function place(player: Player): Promise<void> {
  const forwarder = new Forwarder(player);
  const refused = new Set<string>();
  for (let target = pick(refused); target; target = pick(refused)) {
    // Counted before he is in, so that four who come at once do not all go to the same server.
    serverOf.set(player, target.name);
    try {
      await forwarder.connect(target);
      return;
    } catch {
      // He left: there is nobody to place any more.
      if (!serverOf.has(player)) return;
      refused.add(target.name);
    }
  }
  serverOf.delete(player);
  void dismiss(player, 'No server is open for you right now');
}

function pick(refused: ReadonlySet<string>): Target | undefined {
  return openServers()
    .filter((target) => !refused.has(target.name))
    .sort((a, b) => playersOn(a) - playersOn(b))[0];
}

function openServers(): Target[] {
  return kelpie.roster
    .ready(NodeRole.DOWNSTREAM)
    .flatMap(({ name, address }) => (address ? { name, ...address } : []));
}

function playersOn(target: Target): number {
  return [...serverOf.values()].filter((name) => name === target.name).length;
}

function tellServers(): void {
  const names = openServers().map((target) => target.name);
  tell({ type: 'servers', names: names.sort() });
}
