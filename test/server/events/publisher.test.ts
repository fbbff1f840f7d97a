import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import type { EventDraft } from '../../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from '../../../server/core/errors.js';
import { openAccess } from '../../../server/access/access.js';
import type { Network } from '../../../server/network/network.js';
import { Publisher, type PublisherOptions } from '../../../server/session/publisher.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
} from '../../support/model/coordinator.js';
import { settled } from '../../support/journal/history.js';
import { messageDraft } from '../../support/wire/messages.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';

/** A node with its own publisher, and the events that the journal gets from it. */
async function publishing(generationOf: (generation: number) => number = (own) => own) {
  const town = await openCoordinator();
  const first = hello('lobby-1');
  const { welcome } = await join(town, first);
  const stored: string[] = [];
  town.journal.onAppend((entries) => stored.push(...entries.map(({ topic }) => topic)));
  const publisher = publisherOf(town, first.instanceId, generationOf(welcome.generation));
  return { town, publisher, stored };
}

function publisherOf(
  town: Pick<TestCoordinator, 'limits' | 'clock' | 'nodeRows'> & Pick<PublisherOptions, 'network'>,
  instance: Uint8Array,
  generation: number,
  stored?: number,
): Publisher {
  const wake = (): void => undefined;
  const name = 'lobby-1';
  const fence = town.nodeRows.fence(name, generation);
  const access = openAccess('main', { host: '127.0.0.1' });
  return new Publisher({ ...town, name, instance, fence, stored, wake, access });
}

function drafts(...topics: string[]): EventDraft[] {
  return topics.map((topic) => messageDraft('hi', topic));
}

const behind: Network['behind'] = (write) => write;

/** The numbers that the acknowledgement rejects, and why. */
function rejectedBy(publisher: Publisher): [number, number | undefined][] {
  const ack = publisher.takeAck();
  if (ack?.$case !== 'publishAck') throw new Error('no acknowledgement');
  return ack.value.rejections.map((one) => [one.publishSequence, one.error?.reason]);
}

