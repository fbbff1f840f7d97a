/**
 * Readers that ask for much, beside a neighbour that must not notice them: searches for rare topics, patterns that match
 * everything or nothing, snapshots that a reader does not read to the end. The journal is in files.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Api, apiAt } from '../support/wire/calls.js';
import { type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { Besieged } from '../support/process/besieged.js';
import { dataFolder } from '../support/process/data-folder.js';
import { startKelpied } from '../support/process/kelpied.js';
import { ListedProxy } from '../support/model/listed-proxy.js';
import { figure, inSoak } from '../support/soak.js';
import { type Draft, say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

/** How long the neighbour may wait for its event, on a machine that is busy with the attack itself. */
const SLOWEST_MS = 2000;
const ENTRIES = inSoak(500_000, 60_000);
const PUBLISH = 256;
const SEARCHES = 24;
/** The number of players that a proxy lists at once. */
const PART = 1000;

const EARLIEST: Start = { place: { $case: 'at', value: StartAt.EARLIEST } };

/** The patterns that match one topic of ten tokens: as many as a reader may have. */
const allMatching = Array.from({ length: 64 }, (_, at) => masked(at, 10));

/** `deep.deep.*.deep…`, with a wildcard at each place where the number has a bit. */
function masked(bits: number, tokens: number): string {
  return Array.from({ length: tokens }, (_, at) => ((bits >> at) & 1 ? '*' : 'deep')).join('.');
}

