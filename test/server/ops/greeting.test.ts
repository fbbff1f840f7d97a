/** The commands of the greeting, for each way to listen. */
import { expect } from 'chai';
import { settingNames, type Settings, settings } from '../../../server/ops/config/settings.js';
import { greeting } from '../../../server/ops/greeting.js';

const defaults = Object.fromEntries(
  settingNames.map((name) => [name, settings[name].default]),
) as unknown as Settings;

function commands(host: string, port: number, asksForCredentials: boolean, own = {}): string[] {
  const at = { host, port, endpoint: `${host}:${port}`, networks: ['main'], asksForCredentials };
  const lines = greeting(at, { ...defaults, ...own }).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line.includes('npx kelpie'));
}

describe('The greeting of kelpied', () => {
  it('names the endpoint unless it is the default one', () => {
    expect(commands('127.0.0.1', 50_051, false)[0]).to.match(/^npx kelpie nodes /);
    for (const [host, port] of [
      ['127.0.0.1', 4711],
      ['127.0.0.2', 50_051],
    ] as const) {
      const [first] = commands(host, port, false);
      expect(first).to.match(new RegExp(`^KELPIE_ENDPOINTS=${host}:${port} npx kelpie nodes `));
    }
  });

  it('begins with a context where a client needs more than the endpoint', () => {
    const tls = { tlsCert: 'tls/server.pem', tlsKey: 'tls/server-key.pem' };
    const cases: [string[], string][] = [
      [commands('127.0.0.1', 50_051, true), '127.0.0.1:50051 --token-file FILE'],
      [commands('127.0.0.1', 50_051, false, tls), '127.0.0.1:50051 --ca CA'],
      [commands('0.0.0.0', 50_051, true, tls), '127.0.0.1:50051 --ca CA --token-file FILE'],
      [commands('::', 4711, true, tls), '[::1]:4711 --ca CA --token-file FILE'],
      [commands('10.0.0.5', 50_051, false), '10.0.0.5:50051 --insecure'],
      [commands('0.0.0.0', 50_051, false, { insecure: true }), ''],
      [
        commands('10.0.0.5', 1, true, { ...tls, tlsClientCa: 'ca.pem' }),
        '10.0.0.5:1 --ca CA --cert CERT --key KEY --token-file FILE',
      ],
    ];
    for (const [[first, second], expected] of cases) {
      if (expected === '') expect(first).to.match(/^npx kelpie nodes /);
      else {
        expect(first).to.equal(`npx kelpie context add main --endpoint ${expected}`);
        expect(second).to.match(/^npx kelpie nodes /);
      }
    }
  });
});
