import { expect } from 'chai';
import { digestOf } from '../../../server/players/digest.js';
import { vectors } from '../../support/model/digest-vectors.js';

describe("the digest of a proxy's players", () => {
  it('matches the test vectors', () => {
    for (const { players, digest } of vectors) {
      expect(digestOf(players).toString('hex')).to.equal(digest);
      expect(digestOf(players.toReversed()).toString('hex'), 'in any order').to.equal(digest);
    }
  });
});
