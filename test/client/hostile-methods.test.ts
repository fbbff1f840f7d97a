import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
} from '../../client/index.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { Inbox } from '../support/wire/inbox.js';
import { oddValues } from '../support/hostile/odd-values.js';

/** Calls a method with arguments of any type. */
function call(target: object, method: string, ...args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(target, method) as (...all: unknown[]) => unknown, target, args);
}

/** Uses a method with a value. */
type Use = (client: KelpieClient, value: unknown) => unknown;

const nothing = (): undefined => undefined;
const soon = { timeoutMs: 1000 };
const closeAfter = (running: unknown): void => void call(running as object, 'close');

/** The methods of every node. */
const methods: Readonly<Record<string, Use>> = {
  'publish(topic)': (client, value) => call(client, 'publish', value, 'content'),
  'publish(content)': (client, value) => call(client, 'publish', 'odd.content', value),
  'publish(content.a)': (client, value) => call(client, 'publish', 'odd.content', { a: value }),
  'publish(content[0])': (client, value) => call(client, 'publish', 'odd.content', [value]),
  'publish(options)': (client, value) => call(client, 'publish', 'odd.options', 'x', value),
  'publish(type)': (client, type) => call(client, 'publish', 'odd.options', 'x', { type }),
  'publish(attributes)': (client, attributes) =>
    call(client, 'publish', 'odd.options', 'x', { attributes }),
  'publish(attribute)': (client, value) =>
    call(client, 'publish', 'odd.options', 'x', { attributes: { a: value } }),
  'publish(origin)': (client, origin) => call(client, 'publish', 'odd.options', 'x', { origin }),
  'subscribe(pattern)': (client, value) => closeAfter(call(client, 'subscribe', value, nothing)),
  'subscribe(handler)': (client, value) => closeAfter(call(client, 'subscribe', 'odd', value)),
  'handle(name)': (client, value) => closeAfter(call(client, 'handle', value, nothing)),
  'handle(handler)': (client, value) => closeAfter(call(client, 'handle', 'odd', value)),
  'issue(options)': (client, value) => call(client, 'issue', value),
  'call(target)': (client, value) => call(client, 'call', value, 'echo', 'x', soon),
  'call(node)': (client, node) => call(client, 'call', { node }, 'echo', 'x', soon),
  'call(player)': (client, playerProxy) => call(client, 'call', { playerProxy }, 'echo', 'x', soon),
  'call(every)': (client, every) => call(client, 'call', { every }, 'echo', 'x', soon),
  'call(roles)': (client, roles) => call(client, 'call', { any: { roles } }, 'echo', 'x', soon),
  'call(role)': (client, role) =>
    call(client, 'call', { any: { roles: [role] } }, 'echo', 'x', soon),
  'call(state)': (client, state) =>
    call(client, 'call', { any: { states: [state] } }, 'echo', 'x', soon),
  'call(labels)': (client, labels) => call(client, 'call', { any: { labels } }, 'echo', 'x', soon),
  'call(name)': (client, name) => call(client, 'call', { node: 'echo' }, name, 'x', soon),
  'call(options)': (client, value) => call(client, 'call', { node: 'echo' }, 'echo', 'x', value),
  'call(timeoutMs)': (client, timeoutMs) =>
    call(client, 'call', { node: 'echo' }, 'echo', 'x', { timeoutMs }),
  'call(attributes)': (client, attributes) =>
    call(client, 'call', { node: 'echo' }, 'echo', 'x', { ...soon, attributes }),
  'call(signal)': (client, signal) =>
    call(client, 'call', { node: 'echo' }, 'echo', 'x', { ...soon, signal }),
  'issue(command)': (client, command) =>
    call(client, 'issue', { ...soon, target: { every: {} }, command }),
  'issue(maxReplies)': (client, maxReplies) =>
    issued(client, { custom: { name: 'echo', content: 'x' } }, maxReplies),
  'issue(players)': (client, players) =>
    issued(client, { kick_players: { players, message: 'x' } }),
  'issue(player.id)': (client, id) =>
    issued(client, { kick_players: { players: [{ id, generation: 1 }], message: 'x' } }),
  'issue(player.generation)': (client, generation) =>
    issued(client, { kick_players: { players: [{ id: '1', generation }], message: 'x' } }),
  'issue(message)': (client, message) =>
    issued(client, { kick_players: { players: [{ id: '1', generation: 1 }], message } }),
  'issue(display)': (client, display) => issued(client, { show_message: { players: [], display } }),
  'issue(title)': (client, value) =>
    issued(client, {
      show_message: {
        players: [{ id: '1', generation: 1 }],
        display: { title: 'x', stayMs: value },
      },
    }),
  'issue(toast)': (client, toast) =>
    issued(client, { show_message: { players: [], display: { toast } } }),
  'issue(line)': (client, line) => issued(client, { run_console_command: { line } }),
  'issue(player)': (client, player) => issued(client, { verify_player: { player } }),
  'issue(prepare_arrival)': (client, value) => issued(client, { prepare_arrival: value }),
  'issue(prepare_departure)': (client, value) => issued(client, { prepare_departure: value }),
  'issue(transfer_player)': (client, value) => issued(client, { transfer_player: value }),
  'issue(transfer_player.address)': (client, address) =>
    issued(client, {
      transfer_player: {
        player: { id: '1', generation: 1 },
        server: '',
        address,
        toProxy: '',
        transferId: '',
      },
    }),
  'issue(confirm_arrival)': (client, value) => issued(client, { confirm_arrival: value }),
  'issue(transfer_ended)': (client, value) => issued(client, { transfer_ended: value }),
  'issue(transfer_ended.error)': (client, error) =>
    issued(client, {
      transfer_ended: { player: { id: '1', generation: 1 }, transferId: '', error },
    }),
  'transfer(target)': (client, value) => call(client, 'transfer', value, { server: 'echo' }, soon),
  'transfer(player)': (client, player) =>
    call(client, 'transfer', { player }, { server: 'echo' }, soon),
  'transfer(servers)': (client, servers) =>
    call(client, 'transfer', { servers }, { server: 'echo' }, soon),
  'transfer(destination)': (client, value) =>
    call(client, 'transfer', { everyone: true }, value, soon),
  ...Object.fromEntries(
    ['server', 'servers', 'proxy', 'anyProxy', 'routed'].map((place): [string, Use] => [
      `transfer(destination.${place})`,
      (client, value) => call(client, 'transfer', { everyone: true }, { [place]: value }, soon),
    ]),
  ),
  'transfer(labels)': (client, labels) =>
    call(client, 'transfer', { everyone: true }, { servers: { labels } }, soon),
  'transfer(names)': (client, names) =>
    call(client, 'transfer', { everyone: true }, { servers: { names } }, soon),
  'transfer(strategy)': (client, strategy) =>
    call(client, 'transfer', { everyone: true }, { servers: {}, strategy }, soon),
  'transfer(options)': (client, value) =>
    call(client, 'transfer', { everyone: true }, { server: 'echo' }, value),
  'transfer(context)': (client, context) =>
    call(client, 'transfer', { everyone: true }, { server: 'echo' }, { ...soon, context }),
  'transfer(reservation)': (client, reservation) =>
    call(client, 'transfer', { everyone: true }, { server: 'echo' }, { ...soon, reservation }),
  'transfer(reservation.id)': (client, id) =>
    call(client, 'transfer', { everyone: true }, { server: 'echo' }, { reservation: { id } }),
  'transfer(timeoutMs)': (client, timeoutMs) =>
    call(client, 'transfer', { everyone: true }, { server: 'echo' }, { timeoutMs }),
  'move(player)': (client, value) => call(client, 'move', value, { server: 'echo' }, soon),
  'move(destination)': (client, value) => call(client, 'move', { id: '1' }, value, soon),
  'move(options)': (client, value) => call(client, 'move', { id: '1' }, { server: 'echo' }, value),
  'update(change)': (client, value) => call(client, 'update', value),
  'update(labels)': (client, labels) => call(client, 'update', { labels }),
  'update(removedLabels)': (client, removedLabels) => call(client, 'update', { removedLabels }),
  'update(state)': (client, state) => call(client, 'update', { state }),
  'update(motd)': (client, motd) => call(client, 'update', { motd }),
  'update(address)': (client, address) => call(client, 'update', { address }),
  'update(publicAddress)': (client, publicAddress) => call(client, 'update', { publicAddress }),
  'update(address.port)': (client, port) => call(client, 'update', { address: { port } }),
  'update(address.host)': (client, host) =>
    call(client, 'update', { address: { host, port: 19132 } }),
  'update(maxPlayers)': (client, maxPlayers) => call(client, 'update', { maxPlayers }),
  'reserve(request)': (client, value) => call(client, 'reserve', value),
  'reserve(node)': (client, node) => call(client, 'reserve', { node, ttlMs: 5000 }),
  'reserve(servers)': (client, servers) => call(client, 'reserve', { servers, ttlMs: 5000 }),
  'reserve(labels)': (client, labels) =>
    call(client, 'reserve', { servers: { labels }, ttlMs: 5000 }),
  'reserve(strategy)': (client, strategy) =>
    call(client, 'reserve', { servers: {}, strategy, ttlMs: 5000 }),
  'reserve(slots)': (client, slots) => call(client, 'reserve', { node: 'a', slots, ttlMs: 5000 }),
  'reserve(ttlMs)': (client, ttlMs) => call(client, 'reserve', { node: 'a', ttlMs }),
  'reserve(purpose)': (client, purpose) =>
    call(client, 'reserve', { node: 'a', ttlMs: 5000, purpose }),
  'reserve(owner)': (client, owner) => call(client, 'reserve', { node: 'a', ttlMs: 5000, owner }),
  'release(id)': (client, id) => call(client, 'release', id),
  'release(slots)': (client, slots) => call(client, 'release', 'a', slots),
  'players.update(player)': (client, player) => call(client.players, 'update', player, {}),
  'players.update(id)': (client, id) => call(client.players, 'update', { id, generation: 1 }, {}),
  'players.update(change)': (client, change) =>
    call(client.players, 'update', { id: '1', generation: 1 }, change),
  'players.update(properties)': (client, properties) =>
    call(client.players, 'update', { id: '1', generation: 1 }, { properties }),
  'state.get(bucket)': ({ state }, bucket) => call(state, 'get', bucket, 'a'),
  'state.get(key)': ({ state }, key) => call(state, 'get', 'odd', key),
  'state.put(bucket)': ({ state }, bucket) => call(state, 'put', bucket, 'a', 'x'),
  'state.put(key)': ({ state }, key) => call(state, 'put', 'odd', key, 'x'),
  'state.put(value)': ({ state }, value) => call(state, 'put', 'odd', 'a', value),
  'state.put(value.a)': ({ state }, value) => call(state, 'put', 'odd', 'a', { a: value }),
  'state.put(options)': ({ state }, value) => call(state, 'put', 'odd', 'a', 'x', value),
  'state.put(expect)': ({ state }, expect) => call(state, 'put', 'odd', 'a', 'x', { expect }),
  'state.put(ttlMs)': ({ state }, ttlMs) => call(state, 'put', 'odd', 'a', 'x', { ttlMs }),
  'state.put(bound)': ({ state }, bound) => call(state, 'put', 'odd', 'a', 'x', { bound }),
  'state.put(guard)': ({ state }, guard) => call(state, 'put', 'odd', 'a', 'x', { guard }),
  'state.put(guard.key)': ({ state }, key) =>
    call(state, 'put', 'odd', 'a', 'x', { guard: { bucket: 'odd', key, sequence: 1 } }),
  'state.put(guard.sequence)': ({ state }, sequence) =>
    call(state, 'put', 'odd', 'a', 'x', { guard: { bucket: 'odd', key: 'b', sequence } }),
  'state.delete(key)': ({ state }, key) => call(state, 'delete', 'odd', key),
  'state.delete(options)': ({ state }, value) => call(state, 'delete', 'odd', 'a', value),
  'state.delete(expect)': ({ state }, expect) => call(state, 'delete', 'odd', 'a', { expect }),
  'state.watch(bucket)': ({ state }, bucket) =>
    closeAfter(call(state, 'watch', bucket, 'a', nothing)),
  'state.watch(key)': ({ state }, key) => closeAfter(call(state, 'watch', 'odd', key, nothing)),
  'state.watch(handler)': ({ state }, value) => closeAfter(call(state, 'watch', 'odd', '*', value)),
  'state.lock(key)': ({ state }, key) => locked(call(state, 'lock', 'odd-locks', key)),
  'state.lock(options)': ({ state }, value) => locked(call(state, 'lock', 'odd-locks', 'a', value)),
  'state.lock(waitMs)': ({ state }, waitMs) =>
    locked(call(state, 'lock', 'odd-locks', 'a', { waitMs })),
  'state.lock(ttlMs)': ({ state }, ttlMs) =>
    locked(call(state, 'lock', 'odd-locks', 'a', { ttlMs })),
  'roster.node': ({ roster }, value) => call(roster, 'node', value),
  'roster.ready(role)': ({ roster }, value) => call(roster, 'ready', value),
  'roster.ready(labels)': ({ roster }, value) => call(roster, 'ready', 2, value),
  'roster.isStale': ({ roster }, value) => call(roster, 'isStale', value),
  'roster.load': ({ roster }, value) => call(roster, 'load', value),
  'roster.player': ({ roster }, value) => call(roster, 'player', value),
  'roster.player(id)': ({ roster }, id) => call(roster, 'player', { id }),
  'roster.player(name)': ({ roster }, name) => call(roster, 'player', { name }),
  'roster.playerCount': ({ roster }, value) => call(roster, 'playerCount', value),
  'roster.playerCount(server)': ({ roster }, server) => call(roster, 'playerCount', { server }),
  'roster.pick(options)': ({ roster }, value) => call(roster, 'pick', value),
  'roster.pick(for)': ({ roster }, value) => call(roster, 'pick', { for: value }),
  'roster.pick(player)': ({ roster }, player) => call(roster, 'pick', { for: 'join', player }),
  ...Object.fromEntries(
    ['id', 'xuid', 'uuid', 'name', 'properties'].map((field): [string, Use] => [
      `roster.pick(player.${field})`,
      ({ roster }, value) => call(roster, 'pick', { for: 'join', player: { [field]: value } }),
    ]),
  ),
  ...Object.fromEntries(
    ['host', 'reason', 'fromServer', 'lastServer'].map((field): [string, Use] => [
      `roster.pick(${field})`,
      ({ roster }, value) => call(roster, 'pick', { for: 'fallback', [field]: value }),
    ]),
  ),
};

