/** The address that `kelpie coordinators` shows for a coordinator. */
import { hostname, type networkInterfaces } from 'node:os';
import { expect } from 'chai';
import {
  settingNames,
  type Settings,
  settings,
  toOptions,
} from '../../../server/ops/config/settings.js';
import { advertisedEndpoint, advertisedPlace } from '../../../server/ops/advertise.js';

type Interfaces = ReturnType<typeof networkInterfaces>;

const on = (address: string, internal = false) => {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return { address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 } as never;
};
const machine: Interfaces = {
  lo: [on('127.0.0.1', true), on('::1', true)],
  dummy: [on('169.254.1.1'), on('fe80::1')],
  eth0: [on('2001:db8::7'), on('10.0.0.7')],
};
const without = { eth0: [on('2001:db8::7')] };

describe('the address of a coordinator for others', () => {
  for (const [host, advertise, interfaces, endpoint] of [
    ['127.0.0.1', undefined, machine, '127.0.0.1:5'],
    ['kelpie.example.org', undefined, machine, 'kelpie.example.org:5'],
    ['0.0.0.0', undefined, machine, '10.0.0.7:5'],
    ['::', undefined, machine, '10.0.0.7:5'],
    ['::', undefined, without, '[2001:db8::7]:5'],
    ['0.0.0.0', undefined, without, `${hostname()}:5`],
    ['::', undefined, {}, `${hostname()}:5`],
    ['0.0.0.0', 'a.example.org', machine, 'a.example.org:5'],
    ['0.0.0.0', 'a.example.org:7', machine, 'a.example.org:7'],
    ['0.0.0.0', '2001:db8::9', machine, '[2001:db8::9]:5'],
    ['0.0.0.0', '[2001:db8::9]:7', machine, '[2001:db8::9]:7'],
  ] as const) {
    it(`is ${endpoint} on ${host}, ${advertise ?? 'by itself'}`, () => {
      expect(advertisedEndpoint(host, 5, advertise, interfaces)).to.equal(endpoint);
    });
  }

  for (const wrong of [
    '',
    ' ',
    'a b',
    ':7',
    'a:',
    'a:0',
    'a:70000',
    'a:7:8',
    'http://a',
    '[a',
    '[]',
  ])
    it(`is not "${wrong}"`, () => {
      expect(() => advertisedPlace(wrong)).to.throw(RangeError);
    });

  it('comes from the setting, which is auto without one', () => {
    const values = settingNames.map((name) => [name, settings[name].default]);
    const byDefault = Object.fromEntries(values) as Settings;
    expect(toOptions(byDefault).advertise).to.equal(undefined);
    expect(toOptions({ ...byDefault, advertise: 'a.example.org:7' }).advertise).to.equal(
      'a.example.org:7',
    );
    expect(settings.advertise.parse('auto')).to.equal('auto');
    expect(() => settings.advertise.parse('a:b')).to.throw(RangeError);
  });
});
