import { expect } from 'chai';
import { KelpieError } from '../../../server/core/errors.js';
import { producerOf, storedAlready } from '../../../server/events/numbering.js';
import { thrownBy } from '../../support/thrown.js';

describe('the publish sequences of a publish', () => {
  const five = { first: 11, count: 5 };

  it('begin anywhere if the journal has no number of the publisher', () => {
    expect(storedAlready(five)).to.equal(0);
  });

  for (const [next, stored] of [
    [11, 0],
    [12, 1],
    [15, 4],
    [16, 5],
    [99, 5],
  ] as const) {
    it(`11 to 15: ${stored} are stored already if ${next} is next`, () => {
      expect(storedAlready(five, next)).to.equal(stored);
    });
  }

  it('must not leave a hole', () => {
    const error = thrownBy(KelpieError, () => storedAlready(five, 10));
    expect(error.reason).to.equal('PUBLISH_SEQUENCE_HOLE');
    expect(error.metadata).to.deep.equal({ expected: '10' });
  });

  it('are safe integers above 0, the last of them too', () => {
    const most = Number.MAX_SAFE_INTEGER;
    for (const [first, count] of [
      [0, 1],
      [most, 2],
      [most - 1, 3],
    ] as const) {
      const error = thrownBy(KelpieError, () => storedAlready({ first, count }));
      expect(error.reason).to.equal('OUT_OF_RANGE');
    }
    expect(storedAlready({ first: most - 1, count: 2 })).to.equal(0);
  });

  it('move the publisher from the last stored event to the last of the publish', () => {
    const instance = new Uint8Array(16);
    expect(producerOf(instance, five, 0)).to.deep.equal({ instance, previous: 10, last: 15 });
    expect(producerOf(instance, five, 3)).to.deep.equal({ instance, previous: 13, last: 15 });
  });
});
