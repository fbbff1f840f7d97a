/**
 * The public API as the author of a plugin writes it. The compiler checks most of this file: each wrong spelling
 * that it must refuse is marked.
 */
import { expect } from 'chai';
import {
  connect,
  type ClientState,
  type Gap,
  type Node,
  type NodeEvent,
  type Player,
  type PlayerEvent,
  type PlayerLeft,
  type ReceivedEvent,
  type RosterView,
  type Status,
} from '../../client/index.js';
import { Scripted } from '../support/wire/scripted.js';

function shownNode(node: Node): string {
  if (node.state === 'DRAINING' || node.lastState === 'DRAINING') return `${node.name} drains`;
  // @ts-expect-error no state has this name
  if (node.state === 'DRAINIG') return '';
  // @ts-expect-error a state is a name, not a number of the wire
  if (node.state === 3) return '';
  return node.role === 'PROXY' ? `proxy ${node.name}` : `${node.name} of ${node.maxPlayers ?? '?'}`;
}

function shownEvent({ body, content, type, origin }: ReceivedEvent): string {
  switch (body?.kind) {
    case 'nodeLeft':
      return body.reason === 'LOST' ? `${body.node.name} is lost` : shownNode(body.node);
    case 'playerMoved':
      return `${body.player.name} from ${body.fromServer} to ${body.player.server}`;
    case 'playerLeft':
      return body.reason === 'KICKED' ? `${body.player.name} was kicked` : body.player.name;
    default:
      return body?.kind ?? (origin === 'NODE' ? `${type}: ${JSON.stringify(content)}` : type);
  }
}

function shownStatus(status: Status): string {
  switch (status.type) {
    case 'connected':
      return `${status.welcome.outcome === 'RESUMED'} ${status.welcome.graceMs} ms`;
    case 'gap':
      return why(status.gap);
    default:
      return status.type;
  }
}

function why({ reason }: Gap): string {
  // @ts-expect-error no reason has this name
  return reason === 'TRIMED' ? 'typo' : reason === 'TRIMMED' ? 'too old' : reason;
}

function free(roster: RosterView): Node | undefined {
  // @ts-expect-error users do not write the roster
  const inside: unknown = roster.applyEvent;
  return inside === null ? undefined : roster.ready('DOWNSTREAM', { mode: 'lobby' })[0];
}

const places = { CONNECTING: 1, CONNECTED: 2, AWAY: 3, CLOSED: 4 } satisfies Record<
  ClientState,
  number
>;

/** Only the compiler reads it. */
export async function plugin(): Promise<void> {
  const kelpie = connect({ name: 'lobby-1', role: 'DOWNSTREAM', state: 'STARTING' });
  // @ts-expect-error a role is a name
  connect({ name: 'x', role: 2 });
  const { token } = await kelpie.api.access.create('lobby-2', {
    preset: 'SERVER',
    rights: { roles: ['DOWNSTREAM'], verbs: ['KICK'] },
  });
  connect({ name: 'lobby-2', role: 'DOWNSTREAM', token, ca: 'ca.pem' });
  connect({ name: 'x', role: 'PROXY', joinToken: token, tokenFile: 'token', network: 'main' });
  // @ts-expect-error a preset is a name in capitals
  await kelpie.api.access.create('x', { preset: 'server' });
  // @ts-expect-error no verb has this name
  await kelpie.api.access.create('x', { rights: { verbs: ['FLY'] } });
  // @ts-expect-error insecure is named, not given as text
  connect({ name: 'x', role: 'PROXY', insecure: 'yes' });
  const moved: string[] = [];
  const stop = kelpie.players.on('moved', ({ player, fromServer }, { time }) => {
    moved.push(`${player.name} ${fromServer} ${time?.toISOString() ?? ''}`);
  });
  kelpie.players.on('left', async ({ player, reason }: PlayerLeft) => {
    if (reason !== 'SYNC') await kelpie.publish('chat.left', player.name);
  });
  // @ts-expect-error players do not crash
  kelpie.players.on('crashed', () => undefined);
  kelpie.nodes.on('updated', ({ node }) => void moved.push(shownNode(node)));
  kelpie.subscribe('>', (event) => void moved.push(shownEvent(event)));
  const { slot } = await kelpie.call<{ slot: number }>({ node: 'arena' }, 'reserve', { a: 1 });
  const command = { run_console_command: { line: 'save-all' } };
  for await (const { reply, error } of kelpie.issue({ target: { every: {} }, command }))
    moved.push(error ? error.reason : (reply.lines[slot] ?? ''));
  const players: Player[] = kelpie.roster.players();
  const events: (NodeEvent | PlayerEvent)['kind'][] = ['nodeJoined', 'playerUpdated'];
  for await (const status of kelpie.status()) moved.push(shownStatus(status));
  stop();
  const reason = await kelpie.closed;
  moved.push(
    reason?.reason ?? 'closed',
    String(places[kelpie.connectionState] + players.length),
    ...events,
  );
  free(kelpie.roster);
}

/** The properties that an object shows at run time, those of its classes included. */
function propertiesOf(object: object): string[] {
  const prototype = Object.getPrototypeOf(object) as object | null;
  const inherited = prototype === Object.prototype || !prototype ? [] : propertiesOf(prototype);
  return [...Object.keys(Object.getOwnPropertyDescriptors(object)), ...inherited];
}

describe('the types of the public API', () => {
  it('are names at run time too', () => {
    const node = { name: 'lobby-1', state: 'DRAINING' } as Node;
    expect(shownNode(node)).to.equal('lobby-1 drains');
  });

  it('hold for the roster at run time too: it has its queries and nothing else', async () => {
    const scripted = await Scripted.welcomed({ roster: { players: true } });
    const { roster } = scripted.client;
    const queries =
      'complete isStale load node nodes pick player playerCount players ready routing settings';
    expect(propertiesOf(roster).sort()).to.deep.equal(queries.split(' '));
    expect(() => Object.assign(roster, { nodes: () => [] })).to.throw(TypeError);
    await scripted.close();
  });
});