async function locked(locking: unknown): Promise<void> {
  await call((await locking) as object, 'release');
}

function issued(client: KelpieClient, command: unknown, maxReplies: unknown = 0): unknown {
  return call(client, 'issue', { ...soon, target: { every: {} }, command, maxReplies });
}

/** The methods that only a proxy has. Each is called for a player who is in, unless the odd value is the player. */
const proxyMethods: Readonly<Record<string, Use>> = {
  'players.acquire(facts)': ({ players }, value) => call(players, 'acquire', value),
  'players.acquire(xuid)': ({ players }, xuid) => call(players, 'acquire', { xuid, name: 'x' }),
  'players.acquire(policy)': ({ players }, policy) =>
    call(players, 'acquire', { xuid: '2', name: 'x' }, { policy }),
  'players.joined(facts)': ({ players }, value) => call(players, 'joined', value),
  ...Object.fromEntries(
    [
      'xuid',
      'uuid',
      'name',
      'server',
      'address',
      'device',
      'language',
      'protocolVersion',
      'properties',
      'context',
    ].map((field): [string, Use] => [
      `players.joined(${field})`,
      ({ players }, value) => call(players, 'joined', { xuid: '1', name: 'x', [field]: value }),
    ]),
  ),
  'players.joined(property)': ({ players }, value) =>
    call(players, 'joined', { xuid: '1', name: 'x', properties: { a: value } }),
  'players.moved(id)': ({ players }, value) => call(players, 'moved', value, 'lobby'),
  'players.moved(server)': ({ players }, value) => call(players, 'moved', '1', value),
  ...Object.fromEntries(
    ['properties', 'removedProperties', 'context', 'language'].map((field): [string, Use] => [
      `players.changed(${field})`,
      ({ players }, value) => call(players, 'changed', '1', { [field]: value }),
    ]),
  ),
  'players.changed(change)': ({ players }, value) => call(players, 'changed', '1', value),
  'players.left(id)': ({ players }, value) => call(players, 'left', value),
  'players.left(reason)': ({ players }, value) => call(players, 'left', 'nobody', value),
  'players.release': ({ players }, value) => call(players, 'release', value),
  'players.get': ({ players }, value) => call(players, 'get', value),
};

