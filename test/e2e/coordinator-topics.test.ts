/** The topics `routing`, `kelpie.settings` and `state.>`: as programs get their events, and as people see them. */
import { expect } from 'chai';
import { type Api, apiAt, type RoutingRule } from '../../client/api/index.js';
import { connect, type EventBody, type KelpieClient } from '../../client/index.js';
import { startKelpie, type Kelpie } from '../support/process/cli.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { until } from '../support/until.js';

const rules: RoutingRule[] = [
  { name: 'vips', priority: 9, to: { names: ['vip-1'] } },
  { name: 'lobbies', strategy: 'STICKY', limit: 80 },
];
const settings = {
  maintenance: true,
  maintenanceMessage: 'Back at 8\u{1b}[31m',
  allowedPlayers: [],
};

describe('the topics of rules, settings and shared values', () => {
  let kelpied: Kelpied;
  let api: Api;
  let client: KelpieClient;
  let tail: Kelpie;
  const bodies: (EventBody | undefined)[] = [];

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    api = apiAt(kelpied.endpoint);
    const endpoints = [kelpied.endpoint];
    client = connect({ name: 'reader', role: 'SERVICE', endpoints });
    await client.ready();
    for (const topic of ['routing', 'kelpie.settings', 'state.>'])
      client.subscribe(topic, ({ body }) => void bodies.push(body));
    await api.routing.set(rules);
    await api.routing.set([]);
    await api.network.setSettings({ ...settings, allowedPlayers: ['Steve'] });
    await api.network.setSettings(settings);
    await api.network.setSettings({ maintenance: false });
    await api.state.put('maps', 'arena', { name: 'Cas\u{202e}tle' });
    await api.state.delete('maps', 'arena');
    tail = startKelpie(
      ['tail', '--all', 'routing', 'kelpie.settings', 'state.>'],
      kelpied.endpoint,
    );
  });
  after(async () => {
    await tail.stop();
    await client.close();
    api.close();
    await kelpied.stop();
  });

  it('bring programs the change, in the form of programs', async () => {
    await until(() => bodies.length === 7);
    const [set, none, some, , off, put, gone] = bodies;
    expect(set).to.deep.equal({ kind: 'routingChanged', rules });
    expect(none).to.deep.equal({ kind: 'routingChanged', rules: [] });
    expect(some?.kind === 'settingsChanged' && some.settings.allowedPlayers).to.deep.equal([
      'Steve',
    ]);
    expect(off?.kind === 'settingsChanged' && off.settings.maintenance).to.equal(false);
    if (put?.kind !== 'stateChanged' || gone?.kind !== 'stateDeleted') throw new Error('no value');
    expect(put.value).to.deep.include({ bucket: 'maps', key: 'arena', owner: '' });
    expect(put.value.value).to.deep.equal({ name: 'Cas\u{202e}tle' });
    expect(put.value.sequence).to.be.above(0).and.below(gone.value.sequence);
    expect(gone.value).to.deep.include({ bucket: 'maps', key: 'arena', ended: 'DELETED' });
  });

  it('show people each change in words, with nothing that a terminal obeys', async () => {
    await tail.line(/ended/);
    expect(tail.lines.map((line) => line.split('  ').slice(1).join(' | '))).to.deep.equal([
      'routing | - | 2 rules: vips, lobbies',
      'routing | - | no rules',
      'kelpie.settings | - | maintenance on, 1 player may log in: Back at 8\\u001b[31m',
      'kelpie.settings | - | maintenance on, nobody may log in: Back at 8\\u001b[31m',
      'kelpie.settings | - | maintenance off',
      'state.maps.arena | - | arena is {"name":"Cas\\u202etle"}',
      'state.maps.arena | - | arena ended (DELETED)',
    ]);
  });
});
