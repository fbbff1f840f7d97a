import { expect } from 'chai';
import { MessageOrigin, Event, type EventDraft, Payload } from '../../../gen/ts/kelpie/v1/event.js';
import { draftEntry, encodeDrafts } from '../../../server/events/drafts.js';
import { KelpieError } from '../../../server/core/errors.js';
import { defaultLimits } from '../../../server/network/limits.js';
import { messageDraft, messageEvent } from '../../support/wire/messages.js';
import { thrownBy } from '../../support/thrown.js';

function entryOf(draft: EventDraft) {
  const [encoded] = encodeDrafts([draft], defaultLimits);
  if (!encoded) throw new Error('nothing was encoded');
  return draftEntry(encoded, 'lobby-1', new Date(1_700_000_000_000), defaultLimits);
}

describe('an event on its way into the journal', () => {
  it('decodes to what was published', () => {
    expect(Event.decode(entryOf(messageDraft('hello')).event)).to.deep.equal(messageEvent('hello'));
  });

  it('keeps every form of content, and the other fields of the message', () => {
    const contents: Payload['content'][] = [
      { form: { $case: 'data', value: new Uint8Array([0, 255]) } },
      { form: { $case: 'text', value: '§aGrüße 🐴' } },
      { form: { $case: 'json', value: { nested: { list: [1, 'two', null, true] } } } },
    ];
    for (const content of contents) {
      const message = {
        type: 'x',
        content,
        attributes: { player: 'Steve', lang: 'de' },
        origin: MessageOrigin.NODE,
      };
      const { body } = Event.decode(entryOf({ topic: 'a.b', payload: message }).event);
      expect(body).to.deep.equal({
        $case: 'messagePublished',
        value: Payload.decode(Payload.encode(message).finish()),
      });
    }
  });

  it('is refused with an origin outside the contract, which not every reader could print', () => {
    const payload = Payload.create({ content: { form: { $case: 'text', value: 'x' } } });
    for (const origin of [2, -1, 2147483647] as number[] as MessageOrigin[]) {
      const refusal = thrownBy(KelpieError, () =>
        entryOf({ topic: 'a', payload: { ...payload, origin } }),
      );
      expect(refusal.reason).to.equal('OUT_OF_RANGE');
    }
    expect(entryOf({ topic: 'a', payload })).to.be.ok;
  });

  it('is refused with the name of the field if its type is too long', () => {
    const content = { form: { $case: 'text', value: '' } } as const;
    const payload = { type: 'ü'.repeat(128), content, attributes: {}, origin: MessageOrigin.NODE };
    const draft = { topic: 'a', payload };
    expect(thrownBy(KelpieError, () => entryOf(draft)).reason).to.equal('TEXT_TOO_LONG');
    expect(entryOf({ ...draft, payload: { ...payload, type: 'ü'.repeat(127) } })).to.be.ok;
  });

  it('leaves no bytes in the next event if it cannot be encoded', () => {
    const value = { twice: 1n as unknown as number };
    const message = {
      type: 't'.repeat(50),
      content: { form: { $case: 'json' as const, value } },
      attributes: {},
      origin: MessageOrigin.NODE,
    };
    expect(() => entryOf({ topic: 'a', payload: message })).to.throw();
    expect(Event.decode(entryOf(messageDraft('next')).event)).to.deep.equal(messageEvent('next'));
  });
});
