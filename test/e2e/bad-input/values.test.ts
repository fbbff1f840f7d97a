/** A script puts and deletes bad shared values: each call fails with its reason and stores nothing. */
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { PutValueRequest } from '../../../gen/ts/kelpie/v1/state_service.js';
import { withNeighbour } from './neighbour.js';
import { expectEnd, type Facts } from './refusal.js';

const KIB = 1024;
const DAY_S = 24 * 60 * 60;
/** The field of a content that has 64 KiB with it. */
const LARGEST_DATA = 64 * KIB - 4;

describe('bad input in shared values', () => {
  const suite = withNeighbour();

  const put = (more: Partial<PutValueRequest>) => {
    const content = { form: { $case: 'text', value: 'x' } } as const;
    const request = PutValueRequest.create({ bucket: 'bad', key: 'k', content, ...more });
    return suite.wire.callBytes(
      '/kelpie.v1.StateService/PutValue',
      PutValueRequest.encode(request).finish(),
    );
  };
  const data = (length: number) =>
    ({ content: { form: { $case: 'data', value: Buffer.alloc(length) } } }) as const;
  const ttl = (seconds: number, nanos = 0) => ({ ttl: { seconds, nanos } });
  const tooShort = { field: 'ttl', limit: '1000' };
  const tooLong = { field: 'ttl', limit: String(30 * DAY_S * 1000) };

  const bad: [string, Partial<PutValueRequest>, string, Facts][] = [
    ['a TTL of 0', ttl(0), 'OUT_OF_RANGE', tooShort],
    ['a TTL of 999 ms', ttl(0, 999_000_000), 'OUT_OF_RANGE', tooShort],
    ['a TTL below 0', ttl(-5), 'OUT_OF_RANGE', tooShort],
    ['a TTL over 30 days', ttl(30 * DAY_S, 1_000_000), 'OUT_OF_RANGE', tooLong],
    ['a TTL of a year', ttl(365 * DAY_S), 'OUT_OF_RANGE', tooLong],
    ['a TTL of 10,000 years', ttl(315_576_000_000), 'OUT_OF_RANGE', tooLong],
    ['an empty key', { key: '' }, 'KEY_INVALID', { field: 'key', limit: '128' }],
    [
      'a key of 1 MB',
      { key: 'k'.repeat(1_000_000) },
      'KEY_INVALID',
      { field: 'key', limit: '128' },
    ],
    [
      'a key too long in its topic',
      { key: '.'.repeat(61) },
      'KEY_INVALID',
      { field: 'key', limit: '180' },
    ],
    ['a bucket with a dot', { bucket: 'a.b' }, 'KEY_INVALID', { field: 'bucket' }],
    ['no content', { content: undefined }, 'EVENT_EMPTY', {}],
    [
      'a content of 64 KiB and a byte',
      data(LARGEST_DATA + 1),
      'PAYLOAD_TOO_LARGE',
      { bytes: String(64 * KIB + 1), limit: String(64 * KIB) },
    ],
  ];
  for (const [what, request, reason, facts] of bad) {
    it(`PutValue refuses ${what} with ${reason}`, async () => {
      const { end } = await put(request);
      expectEnd(end, reason, facts, status.INVALID_ARGUMENT);
      expect(await suite.history('state.>')).to.deep.equal([]);
    });
  }

  it('PutValue takes what just fits', async () => {
    const fitting: Partial<PutValueRequest>[] = [
      ttl(1),
      ttl(30 * DAY_S),
      data(LARGEST_DATA),
      { key: '.'.repeat(60) },
      { key: 'k'.repeat(128) },
      { key: 'Grüße 🌍' },
    ];
    for (const request of fitting) expect((await put(request)).end.code).to.equal(status.OK);
  });
});
