import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Event, type EventDraft } from '../../../gen/ts/kelpie/v1/event.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { Cursor } from '../../../server/core/cursor.js';
import { messageDraft, textOfMessage } from '../../support/wire/messages.js';
import { openCoordinator, type TestCoordinator } from '../../support/model/coordinator.js';
import { rejectionOf } from '../../support/thrown.js';

describe('publishing by a call', () => {
  const instanceId = randomBytes(16);
  let town: TestCoordinator;
  let start: Cursor;

  beforeEach(async () => {
    town = await openCoordinator();
    start = town.journal.head;
  });

  const publish = (texts: readonly string[], firstPublishSequence = 0, instance?: Uint8Array) => {
    const numbered = firstPublishSequence > 0 ? instanceId : new Uint8Array();
    const events = texts.map((text) => messageDraft(text));
    return town.callPublisher.publish({
      events,
      instanceId: instance ?? numbered,
      firstPublishSequence,
    });
  };

  const refusal = async (publishing: Promise<unknown>) => {
    const { reason, metadata } = await rejectionOf(KelpieError, publishing);
    return { reason, metadata };
  };

  /** The texts in the journal. */
  const stored = async (): Promise<(string | undefined)[]> => {
    const page = await town.journal.read(start, 1000);
    if (page.kind === 'gap') throw new Error(page.reason);
    return page.entries.map(({ event }) => {
      const { body } = Event.decode(event);
      return body?.$case === 'messagePublished' ? textOfMessage(body.value) : undefined;
    });
  };

  it('stores the events in order and answers with the sequence of the first one', async () => {
    expect(await publish(['a', 'b', 'c'])).to.deep.equal({
      firstSequence: start.sequence + 1,
      stored: 3,
    });
    expect(await stored()).to.deep.equal(['a', 'b', 'c']);
  });

  it('stores repeated events without numbers again', async () => {
    await publish(['a']);
    await publish(['a']);
    expect(await stored()).to.deep.equal(['a', 'a']);
  });

  it('stores events without a source, and with the time of the coordinator', async () => {
    await publish(['a']);
    const page = await town.journal.read(start, 1);
    const [entry] = page.kind === 'page' ? page.entries : [];
    const event = Event.decode(entry?.event ?? new Uint8Array());
    expect(event.source).to.equal('');
    expect(event.topic).to.equal('chat.global');
    expect(event.time?.getTime()).to.equal(town.clock.wall());
  });

  describe('with numbers', () => {
    it('stores a repeat once', async () => {
      await publish(['a', 'b'], 1);
      expect(await publish(['a', 'b'], 1)).to.deep.equal({ firstSequence: 0, stored: 0 });
      expect(await publish(['b'], 2)).to.deep.equal({ firstSequence: 0, stored: 0 });
      expect(await stored()).to.deep.equal(['a', 'b']);
    });

    it('stores only the new events of an overlap', async () => {
      await publish(['a', 'b', 'c'], 1);
      const answer = await publish(['b', 'c', 'd', 'e'], 2);
      expect(answer).to.deep.equal({ firstSequence: start.sequence + 4, stored: 2 });
      expect(await stored()).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    });

    it('stores events with the next numbers', async () => {
      await publish(['a', 'b'], 1);
      expect(await publish(['c'], 3)).to.deep.equal({
        firstSequence: start.sequence + 3,
        stored: 1,
      });
    });

    it('refuses a hole, answers with the next number, and then accepts that', async () => {
      await publish(['a', 'b'], 1);
      expect(await refusal(publish(['d'], 4))).to.deep.equal({
        reason: 'PUBLISH_SEQUENCE_HOLE',
        metadata: { expected: '3' },
      });
      expect(await stored()).to.deep.equal(['a', 'b']);
      await publish(['c', 'd'], 3);
      expect(await stored()).to.deep.equal(['a', 'b', 'c', 'd']);
    });

    it('may begin anywhere', async () => {
      expect((await publish(['a'], 1000)).stored).to.equal(1);
      expect(await refusal(publish(['c'], 1002))).to.deep.equal({
        reason: 'PUBLISH_SEQUENCE_HOLE',
        metadata: { expected: '1001' },
      });
    });

    it('counts each instance separately', async () => {
      await publish(['a'], 1);
      expect((await publish(['b'], 1, randomBytes(16))).stored).to.equal(1);
      expect(await stored()).to.deep.equal(['a', 'b']);
    });

    it('answers two concurrent calls with the same events, and stores these once', async () => {
      const answers = await Promise.all([publish(['a', 'b'], 1), publish(['a', 'b'], 1)]);
      expect(answers.map((answer) => answer.stored)).to.have.members([2, 0]);
      expect(await stored()).to.deep.equal(['a', 'b']);
    });

    it('needs 16 bytes of instance id, and a number from 1', async () => {
      expect((await refusal(publish(['a'], 1, randomBytes(15)))).reason).to.equal(
        'INSTANCE_ID_INVALID',
      );
      expect((await refusal(publish(['a'], 1, new Uint8Array()))).reason).to.equal(
        'INSTANCE_ID_INVALID',
      );
      expect(await refusal(publish(['a'], 0, instanceId))).to.deep.equal({
        reason: 'OUT_OF_RANGE',
        metadata: { field: 'first_publish_sequence', limit: '1' },
      });
      expect(await stored()).to.be.empty;
    });
  });

  describe('with one invalid event', () => {
    const empty: EventDraft = { topic: 'a', payload: undefined };
    for (const [reason, odd] of [
      ['TOPIC_INVALID', messageDraft('x', 'chat.*')],
      ['TOPIC_RESERVED', messageDraft('x', 'nodes.lobby-1')],
      ['EVENT_EMPTY', empty],
      ['PAYLOAD_TOO_LARGE', messageDraft('x'.repeat(256 * 1024))],
    ] as const) {
      it(`stores no event and no number: ${reason}`, async () => {
        const events = [messageDraft('a'), odd, messageDraft('b')];
        const publishing = town.callPublisher.publish({
          events,
          instanceId,
          firstPublishSequence: 1,
        });
        expect((await refusal(publishing)).reason).to.equal(reason);
        expect(await stored()).to.be.empty;
        expect(await town.journal.producer(instanceId)).to.equal(undefined);
      });
    }

    it('has 1 to 256 events', async () => {
      const texts = Array.from({ length: 257 }, (_, index) => String(index));
      expect((await publish(texts.slice(1))).stored).to.equal(256);
      expect(await refusal(publish(texts))).to.deep.equal({
        reason: 'BATCH_INVALID',
        metadata: { events: '257', limit: '256' },
      });
      expect(await refusal(publish([]))).to.deep.equal({
        reason: 'BATCH_INVALID',
        metadata: { events: '0', limit: '256' },
      });
    });

    it('has at most 512 KiB of messages', async () => {
      const text = 'x'.repeat(200 * 1024);
      expect((await publish([text, text])).stored).to.equal(2);
      const { reason, metadata } = await refusal(publish([text, text, text]));
      expect(reason).to.equal('BATCH_INVALID');
      expect(metadata['limit']).to.equal(String(512 * 1024));
    });
  });
});