async function allOf<T>(results: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of results) all.push(one);
  return all;
}

/** The outcome of a call: `done`, the reason of a typed error, or a description of the fault. */
async function outcomeOf(run: () => unknown): Promise<string> {
  try {
    const result = await run();
    const isIterable =
      typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
    if (isIterable) await allOf(result as AsyncIterable<unknown>);
    return 'done';
  } catch (error) {
    if (!(error instanceof KelpieError)) return `untyped: ${String(error)}`;
    const vague = ['UNKNOWN', 'INTERNAL', 'PROTOCOL', 'UNAVAILABLE'].includes(error.reason);
    return vague ? `vague: ${error.reason}: ${error.message}` : error.reason;
  }
}

describe('the methods of a client, with values of wrong types and sizes', () => {
  let coordinator: Coordinator;
  let endpoints: string;
  const clients: KelpieClient[] = [];
  const strays: unknown[] = [];
  const stray = (error: unknown): number => strays.push(error);

  const open = (name: string, more: Partial<ConnectOptions> = {}): KelpieClient => {
    const client = connect({
      name,
      role: 'DOWNSTREAM',
      endpoints,
      logger: { warn: nothing },
      ...more,
    });
    clients.push(client);
    return client;
  };

  /** The faults of a client; empty if it held one session. */
  const watched = (client: KelpieClient): string[] => {
    const seen: string[] = [];
    void (async () => {
      for await (const { type } of client.status())
        if (['disconnected', 'closed', 'gap'].includes(type)) seen.push(type);
    })();
    return seen;
  };

  let neighbour: KelpieClient;
  let neighbourSaw: string[];
  let news: Inbox;

  before(async () => {
    // It must be so often that every value is used.
    const times = { heartbeatMs: 4 };
    coordinator = await startCoordinator({ port: 0, journal: 'memory', times });
    // A client without the option `endpoints` reads this variable.
    process.env['KELPIE_ENDPOINTS'] = endpoints = `127.0.0.1:${coordinator.port}`;
    process.on('unhandledRejection', stray);
    process.on('uncaughtExceptionMonitor', stray);
    news = new Inbox();
    neighbour = connect({ name: 'neighbour', role: 'DOWNSTREAM', endpoints });
    neighbour.subscribe('news', news.take);
    neighbourSaw = watched(neighbour);
    await neighbour.ready();
  });
  afterEach(async () => {
    expect(strays, 'exceptions that nobody caught').to.be.empty;
    await neighbour.publish('news', 'still here');
    expect(neighbourSaw).to.be.empty;
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });
  after(async () => {
    delete process.env['KELPIE_ENDPOINTS'];
    process.off('unhandledRejection', stray);
    process.off('uncaughtExceptionMonitor', stray);
    await neighbour.close();
    await coordinator.stop();
  });

  /** Tries each value. Fails with the list of calls that neither succeeded nor were refused in the right way. */
  const tryAll = async (
    client: KelpieClient,
    all: Readonly<Record<string, Use>>,
  ): Promise<void> => {
    const wrong: string[] = [];
    for (const [method, use] of Object.entries(all)) {
      const outcomes = await Promise.all(
        oddValues.map(async ([what, value]) => [what, await outcomeOf(() => use(client, value))]),
      );
      for (const [what, outcome] of outcomes)
        if (/^(untyped|vague)/.test(outcome ?? ''))
          wrong.push(`${method} with ${what}: ${outcome}`);
    }
    if (wrong.length > 0) expect.fail(wrong.join('\n'));
  };

  it('refuse them with a typed error or take them, and the session goes on', async () => {
    open('echo').handle('echo', (content) => content);
    const client = open('odd-node', { roster: { players: true } });
    await client.ready();
    const saw = watched(client);
    await tryAll(client, methods);
    await client.publish('odd.done', 'done');
    expect(saw).to.be.empty;
  });

  it('behave so for a proxy too', async () => {
    const client = open('odd-gate', { role: 'PROXY', players: { onEvicted: nothing } });
    await client.ready();
    await client.players.joined({ xuid: '1', name: 'x' });
    const saw = watched(client);
    await tryAll(client, proxyMethods);
    await client.publish('odd.done', 'done');
    expect(saw).to.be.empty;
  });

  it('of a client with odd options: connect refuses the options or takes them as given', async () => {
    const wrong: string[] = [];
    const connecting: Promise<unknown>[] = [];
    let count = 0;
    for (const [option, optionsOf] of Object.entries(options)) {
      for (const [what, value] of oddValues) {
        const name = `odd-${++count}`;
        const run = async () => {
          const client = connect({
            name,
            role: 'PROXY',
            // A transport without a socket takes less time.
            ...(option !== 'endpoints' && { transport: coordinator.transport() }),
            logger: { warn: nothing },
            ...optionsOf(value),
          });
          try {
            // An invalid transport brings nothing.
            if (option !== 'transport') await inTime(client.ready());
          } finally {
            await client.close();
          }
        };
        const tried = outcomeOf(run).then((outcome) => {
          if (/^(untyped|vague)/.test(outcome)) wrong.push(`${option} with ${what}: ${outcome}`);
        });
        connecting.push(tried);
        if (connecting.length % 50 === 0) await Promise.all(connecting);
      }
    }
    await Promise.all(connecting);
    for (const [what, value] of oddValues) {
      const outcome = await outcomeOf(() => connect(value as ConnectOptions));
      if (!['VALUE_INVALID', 'OUT_OF_RANGE'].includes(outcome))
        wrong.push(`options with ${what}: ${outcome}`);
    }
    if (wrong.length > 0) expect.fail(wrong.join('\n'));
  });

  it('survive odd values that the functions of the program return', async () => {
    const values = oddValues.map(([, value]) => value);
    let turn = 0;
    let beats = 0;
    let enough = nothing as () => void;
    const asked = new Promise<void>((resolve) => (enough = resolve));
    const next = (): never => values[turn++ % values.length] as never;
    const client = open('odd-source', {
      role: 'PROXY',
      handlerTimeoutMs: 500,
      load: () => {
        const value = values[beats++ % values.length] as never;
        if (beats > 4 * values.length) enough();
        return [{ tps: value }, { memoryUsedBytes: value }, { memoryMaxBytes: value }, value][
          Math.floor(beats / values.length) % 4
        ] as object;
      },
      players: {
        onEvicted: next,
        verify: next,
        latencies: () => [['1', values[beats % values.length] as never]],
      },
    });
    for (const name of ['kick_players', 'show_message', 'run_console_command'] as const)
      client.handle(name, next);
    client.handle('odd', next);
    client.handle('odd.field', () => ({ a: next() }));
    const handled = new Inbox();
    client.subscribe('odd.event', (event) => {
      handled.take(event);
      return next();
    });
    const asker = open('asker');
    await Promise.all([client.ready(), asker.ready()]);
    const saw = watched(client);
    await client.players.joined({ xuid: '1', name: 'x' });
    const players = [{ id: '1', generation: 0 }];
    const [player] = players;
    const commands: unknown[] = [
      { kick_players: { players, message: 'x' } },
      { show_message: { players, display: { chat: 'x' } } },
      { run_console_command: { line: 'x' } },
      { verify_player: { player } },
      { custom: { name: 'odd', content: 'x' } },
      { custom: { name: 'odd.field', content: 'x' } },
    ];
    for (const command of commands) {
      turn = 0;
      const running = values.map(async () => {
        const all: unknown[] = [];
        const options = { target: { node: 'odd-source' }, command, ...soon };
        for await (const one of asker.issue(options as Parameters<KelpieClient['issue']>[0]))
          all.push(one);
        return all;
      });
      for (const results of await Promise.all(running)) expect(results).to.have.length(1);
    }
    turn = 0;
    await Promise.all(values.map(() => asker.publish('odd.event', '')));
    await handled.atLeast(values.length);
    await asked;
    expect(saw).to.be.empty;
    expect(client.pending).to.equal(0);
  });

  it('carry each value that they take unchanged to another client', async () => {
    const writer = open('odd-writer');
    await writer.ready();
    const accepted: unknown[] = [];
    for (const [what, value] of oddValues) {
      for (const content of [value, [value], { a: value }]) {
        const attributes = typeof value === 'string' ? { [value]: value } : {};
        const outcome = await outcomeOf(() =>
          call(writer, 'publish', 'odd.kept', content, { type: what, attributes }),
        );
        if (outcome === 'done') accepted.push({ type: what, content: asRead(content), attributes });
      }
    }
    expect(accepted.length, 'many are fine').to.be.above(150);
    const inbox = new Inbox();
    const reader = open('odd-reader', { start: 'EARLIEST' });
    reader.subscribe('odd.kept', inbox.take);
    const events = await inbox.atLeast(accepted.length);
    expect(
      events.map(({ type, content, attributes }) => ({ type, content, attributes })),
    ).to.deep.equal(accepted);
  });
});

