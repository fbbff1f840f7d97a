/** The line in which a command shows its progress. */
import { expect } from 'chai';
import { Progress } from '../../../client/cli/output/progress.js';

describe('the progress of a command', () => {
  const written: string[] = [];
  let nowMs = 0;

  const progressOn = (isTTY: boolean, columns: number): Progress => {
    written.length = 0;
    nowMs = 0;
    const write = (text: string): number => written.push(text);
    return new Progress({ isTTY, columns, write }, () => nowMs);
  };

  it('is one line of a terminal, which changes ten times a second at most and is cleared', () => {
    const progress = progressOn(true, 80);
    for (const ms of [0, 50, 99, 100, 150, 200]) {
      nowMs = ms;
      progress.show(`${ms} ms`);
    }
    progress.end();
    progress.end();
    expect(written).to.deep.equal([
      ...['0', '100', '200'].map((ms) => `\r${ms} ms\u001b[K`),
      '\r\u001b[K',
    ]);
  });

  it('never wraps, and obeys no text', () => {
    progressOn(true, 10).show('a\u001b[2J and more');
    expect(written).to.deep.equal(['\ra\\u001b[2\u001b[K']);
  });

  it('is left out where nobody looks', () => {
    const progress = progressOn(false, 80);
    progress.show('text');
    progress.end();
    expect(written).to.deep.equal([]);
  });
});
