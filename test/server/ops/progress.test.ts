/** The progress of long work, on a terminal and in a log. */
import { expect } from 'chai';
import { Progress } from '../../../server/ops/progress.js';

describe('progress', () => {
  let nowMs: number;
  let written: string[];

  beforeEach(() => {
    nowMs = 1000;
    written = [];
  });

  const on = (isTTY: boolean) =>
    new Progress({ isTTY, write: (text) => written.push(text) }, () => nowMs);

  /** Reports a thousand steps in 10 s. */
  const work = (progress: Progress): void => {
    for (let step = 1; step <= 1000; step++) {
      nowMs += 10;
      progress.tell(`${step} of 1000`);
    }
    progress.end();
  };

  it('is one line on a terminal, shown at once, then ten times a second, and cleared at the end', () => {
    work(on(true));
    expect(written).to.have.length(101);
    expect(written[0]).to.equal('\r1 of 1000\u001b[K');
    expect(written.at(-1)).to.equal('\r\u001b[K');
    expect(written.join('')).to.not.include('\n');
  });

  it('is a line every 5 s if the output is not a terminal', () => {
    work(on(false));
    expect(written).to.deep.equal(['500 of 1000\n', '1000 of 1000\n']);
  });

  it('clears nothing on a terminal on which it printed nothing', () => {
    on(true).end();
    expect(written).to.be.empty;
  });
});
