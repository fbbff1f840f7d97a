import { expect } from 'chai';
import {
  amount,
  entries,
  oneOf,
  text,
  textList,
  UINT32,
  whole,
} from '../../../client/core/arguments.js';
import { KelpieError } from '../../../client/errors.js';
import { checkedLoad } from '../../../client/connection/load.js';
import { Duration } from '../../../gen/ts/google/protobuf/duration.js';
import { NodeLoad, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { durationOf, msOf } from '../../../client/core/duration.js';
import { hostileNumbers } from '../../support/hostile/hostile.js';
import { thrownBy } from '../../support/thrown.js';

const refusalOf = (run: () => unknown): string => thrownBy(KelpieError, run).message;

describe('an argument of a caller', () => {
  it('is a whole number that the wire can carry, or is refused by its name', () => {
    for (const given of hostileNumbers.map(Number)) {
      const carried = Number.isInteger(given) && given >= 0 && given <= UINT32;
      if (carried) expect(whole('maxPlayers', given, 0, UINT32)).to.equal(given + 0);
      else expect(refusalOf(() => whole('maxPlayers', given, 0, UINT32))).to.include('maxPlayers');
    }
    for (const odd of ['1', null, 1n, {}, [1], true])
      expect(refusalOf(() => whole('maxPlayers', odd))).to.include('maxPlayers');
  });

  it('is a number within bounds, or is refused', () => {
    expect(amount('sinceMs', 0.5, 0, 1)).to.equal(0.5);
    expect(Object.is(amount('sinceMs', -0, 0, 1), 0), '-0 is 0').to.equal(true);
    for (const odd of [NaN, Infinity, -1, '0.5', 1.0001])
      expect(refusalOf(() => amount('sinceMs', odd, 0, 1))).to.include('sinceMs');
  });

  it('is a name of the table, and not a property that every object has', () => {
    expect(oneOf('state', 'READY', NodeState)).to.equal('READY');
    for (const odd of ['ready', 'draining', 'UNSPECIFIED', 'constructor', '__proto__', '', 2, null])
      expect(refusalOf(() => oneOf('state', odd, NodeState))).to.include('READY');
  });

  it('is text, or a list or an object of texts', () => {
    expect(textList('labels', ['a', 'b'])).to.deep.equal(['a', 'b']);
    for (const odd of [['a', 1], Array(1), 'a', { 0: 'a' }])
      expect(refusalOf(() => textList('labels', odd))).to.include('labels');
    for (const odd of [1, {}, 'a\ud83d', new String('a')])
      expect(refusalOf(() => text('motd', odd))).to.include('motd');
    expect(refusalOf(() => entries('labels', [1]))).to.match(
      /is a list; it must be a plain object/,
    );
    for (const odd of [[], new Map(), 'a', null])
      expect(refusalOf(() => entries('labels', odd))).to.include('labels');
  });
});

describe('a load', () => {
  it('is carried, or is refused by its name: no number in it breaks a heartbeat', () => {
    for (const name of ['tps', 'memoryUsedBytes', 'memoryMaxBytes']) {
      for (const given of hostileNumbers.map(Number)) {
        try {
          const load = checkedLoad({ [name]: given });
          expect(NodeLoad.decode(NodeLoad.encode(NodeLoad.create(load)).finish())).to.include(load);
        } catch (error) {
          expect((error as Error).message).to.include(`load.${name}`);
        }
      }
    }
  });

  it('can be left out, and cannot be a promise', () => {
    expect(checkedLoad(undefined)).to.equal(undefined);
    expect(checkedLoad({ tps: 20 })).to.deep.equal({ tps: 20 });
    for (const odd of [Promise.resolve({}), 20, 'x', null])
      expect(refusalOf(() => checkedLoad(odd))).to.include('load');
  });
});

describe('a duration', () => {
  it('has less than a second of nanoseconds, also after rounding', () => {
    for (const ms of [0, 0.5, 999.999_999_9, 1999.999_999_9, 1500, 2 ** 40]) {
      const { seconds, nanos } = Duration.decode(Duration.encode(durationOf(ms)).finish());
      expect(nanos).to.be.within(0, 999_999_999);
      expect(msOf({ seconds, nanos }, 0)).to.be.closeTo(ms, 1e-6);
    }
  });
});