describe('the publisher of a session', () => {
  it('stores nothing after a newer generation owns the node', async () => {
    const { publisher, stored } = await publishing((own) => own - 1);
    const late = publisher.publish({ firstPublishSequence: 1, events: drafts('chat.a') });
    expect((await rejectionOf(KelpieError, late)).reason).to.equal('STALE_GENERATION');
    expect(stored).to.be.empty;
    expect(publisher.takeAck()).to.equal(undefined);
  });

  it('merges acknowledgements, and sends each rejection once', async () => {
    const { publisher } = await publishing();
    await publisher.publish({
      firstPublishSequence: 7,
      events: drafts('chat.a', 'nodes.x', 'chat.b'),
    });
    await publisher.publish({ firstPublishSequence: 10, events: drafts('chat.c', 'bad topic') });
    const ack = publisher.takeAck();
    const value = ack?.$case === 'publishAck' ? ack.value : undefined;
    expect(value?.publishSequence).to.equal(11);
    expect(value?.rejections.map(({ publishSequence }) => publishSequence)).to.deep.equal([8, 11]);
    expect(publisher.takeAck()).to.equal(undefined);
  });

  it('acknowledges the last event where the journal answers it together with one that waited for the first', async () => {
    const town = await openCoordinator();
    const answers: (() => void)[] = [];
    const network = {
      commit: () =>
        new Promise<{ kind: 'stored'; first: number }>((resolve) =>
          answers.push(() => resolve({ kind: 'stored', first: 1 })),
        ),
      behind,
      readOnly: false,
      ended: false,
    };
    const publisher = publisherOf({ ...town, network }, randomBytes(16), 1);
    const publish = (number: number): Promise<void> =>
      publisher.publish({ firstPublishSequence: number, events: drafts('chat.a') });
    const first = [publish(1), publish(2)];
    answers[0]?.();
    await first[0];
    const all = [...first, publish(3)];
    // One commit has both.
    for (const answer of answers.slice(1)) answer();
    await Promise.all(all);
    const ack = publisher.takeAck();
    expect(ack?.$case === 'publishAck' && ack.value.publishSequence).to.equal(3);
  });

  it('stores overlapping events once, in order, also while the first answer is outstanding', async () => {
    const { publisher, stored } = await publishing();
    await Promise.all([
      publisher.publish({ firstPublishSequence: 1, events: drafts('a', 'b') }),
      publisher.publish({ firstPublishSequence: 1, events: drafts('a', 'b') }),
      publisher.publish({ firstPublishSequence: 2, events: drafts('b', 'c') }),
    ]);
    expect(stored).to.deep.equal(['a', 'b', 'c']);
  });

  it('refuses a hole and accepts the next number', async () => {
    const { publisher, stored } = await publishing();
    await publisher.publish({ firstPublishSequence: 5, events: drafts('a') });
    const hole = thrownBy(KelpieError, () =>
      publisher.publish({ firstPublishSequence: 7, events: drafts('c') }),
    );
    expect(hole.reason).to.equal('PUBLISH_SEQUENCE_HOLE');
    expect(hole.metadata['expected']).to.equal('6');
    await publisher.publish({ firstPublishSequence: 6, events: drafts('b') });
    expect(stored).to.deep.equal(['a', 'b']);
  });

  it('stores no later publish if the first one was not stored', async () => {
    const { town, stored } = await publishing();
    const owner = town.nodeRows.owners.get('lobby-1');
    let commits = 0;
    const commit: Network['commit'] = async (transaction) => {
      commits += 1;
      if (commits === 1) throw new KelpieError('OUTCOME_UNKNOWN', 'lost');
      return town.network.commit(transaction);
    };
    const lossy = { ...town, network: { commit, behind, readOnly: false, ended: false } };
    const publisher = publisherOf(lossy, randomBytes(16), owner?.sequence ?? 0);
    await Promise.all(
      ['a', 'b', 'c'].map((topic, index) =>
        publisher.publish({ firstPublishSequence: index + 1, events: drafts(topic) }),
      ),
    );
    expect(rejectedBy(publisher)).to.deep.equal([
      [1, ErrorReason.OUTCOME_UNKNOWN],
      [2, ErrorReason.ENGINE_UNAVAILABLE],
      [3, ErrorReason.ENGINE_UNAVAILABLE],
    ]);
    expect(stored).to.be.empty;
  });

  it('goes on after numbers that the journal has forgotten with an epoch, and stores none twice', async () => {
    const { town, stored } = await publishing();
    const owner = town.nodeRows.owners.get('lobby-1');
    const publisher = publisherOf(town, randomBytes(16), owner?.sequence ?? 0, 6);
    await publisher.publish({ firstPublishSequence: 5, events: drafts('a', 'b') });
    expect(stored).to.be.empty;
    await publisher.publish({ firstPublishSequence: 9, events: drafts('c') });
    expect(stored).to.deep.equal(['c']);
  });

  /** Stores the first event; the outcome of the second one is to come, and the third one is certainly not stored. */
  async function threeOf(readOnly: boolean) {
    const { town, stored } = await publishing();
    const owner = town.nodeRows.owners.get('lobby-1');
    const lost: ((error: Error) => void)[] = [];
    const outcomes: Network['commit'][] = [
      (transaction) => town.network.commit(transaction),
      () => new Promise((_, reject) => lost.push(reject)),
      async () => Promise.reject(new KelpieError('ENGINE_UNAVAILABLE', 'away')),
    ];
    const commit: Network['commit'] = async (transaction) =>
      outcomes.shift()?.(transaction) as never;
    const away = { ...town, network: { commit, behind, readOnly, ended: false } };
    const publisher = publisherOf(away, randomBytes(16), owner?.sequence ?? 0);
    await publisher.publish({ firstPublishSequence: 1, events: drafts('a') });
    publisher.takeAck();
    const later = [2, 3].map((number) =>
      publisher.publish({ firstPublishSequence: number, events: drafts('b') }),
    );
    await settled();
    expect(publisher.takeAck()).to.equal(undefined);
    for (const reject of lost) reject(new KelpieError('OUTCOME_UNKNOWN', 'lost'));
    return { publisher, later, stored };
  }

  it('settles no event before the ones in front of it, also where nobody knows whether those are stored', async () => {
    const { publisher, later, stored } = await threeOf(false);
    await Promise.all(later);
    expect(rejectedBy(publisher)).to.deep.equal([
      [2, ErrorReason.OUTCOME_UNKNOWN],
      [3, ErrorReason.ENGINE_UNAVAILABLE],
    ]);
    expect(stored).to.deep.equal(['a']);
  });

  it('settles no event behind an unknown one if the journal is read-only: the next stream does', async () => {
    const { publisher, later, stored } = await threeOf(true);
    for (const one of later)
      expect((await rejectionOf(KelpieError, one)).reason).to.equal('OUTCOME_UNKNOWN');
    expect(publisher.takeAck()).to.equal(undefined);
    expect(stored).to.deep.equal(['a']);
  });

  it('makes a publisher wait that does not read its rejections', async () => {
    const { publisher } = await publishing();
    const bad = drafts(...Array.from({ length: 256 }, () => 'nodes.x'));
    for (let frame = 0; frame < 4; frame++) {
      expect(publisher.room(), `frame ${frame}`).to.equal(undefined);
      await publisher.publish({ firstPublishSequence: frame * 256 + 1, events: bad });
    }
    const room = publisher.room();
    expect(room).to.be.instanceOf(Promise);
    publisher.takeAck();
    await room;
    expect(publisher.room()).to.equal(undefined);
  });
});
