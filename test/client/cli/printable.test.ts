/** The function that escapes all text for a terminal, in the client and in the server. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { printable } from '../../../client/cli/output/printable.js';
import { table } from '../../../client/cli/output/output.js';
import { cutToWidth, widthOf } from '../../../client/cli/output/width.js';
import { printable as printableOfServer } from '../../../server/core/printable.js';
import { hostileStrings } from '../../support/hostile/hostile.js';
import { isPrintable } from '../../support/process/printed.js';

const source = (path: string): string =>
  readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

describe('A text that is printed', () => {
  it('is the same in the client and in the server, which do not import each other', () => {
    expect(source('client/cli/output/printable.ts')).to.equal(source('server/core/printable.ts'));
  });

  for (const [name, text] of Object.entries(hostileStrings)) {
    it(`holds nothing that a terminal obeys or hides: ${name}`, () => check(text));
  }

  it('holds nothing of that, whatever it was, and is the same JSON as before', () => {
    const broken = fc
      .array(
        fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0x2000, max: 0x206f })),
      )
      .map((units) => String.fromCharCode(...units));
    fc.assert(fc.property(fc.oneof(broken, fc.string({ unit: 'binary' })), check));
  });

  it('shows what it was', () => {
    expect(printable('A\u001b[2JB\u009b\u202e\u{e0041}\ud83d\r\n')).to.equal(
      'A\\u001b[2JB\\u009b\\u202e\\udb40\\udc41\\ud83d\\r\\n',
    );
    expect(printable('Kılıç Straße 😀 日本 §cRed e\u0301')).to.equal(
      'Kılıç Straße 😀 日本 §cRed e\u0301',
    );
  });

  it('stands in its column, also beside wide and combining characters', () => {
    expect(['日本', 'e\u0301', '😀', 'ＡＢ', 'ab'].map(widthOf)).to.deep.equal([4, 1, 2, 4, 2]);
    expect(cutToWidth('日本go', 3)).to.equal('日');
    expect(
      table(
        ['A', 'B'],
        [
          ['日本', '1'],
          ['one\ntwo', '2'],
          ['e\u0301', '3'],
        ],
      ),
    ).to.deep.equal(['A         B', '日本      1', 'one\\ntwo  2', 'e\u0301         3']);
  });
});

function check(text: string): void {
  const shown = printable(text);
  expect(isPrintable(shown)).to.equal(true);
  expect(printable(shown)).to.equal(shown);
  expect(printableOfServer(text)).to.equal(shown);
  expect(JSON.parse(printable(JSON.stringify({ [text]: text })))).to.deep.equal({ [text]: text });
}
