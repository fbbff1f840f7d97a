/** Watching and reading by a call: the first answer, and the positions that a quiet reader gets. */
import { expect } from 'chai';
import { apiAt } from '../support/wire/calls.js';
import { type Start, StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import type { WatchEventsResponse } from '../../gen/ts/kelpie/v1/event_service.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const at = (value: StartAt): Start => ({ place: { $case: 'at', value } });

describe('a reader without a session', () => {
  let kelpied: Kelpied;
  let wire: Wire;

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    wire = new Wire(kelpied.endpoint);
  });

  after(async () => {
    wire.close();
    await kelpied.stop();
  });

  const publish = (topic: string, text: string) =>
    wire.call('EventService.PublishEvents', { events: [say(topic, text)] });

  for (const [name, start] of [
    ['LATEST', at(StartAt.LATEST)],
    ['EARLIEST', at(StartAt.EARLIEST)],
    ['since', { place: { $case: 'since', value: { seconds: 1, nanos: 0 } } }],
  ] as const) {
    it(`gets its start position before the first event: ${name}`, async () => {
      await publish('other', 'nothing for it');
      const api = apiAt(kelpied.endpoint);
      const end = new AbortController();
      const request = { topics: [`quiet.${name}`], start };
      const watched = api.events.watchEvents(request, { signal: end.signal });
      const frames = watched[Symbol.asyncIterator]();
      const { frame } = ((await frames.next()) as { value: WatchEventsResponse }).value;
      if (frame?.$case !== 'eventBatch')
        throw new Error(`the first frame is ${String(frame?.$case)}`);
      expect(frame.value.events).to.be.empty;
      const { upTo } = frame.value;
      end.abort();

      // The reader comes back with that position, and has missed nothing.
      await publish(`quiet.${name}`, 'news');
      const back = upTo && ({ place: { $case: 'after', value: upTo } } as const);
      const { events } = await api.events.readEvents({ ...request, start: back });
      expect(events.map(({ topic }) => topic)).to.deep.equal([`quiet.${name}`]);
      api.close();
    });
  }

  it('gets the headers of its call at once, whatever its start', async () => {
    const api = apiAt(kelpied.endpoint);
    const { cursor } = await api.events.readEvents({ topics: ['>'], start: at(StartAt.LATEST) });
    const start = cursor && ({ place: { $case: 'after', value: cursor } } as const);
    const end = new AbortController();
    const headers = new Promise<unknown>((onHeader) => {
      const options = { signal: end.signal, onHeader };
      const watched = api.events.watchEvents({ topics: ['silent'], start }, options);
      watched[Symbol.asyncIterator]()
        .next()
        .catch(() => undefined);
    });
    await headers;
    const page = new Promise<unknown>((onHeader) => {
      const options = { signal: end.signal, onHeader };
      const wait = { seconds: 60, nanos: 0 };
      void api.events
        .readEvents({ topics: ['silent'], start, wait }, options)
        .catch(() => undefined);
    });
    await page;
    end.abort();
    api.close();
  });

  it('gets its position from time to time if no event matches', async () => {
    const watch = wire.watch(['nothing.ever'], { at: 'START_AT_LATEST' });
    const first = await watch.next('event_batch');
    await publish('other', 'not for it');
    const next = await watch.next('event_batch');
    expect(next.events).to.be.empty;
    expect(next.up_to.sequence).to.be.greaterThan(first.up_to.sequence);
    expect(next.after_sequence).to.be.at.most(next.up_to.sequence);
    await watch.leave();
  }).timeout(20_000);
});
