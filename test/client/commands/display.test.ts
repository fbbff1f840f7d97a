/** Messages that players are shown: plain objects for programs, and the contract's message on the wire. */
import { expect } from 'chai';
import { type Display, KelpieError } from '../../../client/index.js';
import { displayFrom, displayOf } from '../../../client/commands/display.js';
import { Display as WireDisplay } from '../../../gen/ts/kelpie/v1/command.js';
import { thrownBy } from '../../support/thrown.js';

const carried = (display: Display): Display | undefined =>
  displayFrom(WireDisplay.decode(WireDisplay.encode(displayOf(display)).finish()));

describe('a display', () => {
  const forms: Display[] = [
    { chat: 'hi' },
    { chat: '' },
    { title: 'The fair' },
    { title: '', subtitle: 'has begun' },
    { title: 'The fair', subtitle: 'has begun', fadeInMs: 0, stayMs: 3500, fadeOutMs: 250.5 },
    { actionBar: 'x' },
    { tip: 'x' },
    { popup: 'x' },
    { toast: { title: 'Lunch', message: 'is on the house' } },
  ];
  for (const display of forms) {
    it(`reaches its handler as it was issued: ${JSON.stringify(display)}`, () => {
      expect(carried(display)).to.deep.equal(display);
    });
  }

  it('is a copy: a later change does not alter what is sent', () => {
    const toast = { title: 'Lunch', message: 'x' };
    const wire = displayOf({ toast });
    toast.title = 'Dinner';
    expect(displayFrom(wire)).to.deep.equal({ toast: { title: 'Lunch', message: 'x' } });
  });

  const refused: [display: unknown, reason: string, words: string][] = [
    [{}, 'VALUE_INVALID', 'display has nothing to show; it must have exactly one of chat, title,'],
    [{ subtitle: 'x' }, 'VALUE_INVALID', 'nothing to show'],
    [{ $case: 'chat', value: 'x' }, 'VALUE_INVALID', 'nothing to show'],
    [
      { chat: 'x', tip: 'x' },
      'VALUE_INVALID',
      'display has chat and tip; it must have exactly one',
    ],
    ['x', 'VALUE_INVALID', 'display is "x"; it must be an object'],
    [{ chat: 1 }, 'VALUE_INVALID', 'display.chat is 1; it must be text'],
    [{ toast: 'x' }, 'VALUE_INVALID', 'display.toast is "x"; it must be an object'],
    [{ toast: { title: 'x' } }, 'VALUE_INVALID', 'display.toast.message is undefined'],
    [{ title: 'x', subtitle: null }, 'VALUE_INVALID', 'display.subtitle is null'],
    [{ title: 'x', stayMs: '5s' }, 'OUT_OF_RANGE', 'display.stayMs is "5s"; it must be a number'],
    [{ title: 'x', fadeInMs: -1 }, 'OUT_OF_RANGE', 'display.fadeInMs is -1'],
    [{ title: 'x', fadeOutMs: 1e15 }, 'OUT_OF_RANGE', 'display.fadeOutMs is'],
  ];
  for (const [display, reason, words] of refused) {
    it(`is refused by name: ${JSON.stringify(display)}`, () => {
      const error = thrownBy(KelpieError, () => displayOf(display as Display));
      expect(error.reason).to.equal(reason);
      expect(error.message).to.include(words);
    });
  }

  it('of a later version of the contract has no form here', () => {
    expect(displayFrom({ form: undefined })).to.equal(undefined);
  });
});
