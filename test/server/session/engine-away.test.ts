/** A session publishes while the storage of its network is away. */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NotStored } from '../../../server/journal/error.js';
import type { Outcome, Transaction } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { hello, join, openMortal, type TestStream } from '../../support/model/coordinator.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import { messageDraft, textOfMessage } from '../../support/wire/messages.js';

/**
 * The answer to an append that does not come: it was lost before the storage got the append, or after that; or the
 * storage gets the append late, directly after it has refused another one.
 */
type Lost = 'before' | 'after' | 'late';

/** A journal that refuses the next appends, after it has lost the answers of some. */
class AwayJournal extends MemoryJournal {
  refuses = 0;
  readonly loses: Lost[] = [];
  readonly #late: (readonly Transaction[])[] = [];

  override async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    const lost = this.loses.shift();
    const refused = lost === undefined && this.refuses > 0;
    if (refused) this.refuses -= 1;
    if (lost === 'late') this.#late.push(transactions);
    const skipped = lost === 'before' || lost === 'late' || refused;
    const outcomes = skipped ? [] : await super.append(transactions);
    if (outcomes.some(({ kind }) => kind === 'producerAt'))
      for (const one of this.#late.splice(0, 1)) await super.append(one);
    // The answer of a storage comes later than the next call.
    await settled();
    if (lost) throw new Error('the connection broke');
    if (refused) throw new NotStored('the storage is away');
    return outcomes;
  }
}

describe('publishes of a session', () => {
  let journal: AwayJournal;
  let stream: TestStream;
  let stored: () => string[];

  beforeEach(async () => {
    const clock = new FakeClock();
    journal = new AwayJournal(clock, { entries: 1000, bytes: 2 ** 20, ageMs: 2 ** 40 });
    const town = await openMortal(journal, clock);
    const bodies = bodiesOf(journal);
    stored = () =>
      bodies.flatMap((body) =>
        body.$case === 'messagePublished' ? [textOfMessage(body.value) ?? ''] : [],
      );
    ({ stream } = await join(town, hello('lobby-1')));
  });

  /** Publishes the numbers from one to another, each in a frame of its own. */
  const publish = (first: number, last: number): void => {
    const frames = Array.from({ length: last - first + 1 }, (_, index) => ({
      $case: 'publish' as const,
      value: { firstPublishSequence: first + index, events: [messageDraft(String(first + index))] },
    }));
    stream.send(...frames);
  };

  /** The acknowledgements up to this number: the numbers that were rejected, and why. */
  const settle = async (upTo: number): Promise<[number, number | undefined][]> => {
    const rejected: [number, number | undefined][] = [];
    for (;;) {
      const ack = await stream.next('publishAck');
      for (const one of ack.rejections) rejected.push([one.publishSequence, one.error?.reason]);
      if (ack.publishSequence >= upTo) return rejected;
    }
  };
  const away = (...numbers: number[]) =>
    numbers.map((one) => [one, ErrorReason.ENGINE_UNAVAILABLE]);

  it('are refused one by one while the storage is away, and the session stays', async () => {
    publish(1, 2);
    expect(await settle(2)).to.deep.equal([]);
    journal.refuses = 3;
    publish(3, 5);
    expect(await settle(5)).to.deep.equal(away(3, 4, 5));
    publish(6, 7);
    expect(await settle(7)).to.deep.equal([]);
    expect(stored()).to.deep.equal(['1', '2', '6', '7']);
  });

  it('are refused too if one before them was not stored, and later ones are stored', async () => {
    publish(1, 1);
    expect(await settle(1)).to.deep.equal([]);
    journal.refuses = 1;
    publish(2, 4);
    expect(await settle(4)).to.deep.equal(away(2, 3, 4));
    publish(5, 6);
    expect(await settle(6)).to.deep.equal([]);
    expect(stored()).to.deep.equal(['1', '5', '6']);
  });

  it('may begin with one that is not stored', async () => {
    journal.refuses = 1;
    publish(1, 1);
    expect(await settle(1)).to.deep.equal(away(1));
    publish(2, 2);
    expect(await settle(2)).to.deep.equal([]);
    expect(stored()).to.deep.equal(['2']);
  });

  it('go on although a write of which nobody knew is stored while the next one is tried again', async () => {
    publish(1, 1);
    expect(await settle(1)).to.deep.equal([]);
    journal.loses.push('after', 'late');
    journal.refuses = 1;
    publish(2, 4);
    expect(await settle(4)).to.deep.equal([unknown(2), unknown(3), ...away(4)]);
    publish(5, 6);
    expect(await settle(6)).to.deep.equal([]);
    expect(stored()).to.deep.equal(['1', '2', '3', '5', '6']);
  });

  const unknown = (number: number) => [number, ErrorReason.OUTCOME_UNKNOWN];
  for (const [first, second] of [
    ['before', 'before'],
    ['after', 'before'],
    ['after', 'after'],
  ] as const) {
    for (const begin of [1, 2]) {
      it(`go on after answers were lost ${first} and ${second} the write, from number ${begin} on`, async () => {
        if (begin === 2) {
          publish(1, 1);
          expect(await settle(1)).to.deep.equal([]);
        }
        const last = begin + 1;
        journal.loses.push(first);
        // The first publish of a session holds the second one back.
        if (begin === 2) journal.loses.push(second);
        journal.refuses = 1;
        publish(begin, last + 1);
        const [lost, next, ...refused] = await settle(last + 1);
        expect(lost).to.deep.equal(unknown(begin));
        expect(next).to.deep.equal(begin === 2 ? unknown(last) : away(last)[0]);
        expect(refused).to.deep.equal(away(last + 1));
        journal.refuses = 0;
        publish(last + 2, last + 4);
        expect(await settle(last + 4)).to.deep.equal([]);
        const isStored = [first, begin === 2 && first === 'after' ? second : 'before'];
        const kept = isStored.flatMap((when, index) => (when === 'after' ? [begin + index] : []));
        const all = [...(begin === 2 ? [1] : []), ...kept, last + 2, last + 3, last + 4];
        expect(stored()).to.deep.equal(all.map(String));
      });
    }
  }
});
