import { expect } from 'chai';
import { addressBlock, bareHost, endpointOf, isLoopback } from '../../../server/core/address.js';

describe('The block of an address', () => {
  const blocks = [
    ['10.0.0.1', '10.0.0.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:1:2:3:4', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
    ['64:ff9b::10.0.0.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4::10.0.0.1', '1:2:3:4::/64'],
  ] as const;
  for (const [host, block] of blocks) {
    it(`of ${host} is ${block}`, () => expect(addressBlock(host)).to.equal(block));
  }
});

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
