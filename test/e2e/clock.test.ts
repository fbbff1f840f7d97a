/** The calendar clock is set a year forward and back between restarts. Durations are not affected. */
import { performance } from 'node:perf_hooks';
import { expect } from 'chai';
import { connect, type Status } from '../../client/index.js';
import type { Clock } from '../../server/core/clock.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { Inbox } from '../support/wire/inbox.js';
import { helloOf, say, textOf } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;

/** The real clock, with another calendar time. */
const clockIn = (years: number): Clock => ({
  now: () => performance.now(),
  wall: () => Date.now() + years * YEAR_MS,
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
});

describe('a calendar clock that is set between restarts', () => {
  let data: string;

  beforeEach(() => (data = dataFolder()));
  afterEach(removeDataFolders);

  const start = (years: number, port = 0): Promise<Coordinator> =>
    startCoordinator({
      journal: 'file',
      data,
      port,
      clock: clockIn(years),
      times: { drainMs: 1000 },
    });

  it('makes no sequence run back, changes no epoch, and lets clients resume without a loss', async () => {
    let coordinator = await start(0);
    const { port } = coordinator;
    const endpoints = `127.0.0.1:${port}`;
    const reader = connect({ name: 'reader', role: 'SERVICE', endpoints });
    const writer = connect({ name: 'writer', role: 'SERVICE', endpoints });
    const inbox = new Inbox();
    reader.subscribe('count', inbox.take);
    const seen: Status[] = [];
    void (async () => {
      for await (const status of reader.status()) seen.push(status);
    })();
    await Promise.all([reader.ready(), writer.ready()]);
    let published = 0;
    const publish = (): Promise<void> => writer.publish('count', String(published++));
    for (const years of [1, -1, 0]) {
      for (let count = 0; count < 10; count++) await publish();
      await inbox.atLeast(published);
      // Published while no coordinator runs. Not with the clock set forward: retention would remove it, see below.
      const late = years < 0 ? publish() : undefined;
      await coordinator.stop();
      coordinator = await start(years, port);
      await late;
    }
    await publish();
    const events = await inbox.atLeast(published);
    expect(events.map(({ content }) => Number(content))).to.deep.equal(
      Array.from({ length: published }, (_, index) => index),
    );
    const sequences = events.map(({ sequence }) => sequence);
    expect(sequences).to.deep.equal([...new Set(sequences)].sort((one, other) => one - other));
    const epochs = seen.flatMap((status) =>
      status.type === 'connected'
        ? [Buffer.from(status.welcome.cursor?.epoch ?? []).toString('hex')]
        : [],
    );
    expect(epochs.length).to.be.at.least(4);
    expect(new Set(epochs).size).to.equal(1);
    expect(seen.map(({ type }) => type)).to.not.include('gap');
    await Promise.all([reader.close(), writer.close()]);
    await coordinator.stop();
  });

  it('makes retention remove entries that are a day old by it, and readers get an exact gap', async () => {
    const first = await start(0);
    const hello = helloOf('reader', { topics: ['count'], start: { at: 'START_AT_EARLIEST' } });
    const before = new Wire(`127.0.0.1:${first.port}`);
    const tell = (wire: Wire, text: string) =>
      wire.call('EventService.PublishEvents', { events: [say('count', text)] });
    await tell(before, 'seen');
    const reading = await before.join('reader', hello);
    const { up_to: seen } = await reading.stream.next('event_batch');
    reading.stream.cut();
    await tell(before, 'missed');
    before.close();
    await first.stop();

    const second = await start(1);
    const after = new Wire(`127.0.0.1:${second.port}`);
    const { stream } = await after.join('reader', { ...hello, start: { after: seen } });
    const gap = await stream.next('gap');
    expect(gap.reason).to.equal('GAP_REASON_TRIMMED');
    expect(gap.lost_after).to.deep.equal(seen);
    expect(gap.resumes_at.epoch).to.deep.equal(seen.epoch);
    expect(gap.resumes_at.sequence).to.be.greaterThan(seen.sequence);
    await tell(after, 'next');
    expect(await stream.texts('next')).to.deep.equal(['next']);
    const { events } = await after.call('EventService.ReadEvents', {
      topics: ['count'],
      start: { at: 'START_AT_EARLIEST' },
    });
    expect(events.map(textOf), 'nothing is left of what the gap says is lost').to.deep.equal([
      'next',
    ]);
    // Retention does not remove rows of the table.
    const { nodes } = await after.call('NodeService.ListNodes', {});
    expect(nodes.map(({ name }) => name)).to.deep.equal(['reader']);
    await after.leave();
    after.close();
    await second.stop();
  });
});
