import { expect } from 'chai';
import { Event, type EventDraft, Payload } from '../../../gen/ts/kelpie/v1/event.js';
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

  it('keeps every form of content, and what goes with it', () => {
    const contents: Payload['content'][] = [
      { form: { $case: 'data', value: new Uint8Array([0, 255]) } },
      { form: { $case: 'text', value: '§aGrüße 🐴' } },
      { form: { $case: 'json', value: { nested: { list: [1, 'two', null, true] } } } },
    ];
    for (const content of contents) {
      const message = { type: 'x', content, attributes: { player: 'Steve', lang: 'de' } };
      const { body, untrusted } = Event.decode(
        entryOf({ topic: 'a.b', payload: message, untrusted: true }).event,
      );
      expect(body).to.deep.equal({
        $case: 'messagePublished',
        value: Payload.decode(Payload.encode(message).finish()),
      });
      expect(untrusted).to.equal(true);
    }
  });

  it('is refused by name where its type is too long', () => {
    const content = { form: { $case: 'text', value: '' } } as const;
    const payload = { type: 'ü'.repeat(128), content, attributes: {} };
    const draft = { topic: 'a', payload, untrusted: false };
    expect(thrownBy(KelpieError, () => entryOf(draft)).reason).to.equal('TEXT_TOO_LONG');
    expect(entryOf({ ...draft, payload: { ...payload, type: 'ü'.repeat(127) } })).to.be.ok;
  });

  it('leaves nothing of itself to the next one when it cannot be encoded', () => {
    const value = { twice: 1n as unknown as number };
    const message = {
      type: 't'.repeat(50),
      content: { form: { $case: 'json' as const, value } },
      attributes: {},
    };
    expect(() => entryOf({ topic: 'a', payload: message, untrusted: false })).to.throw();
    expect(Event.decode(entryOf(messageDraft('next')).event)).to.deep.equal(messageEvent('next'));
  });
});
