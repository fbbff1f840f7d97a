import { expect } from 'chai';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { FileJournal } from '../../../server/journal/file/file-journal.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { everything, ProbeStore } from '../../support/journal/file-journals.js';
import { EARLIEST, hello, openMortal, TestStream } from '../../support/model/coordinator.js';
import { messageEvent } from '../../support/wire/messages.js';

const EVENTS = 150;

describe('a reader of large events', () => {
  afterEach(removeDataFolders);

  it('causes reads of the sent events only, and no more', async () => {
    const clock = new FakeClock();
    let store: ProbeStore | undefined;
    const journal = await FileJournal.open({
      folder: dataFolder(),
      clock,
      retention: everything,
      openStore: (options) => (store = new ProbeStore(options)),
    });
    const event = Event.encode(messageEvent('x'.repeat(50_000), 'large')).finish();
    const entry = { topic: 'large', event, source: '' };
    for (let at = 0; at < EVENTS; at++) await journal.append([{ entries: [entry] }]);
    const town = await openMortal(journal, clock);
    const stream = new TestStream(town.port);
    stream.send({
      $case: 'hello',
      value: hello('lobby-1', { topics: ['large'], start: EARLIEST }),
    });
    await stream.next('welcome');
    const before = store?.reads.log ?? 0;
    let got = 0;
    while (got < EVENTS) {
      const { events, upTo } = await stream.next('eventBatch');
      got += events.length;
      stream.send({ $case: 'ack', value: { sequence: upTo?.sequence ?? 0 } });
    }
    // For each batch of one event the coordinator reads this event, the next one, and the tag of the position.
    expect((store?.reads.log ?? 0) - before).to.be.at.most(4 * EVENTS);
    await stream.cut();
    town.die();
    await journal.close();
  });
});
