import { expect } from 'chai';
import { type Piece, Processing } from '../../../client/core/processing.js';

const cursor = (sequence: number) => ({ epoch: new Uint8Array(16), sequence, tag: 1 });

describe('the processing of received batches', () => {
  let processing: Processing;

  beforeEach(() => {
    processing = new Processing();
  });

  const finish = (piece: Piece) => {
    const progress = processing.finish(piece);
    return progress && { upTo: progress.upTo.sequence, due: progress.due };
  };

  it('is finished up to the first batch that is not', () => {
    const [first, second, third] = [1, 2, 3].map((at) => processing.begin(cursor(at), 1));
    expect(second && finish(second)).to.equal(undefined);
    expect(first && finish(first)).to.deep.equal({ upTo: 2, due: false });
    expect(third && finish(third)?.upTo).to.equal(3);
  });

  it('is acknowledged before the window has no room for the largest batch, or for many events', () => {
    const dueAfter = (events: number) => {
      for (let count = 1; ; count++) {
        if (finish(processing.begin(cursor(count), events))?.due) return count;
      }
    };
    expect(dueAfter(1)).to.equal(3);
    expect(dueAfter(512)).to.equal(2);
    expect(dueAfter(1024)).to.equal(1);
    expect(dueAfter(1)).to.equal(3);
  });
});
