/** The form of keys in rows and topics: the same on both sides, another for each key, and a token of a topic. */
import { expect } from 'chai';
import fc from 'fast-check';
import { encodedKey as clientForm, placeOf, topicOf } from '../../../client/core/value-place.js';
import { KelpieError as ClientError } from '../../../client/errors.js';
import { KelpieError } from '../../../server/core/errors.js';
import { encodedKey, nameOfValue } from '../../../server/state/keys.js';
import { checkPattern } from '../../../server/topics/topic.js';
import { thrownBy } from '../../support/thrown.js';

/** The same as in protos/README.md. */
const vectors: readonly (readonly [string, string])[] = [
  ['lobby-1', 'lobby-1'],
  ['a.b', 'a_2eb'],
  ['a_2eb', 'a_5f2eb'],
  ['Steve Jobs', 'Steve_20Jobs'],
  ['é', '_c3_a9'],
  ['*', '_2a'],
];

/** Keys of few letters, so that some of them could collide, and keys of any text. */
const keys = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '_', '2', 'e', '.', '/', '-', 'é'), maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

describe('the form of a key', () => {
  it('is that of the test vectors, on both sides', () => {
    for (const [key, form] of vectors) {
      expect([encodedKey(key), clientForm(key)]).to.deep.equal([form, form]);
    }
  });

  it('is a token, the same on both sides, and no two keys have the same one', () => {
    const byForm = new Map<string, string>();
    let others = 0;
    fc.assert(
      fc.property(fc.array(keys, { minLength: 5 }), (some) => {
        for (const key of some) {
          const form = encodedKey(key);
          expect(clientForm(key)).to.equal(form);
          if (key !== '') expect(form).to.match(/^[A-Za-z0-9_-]+$/);
          expect(byForm.get(form) ?? key).to.equal(key);
          byForm.set(form, key);
          if (form !== key) others += 1;
        }
      }),
    );
    expect(others, 'keys with other bytes').to.be.above(200);
  });

  it('begins with the form of each beginning of the key', () => {
    fc.assert(
      fc.property(keys, keys, (one, two) => {
        expect(encodedKey(one + two).startsWith(encodedKey(one))).to.equal(true);
      }),
    );
  });

  it('gives a topic that readers may use, up to the limits, and KEY_INVALID above them', () => {
    const bucket = 'b'.repeat(63);
    for (const key of ['k'.repeat(128), '.'.repeat(60), '\0', '..', ' ', '😀'.repeat(15)]) {
      const topic = `state.${nameOfValue({ bucket, key }).replace('/', '.')}`;
      checkPattern(topic);
      expect(topicOf(placeOf(bucket, key))).to.equal(topic);
    }
    for (const key of ['', 'k'.repeat(129), '.'.repeat(61), 'é'.repeat(31), 'x'.repeat(2 ** 20)]) {
      const refused = [
        thrownBy(KelpieError, () => nameOfValue({ bucket, key })).reason,
        thrownBy(ClientError, () => placeOf(bucket, key)).reason,
      ];
      expect(refused, key.slice(0, 9)).to.deep.equal(['KEY_INVALID', 'KEY_INVALID']);
    }
    for (const odd of ['', 'B', '-a', 'a.b', 'a/b', 'b'.repeat(64), 'ä', 'a\n']) {
      const refused = [
        thrownBy(KelpieError, () => nameOfValue({ bucket: odd, key: 'k' })).metadata['field'],
        thrownBy(ClientError, () => placeOf(odd, 'k')).metadata['field'],
      ];
      expect(refused, odd).to.deep.equal(['bucket', 'bucket']);
    }
  });
});
