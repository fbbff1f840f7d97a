import { expect } from 'chai';
import fc from 'fast-check';
import { cutBytes, cutText } from '../../../server/core/text.js';
import { hostileStrings } from '../../support/hostile/hostile.js';

describe('Text is cut', () => {
  it('between code points, never inside of one', () => {
    expect(cutText('x'.repeat(254) + '😀y', 255)).to.equal('x'.repeat(254) + '😀');
    expect(cutText('x'.repeat(255) + '😀', 255)).to.equal('x'.repeat(255));
    expect(cutText('😀😀', 1)).to.equal('😀');
  });

  for (const [name, text] of Object.entries(hostileStrings)) {
    it(`to well-formed text: ${name}`, () => {
      for (const codePoints of [0, 1, 40, 63, 64, 80, 255, 1024]) check(text, codePoints);
    });
  }

  it('to a well-formed beginning of itself, whatever the text', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
    const broken = fc
      .array(fc.integer({ min: 0xd780, max: 0xe080 }))
      .map((units) => String.fromCharCode(...units));
    fc.assert(fc.property(fc.oneof(text, broken), fc.nat(20), check));
  });
});

describe('Text is cut by its bytes', () => {
  it('between characters', () => {
    expect(cutBytes('x'.repeat(254) + '😀', 255)).to.equal('x'.repeat(254));
    expect(cutBytes('x'.repeat(251) + '😀y', 255)).to.equal('x'.repeat(251) + '😀');
    expect(cutBytes('äöü', 3)).to.equal('ä');
    expect(cutBytes('\ud800', 3)).to.equal('\ufffd');
  });

  it('to as many bytes as fit into the limit, well formed', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      ...Object.values(hostileStrings).map(fc.constant),
    );
    fc.assert(
      fc.property(text, fc.nat(300), (whole, bytes) => {
        const cut = cutBytes(whole, bytes);
        expect(cut.isWellFormed()).to.equal(true);
        expect(whole.toWellFormed().startsWith(cut)).to.equal(true);
        const length = Buffer.byteLength(cut);
        expect(length).to.be.at.most(bytes);
        const rest = Buffer.byteLength(whole) - length;
        expect(rest === 0 || bytes - length < 4).to.equal(true);
      }),
    );
  });
});

function check(text: string, codePoints: number): void {
  const cut = cutText(text, codePoints);
  expect(cut.isWellFormed()).to.equal(true);
  expect(cut).to.equal(Array.from(text).slice(0, codePoints).join('').toWellFormed());
}
