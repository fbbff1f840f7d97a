/** The files that a client writes for its next process. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import type { ConnectOptions } from '../../../client/options.js';
import { settled } from '../../support/journal/history.js';
import { NOTHING_LEFT, type Process, SdkWorld } from '../../support/model/sdk-world.js';
import { thrownBy } from '../../support/thrown.js';

describe('the state that a client keeps in files', () => {
  let folder: string;
  let cursorFile: string;
  let rosterFile: string;
  let world: SdkWorld;
  let entered: Process[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kelpie-kept-'));
    cursorFile = join(folder, 'cursor');
    rosterFile = join(folder, 'roster');
    world = await SdkWorld.open();
    entered = [];
  });
  afterEach(async () => {
    // Files are written in real time.
    for (const one of entered) await leave(one);
    expect(await world.close()).to.deep.equal(NOTHING_LEFT);
    rmSync(folder, { recursive: true });
  });

  async function enter(name: string, options: Partial<ConnectOptions> = {}) {
    const process = world.connect({ name, role: 'DOWNSTREAM', ...options });
    const seen: string[] = [];
    for (const pattern of ['nodes.*', 'chat.*']) {
      process.client.subscribe(pattern, ({ topic, body }) => {
        seen.push(`${topic} ${body?.kind ?? 'message'}`);
      });
    }
    await world.flow();
    await process.client.ready();
    entered.push(process);
    return { ...process, seen };
  }

  async function leave({ client }: Pick<Process, 'client'>): Promise<void> {
    const closed = client.close();
    await world.flow();
    await closed;
  }

  for (const start of ['SNAPSHOT', 'LATEST', 'EARLIEST'] as const) {
    it(`has the last position (${start}): handlers on nodes.* miss no event of the time between`, async () => {
      await leave(await enter('watcher', { start, cursorFile }));
      const other = await enter('lobby-1');
      const published = other.client.publish('chat.global', 'x');
      await world.flow();
      await published;
      await leave(other);
      const next = await enter('watcher', { start, cursorFile });
      const others = next.seen.filter((one) => !one.startsWith('nodes.watcher'));
      expect(others).to.deep.equal([
        'nodes.lobby-1 nodeJoined',
        'chat.global message',
        'nodes.lobby-1 nodeLeft',
      ]);
      expect(next.statuses.map(({ type }) => type)).to.not.include('gap');
      expect(next.client.roster.nodes().map(({ name }) => name)).to.deep.equal(['watcher']);
    });
  }

  for (const start of ['SNAPSHOT', 'LATEST'] as const) {
    it(`has the first position (${start}) if no event came before the end`, async () => {
      // Only the Welcome comes, and the Snapshot with it.
      const { client } = world.connect({ name: 'quiet', role: 'DOWNSTREAM', start, cursorFile });
      await settled(20);
      for (const stream of world.wire.streams) stream.deliver('up');
      await settled(20);
      for (const stream of world.wire.streams) stream.deliver('down');
      await settled(20);
      for (const stream of world.wire.streams) stream.cut('both');
      await leave({ client });
      const other = await enter('lobby-1');
      const next = await enter('quiet', { start, cursorFile });
      expect(next.seen).to.include('nodes.lobby-1 nodeJoined');
      await leave(other);
    });
  }

  it('fails connect by the name of the file if the cursor is empty or not whole', async () => {
    await leave(await enter('watcher', { cursorFile }));
    const whole = readFileSync(cursorFile);
    expect(readdirSync(folder), 'nothing else is left').to.deep.equal(['cursor']);
    const broken = [0, 5, 18, 20].map((length) => whole.subarray(0, length));
    for (const bytes of [...broken, Buffer.alloc(32), Buffer.concat([whole, whole])]) {
      writeFileSync(cursorFile, bytes);
      const options = { name: 'watcher', role: 'DOWNSTREAM', cursorFile } as const;
      const refused = thrownBy(KelpieError, () => world.connect(options));
      expect(refused.reason).to.equal('FILE_INVALID');
      expect(refused.message).to.contain(cursorFile).and.contain('remove it');
    }
  });

  it('causes a status with the name of the file if the roster is empty or not whole', async () => {
    await leave(await enter('watcher', { rosterFile }));
    const whole = readFileSync(rosterFile);
    for (const bytes of [Buffer.alloc(0), whole.subarray(0, -2), whole.subarray(0, 20)]) {
      writeFileSync(rosterFile, bytes);
      const one = await enter('watcher', { rosterFile });
      const [failed] = one.statuses.filter(({ type }) => type === 'fileFailed');
      expect(failed).to.include({ path: rosterFile });
      expect(one.client.roster.nodes().map(({ name }) => name)).to.deep.equal(['watcher']);
      await leave(one);
    }
  });
});