/** Rejects with an untyped error if the work takes too long. */
function inTime(running: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it never settled')), 10_000);
  });
  return Promise.race([running, late]).finally(() => clearTimeout(timer));
}

/** The value that a reader must get: bytes of any class as bytes, and no undefined fields. */
function asRead(content: unknown): unknown {
  if (content instanceof Uint8Array) return new Uint8Array(content);
  const entries = Object.entries(content as object);
  const isObject = typeof content === 'object' && !Array.isArray(content);
  return isObject
    ? Object.fromEntries(entries.filter(([, value]) => value !== undefined))
    : content;
}

/** The odd options. Files are left out: they would be written. */
const options: Readonly<Record<string, (value: unknown) => object>> = {
  ...Object.fromEntries(
    [
      ...['name', 'role', 'endpoints', 'address', 'publicAddress', 'labels', 'maxPlayers', 'motd'],
      ...['software', 'version', 'start', 'handlerTimeoutMs', 'excludeOwn', 'state', 'load'],
      ...['players', 'roster', 'transport', 'logger', 'ca', 'cert', 'key', 'tls', 'insecure'],
      ...['token', 'tokenFile', 'joinToken'],
    ].map((name) => [name, (value: unknown) => ({ [name]: value })]),
  ),
  'address.host': (host) => ({ address: { host, port: 1 } }),
  'address.port': (port) => ({ address: { port } }),
  label: (value) => ({ labels: { a: value } }),
  'start.sinceMs': (sinceMs) => ({ start: { sinceMs } }),
  'start.after': (after) => ({ start: { after } }),
  'start.after.epoch': (epoch) => ({ start: { after: { epoch, sequence: 1, tag: 1 } } }),
  'start.after.sequence': (sequence) => ({
    start: { after: { epoch: new Uint8Array(16), sequence, tag: 1 } },
  }),
  'start.after.tag': (tag) => ({
    start: { after: { epoch: new Uint8Array(16), sequence: 1, tag } },
  }),
  'roster.players': (players) => ({ roster: { players } }),
  'players.onEvicted': (onEvicted) => ({ players: { onEvicted } }),
  'players.verify': (verify) => ({ players: { onEvicted: nothing, verify } }),
  'players.whenAway': (whenAway) => ({ players: { onEvicted: nothing, whenAway } }),
  'players.acquireTimeoutMs': (acquireTimeoutMs) => ({
    players: { onEvicted: nothing, acquireTimeoutMs },
  }),
  'players.latencies': (latencies) => ({ players: { onEvicted: nothing, latencies } }),
};
