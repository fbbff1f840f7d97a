/** Topics with a shorter retention of their own, for readers of these topics and for other readers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type Status } from '../../client/index.js';
import { runKelpie, startKelpie } from '../support/process/cli.js';
import { Inbox } from '../support/wire/inbox.js';
import { type Kelpied, runKelpied, startKelpied } from '../support/process/kelpied.js';
import { type Cursor, say, textOf } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const TOPICS = 'chat=3, metrics.tps = 1h,metrics.tps=2';

describe('topics with a retention of their own', () => {
  let folder: string;
  let kelpied: Kelpied;
  let wire: Wire;
  /** The positions before the first event and after the last one. */
  let start: Cursor;
  let end: Cursor;

  const head = async (): Promise<Cursor> =>
    (await wire.call('CoordinatorService.GetInfo', {})).head;
  const publish = (topic: string, text: string) =>
    wire.call('EventService.PublishEvents', { events: [say(topic, text)] });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-topics-'));
    const args = [
      '--journal',
      'file',
      '--data',
      join(folder, 'data'),
      '--retention-topics',
      TOPICS,
    ];
    kelpied = await startKelpied(args);
    wire = new Wire(kelpied.endpoint);
    start = await head();
    for (let index = 1; index <= 6; index++) {
      await publish('chat.global', `chat ${index}`);
      await publish('shop.sold', `shop ${index}`);
      await publish('metrics.tps.lobby-1', `tps ${index}`);
    }
    end = await head();
    wire.close();
    await kelpied.stop();
    // The restart drops the memory, from which readers still got the removed events.
    kelpied = await startKelpied([...args, '--port', String(kelpied.port)]);
    wire = new Wire(kelpied.endpoint);
  });
  after(async () => {
    wire.close();
    await kelpied.kill();
    await rm(folder, { recursive: true });
  });

  it('cause a gap and a snapshot for a session that comes back, which gets all other events', async () => {
    const { stream } = await wire.join('reader', {
      topics: ['chat.>', 'shop.*', 'nodes.*'],
      start: { after: start },
    });
    const gap = await stream.next('gap');
    expect(gap).to.deep.include({ reason: 'GAP_REASON_TRIMMED', topics: ['chat', 'chat.>'] });
    expect(gap.lost_after.sequence).to.equal(start.sequence);
    // The third of six, each the first of three.
    expect(gap.resumes_at.sequence).to.equal(start.sequence + 7);
    expect((await stream.next('snapshot')).complete).to.equal(true);
    const events = await stream.until((event) => event.topic === 'nodes.reader');
    expect(events.map(textOf).filter((text) => text !== undefined)).to.deep.equal([
      'shop 1',
      'shop 2',
      'shop 3',
      'chat 4',
      'shop 4',
      'chat 5',
      'shop 5',
      'chat 6',
      'shop 6',
    ]);
    stream.cut();
    // A reader that ignores the topics of a gap continues at the end of the gap. It can come back from there.
    const again = await wire.join('reader', {
      topics: ['chat.>'],
      start: { after: gap.resumes_at },
    });
    expect(await again.stream.texts('chat 6')).to.deep.equal(['chat 4', 'chat 5', 'chat 6']);
    again.stream.cut();
  });

  it('cause gaps in a page of events, each for readers of its topic', async () => {
    const read = (topics: string[], after = start, size = 0) =>
      wire.call('EventService.ReadEvents', { topics, start: { after }, page_size: size });
    const shop = await read(['shop.>']);
    expect(shop.gap).to.equal(null);
    expect(shop.events).to.have.length(6);
    const chat = await read(['chat.global']);
    expect(chat.gap?.topics).to.deep.equal(['chat', 'chat.>']);
    expect(chat.events.map(textOf)).to.deep.equal(['chat 4', 'chat 5', 'chat 6']);
    const both = await read(['>'], start, 2);
    expect(both.gap?.topics).to.have.members(['chat', 'chat.>', 'metrics.tps', 'metrics.tps.>']);
    expect(both.events.map(textOf)).to.deep.equal(['shop 1', 'shop 2']);
    expect((await read(['>'], end)).gap, 'nothing is missing after it').to.equal(null);
  });

  it('cause one gap at a client, whose own position stays', async () => {
    const inbox = new Inbox();
    const seen: Status[] = [];
    const options = { name: 'client', role: 'SERVICE', endpoints: kelpied.endpoint } as const;
    const client = connect({ ...options, start: 'EARLIEST' });
    client.subscribe('chat.>', inbox.take);
    client.subscribe('shop.>', inbox.take);
    void (async () => {
      for await (const status of client.status()) seen.push(status);
    })();
    await client.ready();
    const events = await inbox.atLeast(9);
    expect(events.map(({ content }) => content).slice(0, 4)).to.deep.equal([
      'shop 1',
      'shop 2',
      'shop 3',
      'chat 4',
    ]);
    const gaps = seen.flatMap((status) => (status.type === 'gap' ? [status.gap.topics] : []));
    expect(gaps).to.deep.equal([['chat', 'chat.>']]);
    expect(client.roster.nodes().map(({ name }) => name)).to.include('client');
    expect(seen.map(({ type }) => type)).to.not.include('disconnected');
    await client.close();
  });

  it('cause a message of kelpie tail, and are listed by kelpie info', async () => {
    const tail = startKelpie(['tail', '--all', 'metrics.>', 'shop.*'], kelpied.endpoint);
    await tail.line(/tps 6/);
    expect(tail.lines[0]).to.match(/^--- .*metrics\.tps and metrics\.tps\.>.*missing/);
    expect(tail.lines.filter((line) => line.startsWith('---'))).to.have.length(1);
    expect(tail.lines[1]).to.include('shop 1');
    await tail.stop();
    const { output } = await runKelpie(['info'], kelpied.endpoint);
    expect(output).to.match(/^chat +3 +\S+ \S+ +3 entries$/m);
    expect(output).to.match(/^metrics\.tps +2 +\S+ \S+ +2 entries, 1 h$/m);
  });

  it('are consistent after kill -9 during a removal, as `kelpied data` checks', async () => {
    const data = join(folder, 'killed');
    const args = ['--journal', 'file', '--data', data, '--retention-topics', 'count.busy=20'];
    let mine = await startKelpied(args);
    const { port, endpoint: endpoints } = mine;
    const writer = connect({ name: 'writer', role: 'SERVICE', endpoints });
    const publishing: Promise<void>[] = [];
    for (let round = 0; round < 4; round++) {
      const first = publishing.length;
      for (let index = 0; index < 200; index++) {
        publishing.push(writer.publish(index % 4 === 0 ? 'count.rare' : 'count.busy', `${index}`));
      }
      // Some events are stored, and some of these are removed.
      await publishing[first + 50];
      await mine.kill();
      mine = await startKelpied([...args, '--port', String(port)]);
    }
    await Promise.all(publishing);
    const own = new Wire(endpoints);
    const topics = ['count.*'];
    const start = { at: 'START_AT_EARLIEST' };
    const { events, gap } = await own.call('EventService.ReadEvents', { topics, start });
    expect(events.filter(({ topic }) => topic === 'count.rare')).to.have.length(200);
    expect(events.filter(({ topic }) => topic === 'count.busy')).to.have.length(20);
    expect(gap?.topics).to.deep.equal(['count.busy', 'count.busy.>']);
    own.close();
    await writer.close();
    expect(await mine.stop()).to.equal(0);
    const check = await runKelpied(['data', 'check', '--data', data]);
    expect(check.output + check.errors).to.include('is whole');
    const info = await runKelpied(['data', 'info', '--data', data]);
    expect(info.output).to.match(/^own retention +count\.busy, removed up to \d+$/m);
  });

  for (const [given, why] of [
    ['nodes=5', /"nodes" is a topic of the coordinator.*limit topics of your own/],
    ['chat', /list of <topic>=<limit>/],
    ['chat=0', /list of <topic>=<limit>/],
    ['chat=5 apples', /list of <topic>=<limit>/],
    ['chat=1h,', /"" is none of these/],
    ['chat=5, chat=6', /twice/],
    ['chat=5, chat.staff=6', /lies below/],
    ['chat.>=5', /wildcards/],
    ['', /list of <topic>=<limit>/],
  ] as const) {
    it(`are refused with the valid form: "${given}"`, async () => {
      const { code, errors } = await runKelpied(['--retention-topics', given]);
      expect(code).to.equal(2);
      expect(errors).to.match(why);
    });
  }
});
