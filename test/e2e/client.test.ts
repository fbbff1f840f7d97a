import { expect } from 'chai';
import {
  connect,
  type ConnectOptions,
  type KelpieClient,
  KelpieError,
  type Status,
} from '../../client/index.js';
import { reachApi } from '../support/wire/calls.js';
import { runKelpie } from '../support/process/cli.js';
import { Inbox } from '../support/wire/inbox.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { FaultProxy } from '../support/faults/fault-proxy.js';

/** Waits for a status of this type, and skips other statuses. */
async function status<T extends Status['type']>(
  client: KelpieClient,
  type: T,
): Promise<Extract<Status, { type: T }>> {
  for await (const one of client.status()) {
    if (one.type === type) return one as Extract<Status, { type: T }>;
  }
  throw new Error(`the client ended before "${type}"`);
}

describe('the client', () => {
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
    await Promise.all(open.splice(0).map((client) => client.close()));
  });
  after(() => kelpied.stop());

  it('publishes text, bytes and objects, which other nodes receive with their source', async () => {
    const inbox = new Inbox();
    const reader = join('reader');
    reader.subscribe('chat.>', inbox.take);
    await reader.ready();
    const writer = join('Writer');
    await writer.publish('chat.global', 'hello', { type: 'chat', attributes: { lang: 'en' } });
    await writer.publish('chat.global', new Uint8Array([1, 2, 3]), { origin: 'NODE' });
    await writer.publish('chat.staff.alerts', { cps: 23, name: 'Steve' });
    await writer.publish('shop.sold', 'not for chat');
    const [text, bytes, object] = await inbox.atLeast(3);
    expect(text).to.include({
      content: 'hello',
      type: 'chat',
      source: 'writer',
      origin: 'UNSPECIFIED',
    });
    expect(text?.attributes).to.deep.equal({ lang: 'en' });
    expect(text?.time).to.be.instanceOf(Date);
    expect([...(bytes?.content as Uint8Array)]).to.deep.equal([1, 2, 3]);
    expect(bytes?.origin).to.equal('NODE');
    expect(object?.content).to.deep.equal({ cps: 23, name: 'Steve' });
  });

  it('reaches a single node through its inbox', async () => {
    const [own, all] = [new Inbox(), new Inbox()];
    const lobby = join('lobby-1');
    lobby.subscribe('inbox.lobby-1', own.take);
    lobby.subscribe('done', own.take);
    const spy = join('spy');
    spy.subscribe('>', all.take);
    await Promise.all([lobby.ready(), spy.ready()]);
    await spy.publish('inbox.lobby-1', 'only for you');
    await spy.publish('done', 'for all');
    expect((await own.atLeast(2)).map(({ content }) => content)).to.deep.equal([
      'only for you',
      'for all',
    ]);
    expect((await all.atLeast(1)).map(({ content }) => content)).to.deep.equal(['for all']);
  });

  it('keeps a roster of nodes that join and leave', async () => {
    const proxy = join('proxy-1', { role: 'PROXY' });
    const gone = new Inbox();
    proxy.subscribe('nodes.*', (event) => {
      if (event.body?.kind === 'nodeLeft') gone.take(event);
    });
    await proxy.ready();
    const lobby = connect({
      name: 'lobby-2',
      role: 'DOWNSTREAM',
      endpoints: kelpied.endpoint,
      address: { port: 19132 },
      labels: { mode: 'lobby' },
    });
    await lobby.ready();
    const other = join('other');
    await other.ready();
    // The event of `other` follows the join of lobby-2, so the proxy has both then.
    const seen = new Inbox();
    proxy.subscribe('sync', seen.take);
    const synced = seen.atLeast(1);
    await proxy.publish('sync', '');
    await synced;
    expect(proxy.roster.node('LOBBY-2')?.address).to.deep.equal({ host: '127.0.0.1', port: 19132 });
    expect(
      proxy.roster.ready('DOWNSTREAM', { mode: 'lobby' }).map(({ name }) => name),
    ).to.deep.equal(['lobby-2']);
    await lobby.close();
    const [left] = await gone.atLeast(1);
    expect(left?.body?.kind === 'nodeLeft' && left.body.reason).to.equal('STOPPED');
    expect(proxy.roster.node('lobby-2')).to.equal(undefined);
  });

  it('continues at its exact position after connections break, in both directions', async () => {
    const wire = await FaultProxy.before(kelpied.port);
    const inbox = new Inbox();
    const reader = join('steady-reader', { endpoints: wire.endpoint });
    reader.subscribe('count', inbox.take);
    await reader.ready();
    const writer = join('steady-writer', { endpoints: wire.endpoint });
    await writer.ready();
    const gaps: Status[] = [];
    void (async () => {
      for await (const one of reader.status()) if (one.type === 'gap') gaps.push(one);
    })();
    const acknowledged: Promise<void>[] = [];
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 200; index++) {
        acknowledged.push(writer.publish('count', String(round * 200 + index)));
      }
      // In the middle of the events: some are sent, and some are stored and not acknowledged.
      await acknowledged.at(-100);
      wire.cut();
    }
    await Promise.all(acknowledged);
    const numbers = (await inbox.atLeast(1000)).map(({ content }) => Number(content));
    expect(numbers).to.deep.equal(Array.from({ length: 1000 }, (_, index) => index));
    expect(gaps).to.be.empty;
    await Promise.all([reader.close(), writer.close()]);
    await wire.close();
  });

  it('comes back to a coordinator that lost its journal, and reports the gap', async () => {
    const first = await startKelpied();
    const inbox = new Inbox();
    const reader = join('reader', { endpoints: first.endpoint });
    reader.subscribe('news', inbox.take);
    const writer = join('writer', { endpoints: first.endpoint });
    await Promise.all([reader.ready(), writer.ready()]);
    await first.kill();
    await status(reader, 'disconnected');
    const late = writer.publish('news', 'written while nobody listened');
    const told = status(reader, 'gap');
    const second = await startKelpied(['--port', String(first.port)]);
    await late;
    expect((await told).gap.lostAfter?.epoch).to.not.deep.equal((await told).gap.resumesAt?.epoch);
    expect((await inbox.atLeast(1))[0]?.content).to.equal('written while nobody listened');
    expect(
      reader.roster.nodes().map(({ name }) => name),
      'known from before or seen again',
    ).to.include.members(['reader', 'writer']);
    await Promise.all([reader.close(), writer.close()]);
    expect(await second.stop()).to.equal(0);
  });

  it('changes its own node, which an operator can change and disconnect too', async () => {
    const first = await startKelpied();
    const lobby = join('lobby-3', { endpoints: first.endpoint, labels: { mode: 'lobby' } });
    await lobby.ready();
    await lobby.update({ labels: { arena: '1' }, state: 'DRAINING', maxPlayers: 7 });
    await lobby.update({ motd: 'event tonight', address: { port: 19140 } });
    const refused = await lobby.update({ labels: { '': '' } }).catch((error: unknown) => error);
    expect((refused as KelpieError).reason).to.equal('LABELS_INVALID');
    const args = ['nodes', '--json', '--state', 'draining', '--role', 'downstream', '--label'];
    const listed = await runKelpie([...args, 'arena=1'], first.endpoint);
    expect(JSON.parse(listed.output)).to.deep.include({
      ...{ name: 'lobby-3', maxPlayers: 7, motd: 'event tonight' },
      address: { host: '127.0.0.1', port: 19140 },
    });
    expect((await runKelpie([...args, 'arena=2'], first.endpoint)).output).to.equal('');

    await first.kill();
    await status(lobby, 'disconnected');
    const late = await lobby.update({ state: 'READY' }).catch((error: unknown) => error);
    expect((late as KelpieError).reason).to.equal('UNAVAILABLE');
    const gap = status(lobby, 'gap');
    const second = await startKelpied(['--port', String(first.port)]);
    await gap;
    const again = await runKelpie(['nodes', '--json'], second.endpoint);
    expect(
      JSON.parse(again.output),
      'the client sends it again to a coordinator that lost it',
    ).to.deep.include({
      state: 'NODE_STATE_DRAINING',
      labels: { arena: '1', mode: 'lobby' },
      motd: 'event tonight',
      address: { host: '127.0.0.1', port: 19140 },
    });
    const api = await reachApi([second.endpoint]);
    const ended = status(lobby, 'closed');
    await api.nodes.disconnectNode({ name: 'LOBBY-3' });
    expect((await ended).error?.reason).to.equal('SESSION_ENDED');
    api.close();
    await second.stop();
  });

  it('reports refused events, and publishes the rest', async () => {
    const client = join('writer');
    const [refused, stored] = await Promise.allSettled([
      client.publish('nodes.lobby-1', 'I am a node'),
      client.publish('chat.global', 'I am not'),
    ]);
    expect(refused.status).to.equal('rejected');
    const error: unknown = refused.status === 'rejected' && refused.reason;
    expect((error as KelpieError).reason).to.equal('TOPIC_RESERVED');
    expect(stored.status).to.equal('fulfilled');
  });

  it('fails at once for a name in use, and for an invalid name', async () => {
    await join('taken').ready();
    const errors = await Promise.all(
      ['taken', 'Lobby 1'].map((name) =>
        join(name)
          .ready()
          .catch((error: unknown) => error as KelpieError),
      ),
    );
    expect(errors.map((error) => error?.reason)).to.deep.equal([
      'NODE_NAME_IN_USE',
      'NODE_NAME_INVALID',
    ]);
    expect(errors[1]?.metadata['proposal']).to.equal('lobby-1');
  });

  it('runs the handlers of one subscription in order, and independently of other subscriptions', async () => {
    const client = join('worker');
    const order: unknown[] = [];
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = new Inbox();
    const fast = new Inbox();
    client.subscribe('job', async (event) => {
      if (event.content === '1') await held;
      order.push(event.content);
      slow.take(event);
    });
    client.subscribe('*', fast.take);
    await client.ready();
    await Promise.all(['1', '2', '3'].map((job) => client.publish('job', job)));
    await fast.atLeast(3);
    expect(order, 'the slow handler delays only its own subscription').to.be.empty;
    release();
    await slow.atLeast(3);
    expect(order).to.deep.equal(['1', '2', '3']);
  });

  it('reports a handler that throws or hangs, and continues', async () => {
    const client = join('fragile', { handlerTimeoutMs: 20 });
    const failures: unknown[] = [];
    const after = new Inbox();
    client.subscribe('bang', () => {
      throw new Error('boom');
    });
    client.subscribe('hang', () => new Promise<void>(() => undefined));
    client.subscribe('calm', after.take);
    await client.ready();
    const both = (async () => {
      for await (const one of client.status()) {
        if (one.type === 'handlerFailed') failures.push(one.error);
        if (failures.length === 2) return;
      }
    })();
    await client.publish('bang', '');
    await client.publish('hang', '');
    await client.publish('calm', '');
    await Promise.all([both, after.atLeast(1)]);
    expect(
      failures.map((error) => (error instanceof KelpieError ? error.reason : String(error))),
    ).to.have.members(['Error: boom', 'HANDLER_TIMEOUT']);
  });

  it('receives a topic from its subscription until the close of the subscription', async () => {
    const client = join('curious');
    await client.ready();
    await client.publish('radio', 'before');
    const radio = new Inbox();
    const subscription = client.subscribe('radio', radio.take);
    const marks = new Inbox();
    client.subscribe('mark', marks.take);
    await client.publish('radio', 'during');
    expect((await radio.atLeast(1))[0]?.content).to.equal('during');
    subscription.close();
    subscription.close();
    await client.publish('radio', 'after');
    await client.publish('mark', '');
    await marks.atLeast(1);
    expect(radio.events.map(({ content }) => content)).to.deep.equal(['during']);
  });

  it('has the roster from every start position', async () => {
    const writer = join('here-before');
    const starts = [
      ['EARLIEST', ['before', 'after']],
      [{ sinceMs: 60_000 }, ['before', 'after']],
      ['LATEST', ['after']],
    ] as const;
    for (const [index, [start, expected]] of starts.entries()) {
      const topic = `late.${index}`;
      await writer.publish(topic, 'before');
      const inbox = new Inbox();
      const reader = join(`late-${index}`, { start });
      reader.subscribe(topic, inbox.take);
      await reader.ready();
      expect(reader.roster.node('here-before')?.name).to.equal('here-before');
      await writer.publish(topic, 'after');
      const events = await inbox.atLeast(expected.length);
      expect(events.map(({ content }) => content)).to.deep.equal(expected);
    }
  });

  it('rejects every operation after its close', async () => {
    const client = join('gone');
    await client.ready();
    await client.close();
    const error = await client.publish('chat', 'hello?').catch((reason: unknown) => reason);
    expect((error as KelpieError).reason).to.equal('CLOSED');
    const states: string[] = [];
    for await (const { type } of client.status()) states.push(type);
    expect(states).to.deep.equal(['closed']);
  });

  it('connects without a coordinator, and closes without one', async () => {
    const client = connect({ name: 'early', role: 'SERVICE', endpoints: '127.0.0.1:1' });
    const { error } = await status(client, 'disconnected');
    expect(error?.reason).to.equal('UNAVAILABLE');
    const pending = client.publish('chat', 'hello?').catch((reason: unknown) => reason);
    await client.close();
    expect(((await pending) as KelpieError).reason).to.equal('CLOSED');
  });
});
