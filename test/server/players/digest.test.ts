import { expect } from 'chai';
import { digestOf } from '../../../server/players/digest.js';
import { vectors } from '../../support/model/digest-vectors.js';

describe('the digest of who is on a proxy', () => {
  it('is that of the test vectors', () => {
    for (const { players, digest } of vectors) {
      expect(digestOf(players).toString('hex')).to.equal(digest);
      expect(digestOf(players.toReversed()).toString('hex'), 'in any order').to.equal(digest);
    }
  });
});