describe('readers that ask for much, beside a neighbour', () => {
  let siege: Besieged;
  let api: Api;

  before('a journal of many topics, none of which is in memory', async () => {
    const folder = dataFolder();
    const author = await startKelpied([], folder);
    const wire = new Wire(author.endpoint);
    await publish(ENTRIES, (at) => say(`noise.${at}`, 'x'.repeat(100)), wire);
    wire.close();
    await author.stop();
    siege = await Besieged.start(folder);
    api = apiAt(siege.endpoint);
    await siege.unharmed();
  }).timeout(300_000);

  after(async () => {
    api.close();
    await siege.stop();
  });

  /** Publishes the events in several calls, some of them at once. */
  async function publish(count: number, draft: (at: number) => Draft, wire = siege.wire) {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const size = Math.min(PUBLISH, count - next);
        const events = Array.from({ length: size }, (_, at) => draft(next + at));
        next += size;
        await wire.call('EventService.PublishEvents', { events });
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
  }

  /** Checks that the neighbour got its events and did not wait. */
  async function unharmed(what: string): Promise<void> {
    const { slowestMs } = await siege.unharmed();
    figure(`${what}: the neighbour waited ${slowestMs.toFixed(0)} ms at the most`);
    expect(slowestMs).to.be.below(SLOWEST_MS);
  }

  const cpuMs = (): number => {
    const fields = readFileSync(`/proc/${siege.kelpied.process.pid ?? 0}/stat`, 'utf8').split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
  };

  const search = (topic: string, start = EARLIEST, signal = new AbortController().signal) =>
    api.events.readEvents({ topics: [topic], start, pageSize: 1 }, { signal });

  /** Different places near the beginning, because readers at the same place share the reads. */
  async function places(count: number): Promise<Start[]> {
    const all: Start[] = [EARLIEST];
    for (let start = EARLIEST; all.length < count; all.push(start)) {
      const { cursor } = await search('>', start);
      start = cursor ? { place: { $case: 'after', value: cursor } } : EARLIEST;
    }
    return all;
  }

  it('search for rare topics, and delay no other reader', async () => {
    await publish(1, () => say('rare', 'found'));
    const starts = await places(SEARCHES);
    const beganMs = performance.now();
    const pages = await Promise.all(starts.map((start) => search('rare', start)));
    const tookMs = performance.now() - beganMs;
    for (const { events } of pages)
      expect(events.map(({ topic }) => topic)).to.deep.equal(['rare']);
    figure(`${SEARCHES} searches of ${ENTRIES} entries took ${tookMs.toFixed(0)} ms`);
    await unharmed('searches');
  });

  it('cost no more reads when their call is cancelled', async () => {
    const calls = Array.from({ length: inSoak(300, 150) }, async (_, at) => {
      const end = new AbortController();
      const call = search(`nobody.${at}`, EARLIEST, end.signal).catch(() => undefined);
      await pause(20);
      end.abort();
      await call;
    });
    await Promise.all(calls);
    // Lets the reads end that were under way when the calls were cancelled.
    await pause(300);
    const before = cpuMs();
    await pause(1000);
    expect(cpuMs() - before, 'it has nothing to do any more').to.be.below(500);
    await unharmed('cancelled searches');
  });

  /** Opens many readers of these patterns on several connections. Returns the accepted ones. */
  async function crowd(connections: number, patternsOf: (reader: number) => string[]) {
    const wires = Array.from({ length: connections }, () => new Wire(siege.endpoint));
    const each = inSoak(100, 20);
    const watches = wires.flatMap((wire, at) =>
      Array.from({ length: each }, (_, reader) =>
        wire.watch(patternsOf(at * each + reader), { at: 'START_AT_LATEST' }),
      ),
    );
    const open = await Promise.all(
      watches.map((watch) =>
        watch.next('event_batch').then(
          () => [watch],
          () => [],
        ),
      ),
    );
    const end = async (): Promise<void> => {
      await Promise.all(wires.map((wire) => wire.leave()));
      for (const wire of wires) wire.close();
    };
    return { watches: open.flat(), end };
  }

  for (const [what, most] of [
    ['as many as are accepted', 64],
    ['far too many', 900],
  ] as const) {
    it(`hold patterns that never match, ${what}`, async () => {
      const patternsOf = (reader: number) =>
        Array.from({ length: most }, (_, at) => `${masked(reader * most + at, 15)}.never`);
      const { watches, end } = await crowd(2, patternsOf);
      await publish(1024, (at) => say(`${masked(0, 15)}.x${at}`, 'x'));
      await unharmed(`${watches.length * most} patterns that never match`);
      await end();
    });
  }

  it('hold patterns that all match the same topic, and get each event once', async () => {
    const { watches, end } = await crowd(4, () => allMatching);
    await publish(256, (at) => say(`${masked(0, 9)}.y${at}`, 'x'));
    await publish(1, () => say(masked(0, 10), 'x'));
    for (const watch of watches) {
      const { events } = await watch.next('event_batch');
      expect(events.map(({ topic }) => topic)).to.deep.equal([masked(0, 10)]);
    }
    await unharmed(`${watches.length * allMatching.length} patterns that match one topic`);
    await end();
  });

  it('are refused when the patterns of their connection need too much memory', async () => {
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
    // Readers of another connection have room.
    const other = siege.wire.watch(['chat.*'], { at: 'START_AT_LATEST' });
    await other.next('event_batch');
    await other.leave();
    await wire.leave();
    wire.close();
    await unharmed('patterns of one connection');
  });

  it('ask for the usage of the journal, all at once', async () => {
    for (let round = 0; round < inSoak(10, 3); round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => api.coordinator.getInfo({})),
      );
      for (const { topics } of answers) expect(topics.length).to.be.at.most(10);
    }
    await unharmed(`GetInfo over ${ENTRIES} topics`);
    const { topics } = await api.coordinator.getInfo({});
    expect(topics.map(({ topic }) => topic)).to.include('noise.*');
  });

  it('stop in the middle of a Snapshot', async () => {
    const end = new AbortController();
    setMaxListeners(0, end.signal);
    const gate = new ListedProxy(siege.endpoint, 'gate', end.signal);
    const players = inSoak(100_000, 12_000);
    for (let from = 0; from < players; from += PART) await gate.bring(from, PART);
    gate.beat();
    await siege.report();
    const start: Start = { place: { $case: 'at', value: StartAt.SNAPSHOT } };
    const request = { topics: ['players.*'], start };
    const first = Array.from({ length: 100 }, async () => {
      const frames = api.events.watchEvents(request, { signal: end.signal });
      // The reader reads nothing more.
      return await frames[Symbol.asyncIterator]().next();
    });
    for (const { done, value } of await Promise.all(first))
      expect(!done && value.frame?.$case).to.equal('snapshot');
    const { slowestMs } = await siege.report();
    figure(`100 readers that stop in a Snapshot: ${slowestMs.toFixed(0)} ms at the most`);
    expect(slowestMs).to.be.below(SLOWEST_MS);
    end.abort();
    await unharmed('readers that are gone');
  });
});
