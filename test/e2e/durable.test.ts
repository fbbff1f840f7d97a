/** A coordinator with its journal in a file is killed and started again, and nobody notices. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type Status } from '../../client/index.js';
import { Inbox } from '../support/inbox.js';
import { runKelpied, startKelpied } from '../support/kelpied.js';

describe('kelpied with its journal in a file', () => {
  let folder: string;
  let args: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-data-'));
    args = ['--journal', 'file', '--data', join(folder, 'data')];
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('goes on after kill -9 where it was: every event once, in order, and nobody has left', async () => {
    let kelpied = await startKelpied(args);
    const { endpoint: endpoints, port } = kelpied;
    const inbox = new Inbox();
    const news: string[] = [];
    const reader = connect({ name: 'reader', role: 'BACKEND', endpoints });
    const writer = connect({ name: 'writer', role: 'BACKEND', endpoints });
    reader.subscribe('count', inbox.take);
    reader.subscribe('nodes.*', ({ body }) => void news.push(body?.$case ?? ''));
    const seen: Status['type'][] = [];
    void (async () => {
      for await (const { type } of reader.status()) seen.push(type);
    })();
    await Promise.all([reader.ready(), writer.ready()]);
    const joined = news.length;
    const ROUNDS = 5;
    const EACH = 200;
    for (let round = 0; round < ROUNDS; round++) {
      const publishing = Array.from({ length: EACH }, (_, at) =>
        writer.publish('count', String(round * EACH + at)),
      );
      await kelpied.kill();
      kelpied = await startKelpied([...args, '--port', String(port)]);
      await Promise.all(publishing);
    }
    const events = await inbox.atLeast(ROUNDS * EACH);
    const numbers = Array.from({ length: ROUNDS * EACH }, (_, index) => String(index));
    expect(events.map(({ content }) => content)).to.deep.equal(numbers);
    expect(seen).to.not.include('gap');
    expect(news.slice(joined), 'no node was lost, unreachable or new').to.be.empty;
    await Promise.all([reader.close(), writer.close()]);
    expect(await kelpied.stop()).to.equal(0);
  });

  it('refuses a data directory that another one uses, and says what to do', async () => {
    const kelpied = await startKelpied(args);
    const { code, errors } = await runKelpied([...args, '--port', '0', '--metrics-port', 'off']);
    expect(code).to.equal(1);
    expect(errors).to.contain(join(folder, 'data'));
    await kelpied.stop();
  });
});
