/** Values of JavaScript that programs pass by mistake, or on purpose. */
import { hostileNumbers, hostileStrings } from './hostile.js';

/** Each operation on this object throws. */
function throwing(): object {
  const fail = (): never => {
    throw new Error('a trap of a proxy');
  };
  const traps = Object.getOwnPropertyNames(Reflect).map((name) => [name, fail]);
  return new Proxy({}, Object.fromEntries(traps) as ProxyHandler<object>);
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circle(): object {
  const one: Record<string, unknown> = { a: 1 };
  one['self'] = [one];
  return one;
}

class Position {
  readonly x = 1;
  get y(): number {
    throw new Error('a getter that throws');
  }
}

const getter = Object.defineProperty({}, 'a', {
  enumerable: true,
  get: () => {
    throw new Error('a getter that throws');
  },
});

/** The value that JSON.parse returns. */
const parsed = (text: string): unknown => JSON.parse(text);

const objects: Readonly<Record<string, unknown>> = {
  undefined,
  null: null,
  true: true,
  false: false,
  'a bigint': 1n,
  'a symbol': Symbol('x'),
  'a function': () => 1,
  'an async function': async () => 1,
  'a class': Position,
  'an object': {},
  'an object with text': { a: 'b' },
  'an object without a prototype': Object.create(null) as unknown,
  'an object with every name': parsed('{"__proto__":"x","constructor":"y","hasOwnProperty":"z"}'),
  'an object with __proto__ within': parsed('{"a":{"__proto__":{"b":1}}}'),
  'an object with a symbol as a key': { [Symbol('x')]: 1 },
  'an object with a getter that throws': getter,
  'an object that cannot be text': { toString: () => ({}), valueOf: () => ({}) },
  'an instance': new Position(),
  'an error': new Error('an error'),
  'a date': new Date(0),
  'an invalid date': new Date(NaN),
  'a map': new Map([['a', 1]]),
  'a set': new Set([1]),
  'a promise': Promise.resolve({}),
  'a thenable that throws': {
    then: () => {
      throw new Error('no promise');
    },
  },
  'a thenable that never settles': { then: () => undefined },
  'a proxy that throws': throwing(),
  'a revoked proxy': revoked(),
  'a circle': circle(),
  'a list': [1, 'a', null, [true], { b: 2 }],
  'a list with holes': Array(3),
  'a list as long as they get': Array(4_294_967_295),
  'a long list': Array<number>(50_000).fill(7),
  'a list of lists without end': parsed('['.repeat(200) + ']'.repeat(200)),
  bytes: new Uint8Array([0, 127, 128, 255]),
  'a buffer': Buffer.from('bytes'),
  'other bytes': new Uint16Array([1]),
  'a view': new DataView(new ArrayBuffer(8)),
  'an array buffer': new ArrayBuffer(8),
  'a boxed text': new String('x'),
  'a regular expression': /x/,
};

/** All odd values, each with a description. */
export const oddValues: readonly (readonly [what: string, value: unknown])[] = [
  ...Object.entries(objects),
  ...Object.entries(hostileStrings).map(([what, value]) => [`text: ${what}`, value] as const),
  ...hostileNumbers.map((number) => [`the number ${number}`, Number(number)] as const),
];
