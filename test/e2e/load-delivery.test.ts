/**
 * Readers that want much, beside a neighbour who must not notice: searches for what is rare, patterns that
 * match all or nothing, snapshots that are not read to their end. The journal is in files.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Api, apiAt } from '../../client/api.js';
import { type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { Besieged } from '../support/besieged.js';
import { dataFolder } from '../support/data-folder.js';
import { figure, inSoak } from '../support/soak.js';
import { say, Wire } from '../support/wire.js';

/** How long a neighbour may wait for its event, on a machine that is busy with the attack itself. */
const SLOWEST_MS = 2000;
const ENTRIES = inSoak(500_000, 100_000);
const PUBLISH = 256;

const EARLIEST: Start = { place: { $case: 'at', value: StartAt.EARLIEST } };

/** As many as a reader may have, of eleven tokens, the last of which no topic has: each is tried to its end. */
const neverMatching = Array.from({ length: 64 }, (_, at) => `${masked(at, 10)}.never`);
/** All that match a topic of ten tokens, as far as a reader may have them. */
const allMatching = Array.from({ length: 64 }, (_, at) => masked(at, 10));

/** `deep.deep.*.deep…`, with a wildcard wherever the number has a bit. */
function masked(bits: number, tokens: number): string {
  return Array.from({ length: tokens }, (_, at) => ((bits >> at) & 1 ? '*' : 'deep')).join('.');
}

