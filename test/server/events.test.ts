import { expect } from 'chai';
import { Event, type EventDraft, MessagePublished } from '../../gen/ts/kelpie/v1/event.js';
import { draftEntry, encodeDrafts } from '../../server/domain/events.js';
import { defaultLimits } from '../../server/domain/settings.js';
import { messageDraft, messageEvent } from '../support/messages.js';

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
    const contents: MessagePublished['content'][] = [
      { content: { $case: 'data', value: new Uint8Array([0, 255]) } },
      { content: { $case: 'text', value: '§aGrüße 🐴' } },
      { content: { $case: 'json', value: { nested: { list: [1, 'two', null, true] } } } },
    ];
    for (const content of contents) {
      const message = { type: 'x', content, attributes: { player: 'Steve', lang: 'de' } };
      const { body, untrusted } = Event.decode(
        entryOf({ topic: 'a.b', message, untrusted: true }).event,
      );
      expect(body).to.deep.equal({
        $case: 'messagePublished',
        value: MessagePublished.decode(MessagePublished.encode(message).finish()),
      });
      expect(untrusted).to.equal(true);
    }
  });

  it('leaves nothing of itself to the next one when it cannot be encoded', () => {
    const value = { twice: 1n as unknown as number };
    const message = {
      type: 't'.repeat(50),
      content: { content: { $case: 'json' as const, value } },
      attributes: {},
    };
    expect(() => entryOf({ topic: 'a', message, untrusted: false })).to.throw();
    expect(Event.decode(entryOf(messageDraft('next')).event)).to.deep.equal(messageEvent('next'));
  });
});
