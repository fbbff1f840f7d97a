import { expect } from 'chai';
import { bareHost, endpointOf, isLoopback } from '../../../server/core/address.js';

describe('An address to listen on', () => {
  const inside = [
    '127.0.0.1',
    '127.8.9.10',
    'localhost',
    'LOCALHOST',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
  ];
  for (const host of inside) {
    it(`only this machine can reach: ${host}`, () => expect(isLoopback(host)).to.equal(true));
  }

  const outside = [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '::ffff:10.0.0.1',
    '128.0.0.1',
    'localhost.example',
    '127.1',
    '',
  ];
  for (const host of outside) {
    it(`other machines may reach: ${host}`, () => expect(isLoopback(host)).to.equal(false));
  }

  it('has brackets in an endpoint but not in the address to listen on, if it is of IPv6', () => {
    expect(bareHost('[::1]')).to.equal('::1');
    expect(bareHost('127.0.0.1')).to.equal('127.0.0.1');
    expect(endpointOf('::1', 1)).to.equal('[::1]:1');
    expect(endpointOf('lobby', 1)).to.equal('lobby:1');
  });
});
