import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import fc from 'fast-check';
import { contentOf, type MessageContent, JSON_DEPTH } from '../../../client/events/content.js';
import { KelpieError } from '../../../client/errors.js';
import { MessageOrigin, Content, Event } from '../../../gen/ts/kelpie/v1/event.js';
import { ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import { hostileStrings } from '../../support/hostile/hostile.js';
import { thrownBy } from '../../support/thrown.js';

/** The content that a reader gets. */
function arrives(content: unknown): unknown {
  const sent = Content.encode(contentOf(content as MessageContent)).finish();
  return Content.decode(sent).form?.value;
}

function refusal(content: unknown): KelpieError {
  return thrownBy(KelpieError, () => contentOf(content as MessageContent));
}

/** Objects or lists with this many levels. */
function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

class Position {
  readonly x = 1;
}

describe('the content of a message', () => {
  for (const [what, content] of [
    ['text', 'hello'],
    ['no letters', ''],
    ['bytes', new Uint8Array([0, 255])],
    ['a list', [1, 'a', null, true, [2], { b: 3 }]],
    ['an empty list', []],
    ['an object', { a: { b: [1.5, -0, 'x', null, false] }, constructor: 1, toString: 'x' }],
    ['an object with a key of every object', JSON.parse('{"__proto__":{"a":1},"b":[]}')],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ] as const) {
    it(`arrives as it is if it is ${what}`, () => {
      expect(arrives(content)).to.deep.equal(
        typeof content === 'object' && !Object.getPrototypeOf(content) ? { a: 1 } : content,
      );
    });
  }

  it('can come from another realm', () => {
    expect(arrives(runInNewContext('({ a: [1] })'))).to.deep.equal({ a: [1] });
  });

  it('leaves out fields that are undefined, as JSON does', () => {
    expect(arrives({ a: undefined, b: 1 })).to.deep.equal({ b: 1 });
  });

  for (const [what, content, path] of [
    ['a number', 1, 'content is 1;'],
    ['true', true, 'content is true;'],
    ['null', null, 'content is null;'],
    ['undefined', undefined, 'content is undefined;'],
    ['a symbol', Symbol('x'), 'content is a symbol;'],
    ['a bigint', 1n, 'content is a bigint;'],
    ['a function', () => 1, 'content is a function;'],
    ['a Date', new Date(0), 'use toISOString()'],
    ['a Map', new Map([['a', 1]]), 'use Object.fromEntries()'],
    ['a promise', Promise.resolve('x'), 'content is an object (Promise)'],
    ['an instance of a class', new Position(), 'copy it: { ...it }'],
    ['other bytes', new Uint16Array([1]), 'content is an object (Uint16Array)'],
    ['NaN', { a: [1, NaN] }, 'content.a[1] is NaN'],
    ['an endless number', { a: Infinity }, 'content.a is Infinity'],
    ['a hole of a list', Array(2), 'content[0] is undefined'],
    ['bytes in JSON', { a: { b: new Uint8Array(1) } }, 'content.a.b is an object (Uint8Array)'],
    ['a Date in JSON', { when: new Date(0) }, 'content.when is an object (Date)'],
    ['a function in JSON', { a: () => 1 }, 'content.a is a function'],
    ['a symbol as a key', { [Symbol('x')]: 1 }, 'content has a symbol as a key'],
    ['half of a surrogate pair', 'a\ud83d', 'half of a surrogate pair'],
    ['half of a pair in JSON', { a: '\ude00' }, 'content.a has half of a surrogate pair'],
    ['half of a pair as a key', { '\ude00': 1 }, 'half of a surrogate pair'],
  ] as const) {
    it(`is refused by the name of the place if it has ${what}`, () => {
      const { reason, message, permanent } = refusal(content);
      expect({ reason, permanent }).to.deep.equal({ reason: 'VALUE_INVALID', permanent: true });
      expect(message).to.include(path);
    });
  }

  it('is refused if it contains itself, or has too many levels', () => {
    const circle: Record<string, unknown> = {};
    circle['a'] = [circle];
    expect(refusal(circle).reason).to.equal('CONTENT_TOO_DEEP');
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ a: inner })]) {
      expect(refusal(nested(JSON_DEPTH + 1, wrap)).reason).to.equal('CONTENT_TOO_DEEP');
      expect(arrives(nested(JSON_DEPTH, wrap))).to.deep.equal(nested(JSON_DEPTH, wrap));
    }
  });

  it('of the most levels can be decoded inside the messages of a stream', () => {
    const deepest = contentOf(nested(JSON_DEPTH, (a) => ({ a })) as MessageContent);
    const body = {
      $case: 'messagePublished',
      value: { type: '', content: deepest, attributes: {}, origin: MessageOrigin.NODE },
    } as const;
    const events = [{ ...Event.create(), body }];
    const frame = {
      $case: 'eventBatch',
      value: { afterSequence: 0, upTo: undefined, events },
    } as const;
    const bytes = ConnectResponse.encode({ frames: [{ requestId: 0, frame }] }).finish();
    expect(ConnectResponse.decode(bytes).frames).to.have.length(1);
  });

  it('is a copy: a later change of the original does not alter it', () => {
    const bytes = Buffer.from('abc');
    const object = { list: [1] };
    const contents = [contentOf(bytes), contentOf(object), contentOf(object.list)];
    bytes.fill(0);
    object.list.push(2);
    expect(contents.map(({ form }) => form?.value)).to.deep.equal([
      new Uint8Array([97, 98, 99]),
      { list: [1] },
      [1],
    ]);
  });

  it('is refused before an endless object is copied', () => {
    const list = Array<number>(9_000_000).fill(0);
    expect(refusal(list).reason).to.equal('PAYLOAD_TOO_LARGE');
  });

  it('arrives as it is or is refused, for any JSON', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom(...Object.values(hostileStrings).filter(({ length }) => length < 2000)),
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 4 }),
      object: fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        let arrived: unknown;
        try {
          arrived = arrives(value);
        } catch (error) {
          expect(error).to.be.instanceOf(KelpieError);
          return;
        }
        expect(arrived).to.deep.equal(value);
      }),
    );
  });
});
