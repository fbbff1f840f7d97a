/** Names are compared by one rule on both sides of the wire. */
import { expect } from 'chai';
import fc from 'fast-check';
import { folded as ofClient } from '../../../client/core/name.js';
import { folded } from '../../../server/core/text.js';
import { hostileStrings } from '../../support/hostile/hostile.js';

const everyLetter = Array.from({ length: 0x30000 }, (_, code) =>
  code >= 0xd800 && code <= 0xdfff ? '' : String.fromCodePoint(code),
);

describe('names', () => {
  it('are folded by the same text on both sides', () => {
    expect(ofClient.toString()).to.equal(folded.toString());
    for (const text of Object.values(hostileStrings)) {
      expect(ofClient(text)).to.equal(folded(text));
    }
  });

  it('are equal in any case, composed or not', () => {
    for (const [one, other] of [
      ['Kılıç', 'KILIÇ'],
      ['Straße', 'STRASSE'],
      ['STRAẞE', 'straße'],
      ['Σίσυφος', 'ΣΊΣΥΦΟΣ'],
      ['σίσυφοσ', 'Σίσυφος'],
      ['Ünal', 'u\u0308NAL'],
    ] as const) {
      expect(folded(one), one).to.equal(folded(other));
    }
    expect(folded('notch')).not.to.equal(folded('n0tch'));
  });

  it('have one form, whatever letters are in them', () => {
    const wrong = everyLetter.filter((letter) => {
      const forms = [letter.toLowerCase(), letter.toUpperCase(), letter.normalize('NFC')];
      const form = folded(letter);
      return forms.some((one) => folded(one) !== form) || folded(form) !== form;
    });
    expect(wrong).to.deep.equal([]);
  });

  it('begin as the beginning of their form', () => {
    const name = fc.array(fc.constantFrom(...Array.from('aAßẞıİIςσΣéK하한')), { maxLength: 8 });
    fc.assert(
      fc.property(name, fc.nat(8), (letters, length) => {
        const whole = folded(letters.join(''));
        expect(whole.startsWith(folded(letters.slice(0, length).join('')))).to.equal(true);
      }),
    );
  });
});
