/** Commands between clients, through a real coordinator. */
import { expect } from 'chai';
import {
  type CommandContext,
  type CommandResult,
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
} from '../../client/index.js';
import { deferred } from '../support/deferred.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FaultProxy } from '../support/faults/fault-proxy.js';
import { rejectionOf, thrownBy } from '../support/thrown.js';
import { until } from '../support/until.js';

const timeoutMs = 20_000;

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const one of results) list.push(one);
  return list;
}

/** A promise that never settles, like that of a handler that hangs. */
const never = (): Promise<never> => new Promise(() => undefined);

/** The results of nodes, by name. */
function saidBy(results: readonly CommandResult<unknown>[]): Record<string, unknown> {
  return Object.fromEntries(
    results.map(({ node, reply, error }) => [node, error?.reason ?? reply]),
  );
}

describe('commands', () => {
  let kelpied: Kelpied;
  const open: KelpieClient[] = [];

  function join(name: string, options: Partial<ConnectOptions> = {}): KelpieClient {
    const client = connect({ name, role: 'DOWNSTREAM', endpoints: kelpied.endpoint, ...options });
    open.push(client);
    return client;
  }

  before(async () => {
    kelpied = await startKelpied();
  });
  afterEach(async () => {
    // After each test nothing waits any more.
    const left = open.splice(0);
    await until(() => left.every(({ pending }) => pending === 0));
    await Promise.all(left.map((client) => client.close()));
  });
  after(() => kelpied.stop());

  /** An issuer and a server that handles `name`, both ready. */
  async function pair(prepare: (server: KelpieClient) => void, wire?: string) {
    const server = join('lobby-1', wire === undefined ? {} : { endpoints: wire });
    prepare(server);
    const asker = join('asker');
    await Promise.all([server.ready(), asker.ready()]);
    return { server, asker };
  }

  it('of a name of their own carry text, bytes and objects both ways', async () => {
    const contexts: CommandContext[] = [];
    const { asker } = await pair((server) =>
      server.handle('echo', (content, context) => {
        contexts.push(context);
        return content;
      }),
    );
    const to = { node: 'LOBBY-1' };
    const attributes = { trace: '1' };
    expect(await asker.call(to, 'echo', 'hello', { timeoutMs, attributes })).to.equal('hello');
    const bytes = await asker.call(to, 'echo', new Uint8Array([1, 2]), { timeoutMs });
    expect([...(bytes as Uint8Array)]).to.deep.equal([1, 2]);
    const object = { rank: 'vip', level: 3 };
    expect(await asker.call(to, 'echo', object, { timeoutMs })).to.deep.equal(object);
    expect(contexts[0]).to.deep.include({ source: 'asker', attributes });
    expect(contexts[0]?.timeLeftMs).to.be.within(1, timeoutMs);
    expect(contexts[0]?.signal.aborted).to.equal(false);
    const both = asker.issue({
      target: { nodes: ['lobby-1', 'nowhere'] },
      command: { custom: { name: 'echo', content: 'again' } },
    });
    const results = new Map<string, unknown>();
    for await (const { node, reply, error } of both) results.set(node, error?.reason ?? reply);
    expect(Object.fromEntries(results)).to.deep.equal({
      'lobby-1': 'again',
      nowhere: 'NODE_NOT_FOUND',
    });
    expect(contexts.at(-1)?.timeLeftMs, 'the default timeout').to.be.within(9000, 10_000);
  });

  it('of the contract reach their handlers, and return their answers', async () => {
    const { asker } = await pair((server) => {
      server.handle('run_console_command', ({ line }) =>
        line === 'quiet' ? '' : `ran ${line}\nok`,
      );
      server.handle('show_message', ({ players, display }) => {
        if (!('chat' in display) || display.chat !== 'hi') throw new Error('not that');
        return players.slice(1).map(({ id }) => ({ id, message: 'they sleep' }));
      });
      server.handle('kick_players', () => undefined);
      server.handle('verify_player', () => ({ connected: true, silenceMs: 1500 }));
    });
    const target = { node: 'lobby-1' };
    const ran = await all(
      asker.issue({ target, command: { run_console_command: { line: 'list' } }, timeoutMs }),
    );
    expect(ran[0]?.reply).to.deep.include({ success: true, lines: ['ran list', 'ok'] });
    const quiet = await all(
      asker.issue({ target, command: { run_console_command: { line: 'quiet' } }, timeoutMs }),
    );
    expect(quiet[0]?.reply).to.deep.include({ success: true, lines: [] });
    const players = ['1001', '1002'].map((id) => ({ id, generation: 7 }));
    const [shown] = await all(
      asker.issue({
        target,
        command: { show_message: { players, display: { chat: 'hi' } } },
        timeoutMs,
      }),
    );
    expect(shown?.reply?.map(({ id, error }) => [id, error?.reason, error?.message])).to.deep.equal(
      [
        ['1001', undefined, undefined],
        ['1002', 'COMMAND_FAILED', 'they sleep'],
      ],
    );
    const [kicked] = await all(
      asker.issue({ target, command: { kick_players: { players, message: 'bye' } }, timeoutMs }),
    );
    expect(kicked?.reply).to.deep.equal([{ id: '1001' }, { id: '1002' }]);
    const [verified] = await all(
      asker.issue({
        target,
        command: { verify_player: { player: { id: '1001', generation: 7 } } },
        timeoutMs,
      }),
    );
    expect(verified?.reply).to.deep.equal({ connected: true, silenceMs: 1500 });
  });

  it('fail with the error of the handler, and for values that cannot be sent', async () => {
    const { asker } = await pair((server) => {
      server.handle('refuse', () => {
        throw new Error('not on a Sunday');
      });
      server.handle('garble', () => ({ odd: () => undefined }));
    });
    const call = (name: string) => asker.call({ node: 'lobby-1' }, name, '', { timeoutMs });
    const refused = await rejectionOf(KelpieError, call('refuse'));
    expect(refused).to.include({ reason: 'COMMAND_FAILED', message: 'not on a Sunday' });
    expect((await rejectionOf(KelpieError, call('garble'))).reason).to.equal('COMMAND_FAILED');
  });

  it('fail at once if no node can get them, and at the timeout if no node answers', async () => {
    const { asker } = await pair((server) => server.handle('hang', never));
    const fails = async (node: string, name: string, within: number) =>
      (await rejectionOf(KelpieError, asker.call({ node }, name, '', { timeoutMs: within })))
        .reason;
    expect(await fails('nowhere', 'hang', timeoutMs)).to.equal('NO_TARGET');
    expect(await fails('lobby-1', 'juggle', timeoutMs)).to.equal('COMMAND_NOT_HANDLED');
    expect(await fails('lobby-1', 'hang', 50)).to.equal('OUTCOME_UNKNOWN');
    const late = thrownBy(KelpieError, () =>
      asker.issue({
        target: { node: 'lobby-1' },
        command: { custom: { name: 'hang', content: '' } },
        timeoutMs: 0,
      }),
    );
    expect(late.reason).to.equal('DEADLINE_INVALID');
    const alone = connect({ name: 'alone', role: 'SERVICE', endpoints: '127.0.0.1:1' });
    const unheard = alone.call({ node: 'lobby-1' }, 'hang', '', { timeoutMs });
    expect((await rejectionOf(KelpieError, unheard)).reason).to.equal('UNAVAILABLE');
    await alone.close();
  });

  it('have one handler for each name, also when handlers are added and removed later', async () => {
    const { server, asker } = await pair((one) => one.handle('first', () => 'first'));
    const twice = thrownBy(KelpieError, () => server.handle('first', () => ''));
    expect(twice.reason).to.equal('COMMAND_INVALID');
    expect(thrownBy(KelpieError, () => server.handle('No Name', () => '')).reason).to.equal(
      'COMMAND_INVALID',
    );
    const handling = server.handle('second', () => 'second');
    const names = () => asker.roster.node('lobby-1')?.commands.join();
    await until(() => names() === 'first,second');
    const call = () => asker.call({ node: 'lobby-1' }, 'second', '', { timeoutMs });
    expect(await call()).to.equal('second');
    handling.close();
    handling.close();
    await until(() => names() === 'first');
    expect((await rejectionOf(KelpieError, call())).reason).to.equal('COMMAND_NOT_HANDLED');
  });

  it('still work on later streams, with handlers that were added in between', async () => {
    const wire = await FaultProxy.before(kelpied.port);
    const { server, asker } = await pair((one) => one.handle('a', () => 'a'), wire.endpoint);
    wire.cut();
    server.handle('b', () => 'b');
    await until(() => asker.roster.node('lobby-1')?.commands.join() === 'a,b');
    await until(() => server.pending === 0);
    expect(await asker.call({ node: 'lobby-1' }, 'b', '', { timeoutMs })).to.equal('b');
    await server.close();
    await wire.close();
  });

  it("that are pending when the node's stream breaks are answered on the next one", async () => {
    const wire = await FaultProxy.before(kelpied.port);
    const [asked, go] = [deferred<undefined>(), deferred<string>()];
    const { server, asker } = await pair(
      (one) =>
        one.handle('slow', () => {
          asked.resolve(undefined);
          return go.promise;
        }),
      wire.endpoint,
    );
    const answer = asker.call({ node: 'lobby-1' }, 'slow', '', { timeoutMs });
    await asked.promise;
    wire.cut();
    for await (const { type } of server.status()) if (type === 'disconnected') break;
    go.resolve('done in the dark');
    expect(await answer).to.equal('done in the dark');
    await until(() => server.pending === 0);
    await server.close();
    await wire.close();
  });

  it("that are pending when the issuer's stream breaks have an unknown outcome", async () => {
    const wire = await FaultProxy.before(kelpied.port);
    const asked = deferred<AbortSignal>();
    await pair((server) =>
      server.handle('hang', (_, { signal }) => {
        asked.resolve(signal);
        return never();
      }),
    );
    const asker = join('far-asker', { endpoints: wire.endpoint });
    await asker.ready();
    const call = rejectionOf(
      KelpieError,
      asker.call({ node: 'lobby-1' }, 'hang', '', { timeoutMs }),
    );
    const signal = await asked.promise;
    wire.cut();
    expect((await call).reason).to.equal('OUTCOME_UNKNOWN');
    // Nobody waits for its answer any more, so its handler is aborted.
    await until(() => signal.aborted);
    await asker.close();
    await wire.close();
  });

  it('are withdrawn by a signal, or when the issuer stops reading', async () => {
    const signals: AbortSignal[] = [];
    const { asker } = await pair((server) =>
      server.handle('hang', (_, { signal }) => {
        signals.push(signal);
        return never();
      }),
    );
    const target = { node: 'lobby-1' };
    const command = { custom: { name: 'hang', content: '' } };
    const stop = new AbortController();
    const results = all(asker.issue({ target, command, timeoutMs, signal: stop.signal }));
    await until(() => signals.length === 1);
    stop.abort();
    expect(saidBy(await results)).to.deep.equal({ 'lobby-1': 'CANCELLED' });
    await until(() => signals[0]?.aborted === true);
    const given = asker.issue({ target, command, timeoutMs, signal: stop.signal });
    expect((await rejectionOf(KelpieError, all(given))).reason).to.equal('CANCELLED');
    const quick = join('lobby-2');
    quick.handle('hang', () => 'not I');
    await quick.ready();
    for await (const { reply } of asker.issue({ target: { every: {} }, command, timeoutMs })) {
      expect(reply).to.equal('not I');
      break;
    }
    await until(() => signals[1]?.aborted === true);
  });

  it('abort their handlers at the timeout, and when the client closes', async () => {
    const signals: AbortSignal[] = [];
    const { server, asker } = await pair((one) =>
      one.handle('hang', (_, { signal }) => {
        signals.push(signal);
        return never();
      }),
    );
    const call = (within: number) =>
      rejectionOf(KelpieError, asker.call({ node: 'lobby-1' }, 'hang', '', { timeoutMs: within }));
    await call(50);
    await until(() => signals[0]?.aborted === true);
    const last = call(timeoutMs);
    await until(() => signals.length === 2);
    const closing = server.close();
    await until(() => signals[1]?.aborted === true);
    await closing;
    expect((await last).reason).to.equal('OUTCOME_UNKNOWN');
  });

  it('go to many nodes, or to one of them in rotation; maxReplies ends them early', async () => {
    const names = ['a', 'b', 'c'];
    const silent = new Map<string, AbortSignal>();
    const servers = names.map((name) => join(name, { labels: { game: 'arena' } }));
    for (const [index, server] of servers.entries()) {
      server.handle('who', () => names[index]);
      server.handle('first', (_, { signal }) => {
        if (index < 2) return names[index];
        silent.set(names[index] ?? '', signal);
        return never();
      });
      server.handle('mixed', () => {
        if (index === 0) throw new Error('no');
        return index === 1 ? never() : 'yes';
      });
    }
    const asker = join('asker');
    await Promise.all([...servers, asker].map((one) => one.ready()));
    const every = { every: { roles: ['DOWNSTREAM'], labels: { game: 'arena' } } } as const;
    const ask = (name: string, within: number, maxReplies = 0) =>
      all(
        asker.issue({
          target: every,
          command: { custom: { name, content: '' } },
          timeoutMs: within,
          maxReplies,
        }),
      );
    expect(saidBy(await ask('who', timeoutMs))).to.deep.equal({ a: 'a', b: 'b', c: 'c' });
    expect(saidBy(await ask('first', timeoutMs, 2))).to.deep.equal({ a: 'a', b: 'b' });
    await until(() => silent.get('c')?.aborted === true);
    expect(saidBy(await ask('mixed', 500))).to.deep.equal({
      a: 'COMMAND_FAILED',
      b: 'OUTCOME_UNKNOWN',
      c: 'yes',
    });
    const chosen = new Set<unknown>();
    for (let turn = 0; turn < 3; turn++) {
      chosen.add(await asker.call({ any: { roles: ['DOWNSTREAM'] } }, 'who', '', { timeoutMs }));
    }
    expect([...chosen].sort()).to.deep.equal(names);
  });

  it('are at most a thousand at once on a node, and more are refused', async () => {
    const go = deferred<string>();
    const { server, asker } = await pair((one) => one.handle('wait', () => go.promise));
    // A session has at most 256 pending commands, so several sessions issue them.
    const more = Array.from({ length: 4 }, (_, index) => join(`asker-${index}`));
    await Promise.all(more.map((one) => one.ready()));
    const calls: Promise<unknown>[] = [];
    // In groups, because the coordinator queues only a limited number for a node at once.
    for (const one of [asker, ...more]) {
      for (let index = 0; index < 210; index++) {
        const call = one.call({ node: 'lobby-1' }, 'wait', '', { timeoutMs });
        calls.push(call.catch((error: unknown) => error));
      }
      await until(() => server.pending === Math.min(calls.length, 1000));
    }
    const refused = await Promise.race(calls);
    expect(refused).to.include({ reason: 'COMMAND_FAILED' });
    go.resolve('done');
    const answers = await Promise.all(calls);
    expect(answers.filter((one) => one === 'done')).to.have.length(1000);
    expect(answers.filter((one) => one instanceof KelpieError)).to.have.length(50);
  });
});
