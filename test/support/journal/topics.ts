/** Arbitrary topics and patterns, the reserved ones included. */
import fc from 'fast-check';

const token = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'lobby-1', 'A_1') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('nodes', 'players', 'state', 'routing', 'kelpie', 'inbox'),
  },
);

export const topics = fc
  .array(token, { minLength: 1, maxLength: 7 })
  .map((tokens) => tokens.join('.'));

/** Well-formed patterns. Some of them are reserved, so that no reader may use them. */
export const patterns = fc
  .tuple(
    fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 6 }),
    fc.oneof(token, fc.constant('*'), fc.constant('>')),
  )
  .map(([tokens, last]) => [...tokens, last].join('.'));