describe('readers that want much, beside a neighbour', () => {
  let siege: Besieged;
  let api: Api;

  before('a journal of many topics', async () => {
    siege = await Besieged.start(dataFolder());
    api = apiAt(siege.endpoint);
    await publish(ENTRIES, (at) => say(`noise.${at}`, 'x'.repeat(100)));
    await siege.unharmed();
  }).timeout(300_000);

  after(async () => {
    api.close();
    await siege.stop();
  });

  /** In as many calls as it takes, some of them at once. */
  async function publish(count: number, draft: (at: number) => ReturnType<typeof say>) {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const size = Math.min(PUBLISH, count - next);
        const events = Array.from({ length: size }, (_, at) => draft(next + at));
        next += size;
        await siege.wire.call('EventService.PublishEvents', { events });
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
  }

  /** The neighbour is as before, and did not wait. */
  async function unharmed(what: string): Promise<void> {
    const { slowestMs } = await siege.unharmed();
    figure(`${what}: the neighbour waited ${slowestMs.toFixed(0)} ms at the most`);
    expect(slowestMs).to.be.below(SLOWEST_MS);
  }

  const cpuMs = (): number => {
    const fields = readFileSync(`/proc/${siege.kelpied.process.pid ?? 0}/stat`, 'utf8').split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
  };

  const search = (topic: string, signal = new AbortController().signal) =>
    api.events.readEvents({ topics: [topic], start: EARLIEST, pageSize: 1 }, { signal });

  it('search for what is rare, without holding anybody up', async () => {
    await publish(1, () => say('rare', 'found'));
    const beganMs = performance.now();
    const pages = await Promise.all(Array.from({ length: 5 }, () => search('rare')));
    const tookMs = performance.now() - beganMs;
    for (const { events } of pages)
      expect(events.map(({ topic }) => topic)).to.deep.equal(['rare']);
    figure(`5 searches of ${ENTRIES} entries took ${tookMs.toFixed(0)} ms`);
    await unharmed('searches');
  });

  it('stop to read when their call is cancelled', async () => {
    const calls = Array.from({ length: inSoak(300, 150) }, async (_, at) => {
      const end = new AbortController();
      const call = search(`nobody.${at}`, end.signal).catch(() => undefined);
      await pause(20);
      end.abort();
      await call;
    });
    await Promise.all(calls);
    // What was under way when they were cancelled.
    await pause(300);
    const before = cpuMs();
    await pause(1000);
    expect(cpuMs() - before, 'it has nothing to do any more').to.be.below(500);
    await unharmed('cancelled searches');
  });

  /** As many readers of these patterns as there may be on some connections; those who have asked. */
  async function crowd(connections: number, patterns: readonly string[]) {
    const wires = Array.from({ length: connections }, () => new Wire(siege.endpoint));
    const watches = wires.flatMap((wire) =>
      Array.from({ length: inSoak(100, 40) }, () =>
        wire.watch([...patterns], { at: 'START_AT_LATEST' }),
      ),
    );
    for (const watch of watches) await watch.next('event_batch');
    const end = async (): Promise<void> => {
      await Promise.all(wires.map((wire) => wire.leave()));
      for (const wire of wires) wire.close();
    };
    return { watches, end };
  }

  it('hold patterns that never match, and cost others nothing', async () => {
    const { watches, end } = await crowd(2, neverMatching);
    await publish(1024, (at) => say(`${masked(0, 10)}.x${at}`, 'x'));
    await unharmed(`${watches.length * neverMatching.length} patterns that never match`);
    await end();
  });

  it('hold patterns that all match the same topic, and get it once', async () => {
    const { watches, end } = await crowd(2, allMatching);
    await publish(256, (at) => say(`${masked(0, 9)}.y${at}`, 'x'));
    await publish(1, () => say(masked(0, 10), 'x'));
    for (const watch of watches) {
      const { events } = await watch.next('event_batch');
      expect(events.map(({ topic }) => topic)).to.deep.equal([masked(0, 10)]);
    }
    await unharmed(`${watches.length * allMatching.length} patterns that match one topic`);
    await end();
  });

  it('are refused when the patterns of their connection take too much', async () => {
    const before = siege.memory();
    const wire = new Wire(siege.endpoint);
    const watches = Array.from({ length: 200 }, (_, reader) => {
      const topics = Array.from(
        { length: 1000 },
        (_, at) => `r${reader}.${'x'.repeat(30)}.t${at}.*`,
      );
      return wire.watch(topics, { at: 'START_AT_LATEST' });
    });
    const refused = await Promise.all(
      watches.map((watch) =>
        watch.next('event_batch').then(
          () => undefined,
          async () => (await watch.ended()).error?.reason,
        ),
      ),
    );
    const reasons = new Set(refused.filter((reason) => reason !== undefined));
    expect([...reasons]).to.deep.equal(['ERROR_REASON_PATTERN_LIMIT']);
    const more = siege.memory() - before;
    figure(`200 watches with 1,000 patterns each: ${more.toFixed(0)} MiB more`);
    expect(more).to.be.below(200);
    // Others have room.
    const other = siege.wire.watch(['chat.*'], { at: 'START_AT_LATEST' });
    await other.next('event_batch');
    await other.leave();
    await wire.leave();
    wire.close();
    await unharmed('patterns of one connection');
  });

  it('ask what fills the journal, all at once', async () => {
    for (let round = 0; round < inSoak(10, 3); round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => api.coordinator.getInfo({})),
      );
      for (const { topics } of answers) {
        expect(topics.length).to.be.at.most(10);
        expect(topics[0]?.topic).to.equal('noise.*');
      }
    }
    await unharmed(`GetInfo over ${ENTRIES} topics`);
  });

  it('get large events as fast as they are sent', async () => {
    const events = inSoak(1500, 300);
    const text = 'x'.repeat(200_000);
    for (let at = 0; at < events; at += 2) {
      const two = [say('large', text), say('large', text)];
      await siege.wire.call('EventService.PublishEvents', { events: two });
    }
    await siege.unharmed();
    const beganMs = performance.now();
    let got = 0;
    for await (const { frame } of api.events.watchEvents({ topics: ['large'], start: EARLIEST })) {
      got += frame?.$case === 'eventBatch' ? frame.value.events.length : 0;
      if (got === events) break;
    }
    const tookMs = performance.now() - beganMs;
    figure(`${events} events of 200 kB were read in ${tookMs.toFixed(0)} ms`);
    expect(tookMs).to.be.below(inSoak(30_000, 10_000));
    await unharmed('large events');
  });
});
