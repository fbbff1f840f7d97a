/** The files that a client keeps for its next process, and its move from one coordinator to another. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type ConnectOptions, KelpieError, type Status } from '../../client/index.js';
import { startCoordinator } from '../../server/coordinator.js';
import { Inbox } from '../support/wire/inbox.js';
import { thrownBy } from '../support/thrown.js';
import { until } from '../support/until.js';

describe('a client with files', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-kept-'));
  });
  after(() => rm(folder, { recursive: true }));

  const named = (name: string, port: number, more: Partial<ConnectOptions> = {}) =>
    connect({ name, role: 'SERVICE', endpoints: `127.0.0.1:${port}`, ...more });

  it("continues at the position of its former process's handlers, with a whole roster", async () => {
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const writer = named('writer', coordinator.port);
    const cursorFile = join(folder, 'cursor');
    const life = async (texts: string[], read: number) => {
      const inbox = new Inbox();
      const shop = named('shop', coordinator.port, { cursorFile });
      shop.subscribe('orders', inbox.take);
      await shop.ready();
      for (const text of texts) await writer.publish('orders', text);
      const got = (await inbox.atLeast(read)).map(({ content }) => content);
      const names = shop.roster.nodes().map(({ name }) => name);
      await shop.close();
      return { got, names };
    };
    await writer.ready();
    const both = ['shop', 'writer'];
    expect(await life(['1', '2'], 2)).to.deep.equal({ got: ['1', '2'], names: both });
    await writer.publish('orders', '3');
    await writer.publish('orders', '4');
    expect(await life(['5'], 3)).to.deep.equal({ got: ['3', '4', '5'], names: both });
    await writer.close();
    await coordinator.stop();
  });

  it('does not start elsewhere if its cursor file cannot be read', async () => {
    const cursorFile = join(folder, 'damaged');
    await writeFile(cursorFile, Buffer.from([0x0a, 0xff]));
    const { reason, message } = thrownBy(KelpieError, () => named('shop', 1, { cursorFile }));
    expect(reason).to.equal('FILE_INVALID');
    expect(message).to.contain(cursorFile);
  });

  it('has a roster before a coordinator answers, and without one if the file is damaged', async () => {
    const rosterFile = join(folder, 'roster');
    const coordinator = await startCoordinator({ journal: 'memory', port: 0 });
    const lobby = named('lobby-1', coordinator.port);
    const proxy = named('proxy-1', coordinator.port, { rosterFile });
    await Promise.all([lobby.ready(), proxy.ready()]);
    await until(() => proxy.roster.nodes().length === 2);
    await proxy.close();
    await lobby.close();
    const { port } = coordinator;
    await coordinator.stop();

    const alone = named('proxy-1', port, { rosterFile });
    expect(alone.roster.node('lobby-1')?.name).to.equal('lobby-1');
    expect(alone.roster.isStale('lobby-1')).to.equal(true);
    await alone.close();

    await writeFile(rosterFile, Buffer.from([0x0a, 0xff]));
    const poor = named('proxy-1', port, { rosterFile });
    const failed = (async () => {
      for await (const status of poor.status())
        if (status.type === 'fileFailed') return status.path;
      return undefined;
    })();
    expect(poor.roster.nodes()).to.be.empty;
    await poor.close();
    expect(await failed).to.equal(rosterFile);
  });
});

describe('a client with several coordinators', () => {
  it('opens its new stream before it leaves a coordinator that drains', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => startCoordinator({ journal: 'memory', port: 0 })),
    );
    if (!first || !second) throw new Error('two coordinators were started');
    const endpoints = [first, second].map(({ port }) => `127.0.0.1:${port}`);
    const client = connect({ name: 'lobby-1', role: 'DOWNSTREAM', endpoints });
    const seen: Status['type'][] = [];
    const moved = (async () => {
      for await (const { type } of client.status()) {
        seen.push(type);
        if (seen.filter((one) => one === 'connected').length === 2) return;
      }
    })();
    await client.ready();
    await first.stop();
    await moved;
    expect(seen).to.deep.equal(['connecting', 'connected', 'draining', 'connected']);
    await client.publish('chat.a', 'still here');
    await client.close();
    await second.stop();
  });

  it('leaves that coordinator also if no other welcomes it', async () => {
    const only = await startCoordinator({ journal: 'memory', port: 0 });
    const nobody = '127.0.0.1:1';
    const endpoints = [`127.0.0.1:${only.port}`, nobody];
    const client = connect({ name: 'lobby-1', role: 'DOWNSTREAM', endpoints });
    await client.ready();
    const disconnected = (async () => {
      for await (const status of client.status()) if (status.type === 'disconnected') return;
    })();
    await only.stop();
    await disconnected;
    await client.close();
  });
});
