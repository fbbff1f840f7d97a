/** `kelpie doctor` names the cause of each misconfiguration, and of no other one. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Examination, examine } from '../../client/cli/doctor/examination.js';
import { apiAt } from '../../client/api/index.js';
import { drawToken } from '../../client/core/token.js';
import type { Clock } from '../../server/core/clock.js';
import {
  type Coordinator,
  type CoordinatorOptions,
  startCoordinator,
} from '../../server/coordinator.js';
import { type Issued, TestCa } from '../support/certificates.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';

const HOUR_MS = 3_600_000;

interface Cause {
  readonly what: string;
  /** The coordinator that is asked. */
  readonly at: 'open' | 'closed' | 'tls' | 'mutual' | 'expired' | 'elsewhere' | 'slow';
  readonly by: () => Partial<Examination>;
  readonly check: string;
  readonly status?: 'warning';
  readonly finding: RegExp;
  readonly advice: RegExp;
}

describe('kelpie doctor names the cause:', () => {
  const running = new Map<string, Coordinator>();
  const tokens = new Map<string, string>();
  let ca: TestCa;
  let foreign: TestCa;
  let client: Issued;
  let file: string;
  /** Of the coordinator `closed`. */
  let skewMs = 0;

  const token = (name: string): string => tokens.get(name) ?? '';
  const start = async (
    name: Cause['at'],
    options: CoordinatorOptions = {},
  ): Promise<Coordinator> => {
    const coordinator = await startCoordinator({
      ...{ port: 0, journal: 'memory', times: { drainMs: 0 } },
      ...options,
    });
    running.set(name, coordinator);
    return coordinator;
  };

  before(async () => {
    [ca, foreign] = await Promise.all([TestCa.make(), TestCa.make()]);
    client = await ca.client('lobby-2');
    const tls = await ca.server();
    await start('open');
    const closed = await start('closed', { clock: skewed(() => skewMs) });
    for (const name of ['root', 'short', 'lobby-1']) {
      const preset = name === 'lobby-1' ? 'server' : 'operator';
      const ttl = name === 'short' ? { ttlMs: HOUR_MS } : {};
      tokens.set(name, await closed.createToken({ name, preset, ...ttl }));
    }
    const few = { nodeNames: ['shop'], readTopics: ['nodes.*'] };
    tokens.set('shop', await closed.createToken({ name: 'shop', rights: few }));
    tokens.set('old', await closed.createToken({ name: 'old' }));
    await replaceToken(closed, token('old'));
    const joining = { rights: { nodeNames: ['lobby-*'] }, ttlMs: HOUR_MS, join: { uses: 1 } };
    tokens.set('join', await closed.createToken({ name: 'lobbies', ...joining }));
    await start('tls', { tls });
    const mutual = await start('mutual', { tls: { ...tls, clientCa: ca.certificate } });
    tokens.set('mutual', await mutual.createToken({ name: 'a', certificateName: 'lobby-1' }));
    await start('expired', { tls: await ca.expiredServer() });
    await start('elsewhere', { tls: await ca.server(['kelpie.example.org']) });
    file = join(dataFolder(), 'token');
    writeFileSync(file, token('root'));
    chmodSync(file, 0o644);
  });
  after(async () => {
    await Promise.all([...running.values()].map((one) => one.stop()));
    removeDataFolders();
  });
  afterEach(() => {
    skewMs = 0;
  });

  const trusted = () => ({ ca: ca.certificate });
  const own = () => ({ ...trusted(), cert: client.certificate, key: client.key });
  const causes: readonly Cause[] = [
    {
      what: 'a join token in place of a token',
      at: 'closed',
      by: () => ({ reaching: { token: token('join') } }),
      check: 'token',
      finding: /^lobbies is a join token/,
      advice: /KELPIE_JOIN_TOKEN/,
    },
    {
      what: 'another CA',
      at: 'tls',
      by: () => ({ reaching: { ca: foreign.certificate } }),
      check: 'TLS',
      finding: /^no CA that this client trusts has signed/,
      advice: /--ca/,
    },
    {
      what: 'an expired certificate of the coordinator',
      at: 'expired',
      by: () => ({ reaching: trusted() }),
      check: 'TLS',
      finding: /has expired/,
      advice: /^renew it.*clock/,
    },
    {
      what: 'a certificate for another host',
      at: 'elsewhere',
      by: () => ({ reaching: trusted() }),
      check: 'TLS',
      finding: /is for DNS:kelpie\.example\.org, and not for 127\.0\.0\.1$/,
      advice: /kelpied certs --force kelpie\.example\.org 127\.0\.0\.1/,
    },
    {
      what: 'plain text to a port with TLS',
      at: 'tls',
      by: () => ({}),
      check: 'gRPC',
      finding: /^it speaks TLS, and this kelpie sent plain text$/,
      advice: /--ca or KELPIE_CA/,
    },
    {
      what: 'TLS to a port without it',
      at: 'open',
      by: () => ({ reaching: trusted() }),
      check: 'TLS',
      finding: /does not speak TLS$/,
      advice: /--tls-cert.*leave the CA.*KELPIE_CA/,
    },
    {
      what: 'no client certificate',
      at: 'mutual',
      by: () => ({ reaching: { ...trusted(), token: token('mutual') } }),
      check: 'TLS',
      finding: /demands a client certificate$/,
      advice: /--cert and --key/,
    },
    {
      what: 'another client certificate than the credential has',
      at: 'mutual',
      by: () => ({ reaching: { ...own(), token: token('mutual') } }),
      check: 'token',
      finding: /or it needs another client certificate$/,
      advice: /^The client certificate is "lobby-2"/,
    },
    {
      what: 'a clock that is an hour off',
      at: 'closed',
      by: () => {
        skewMs = -HOUR_MS;
        return { reaching: { token: token('root') } };
      },
      check: 'clock',
      status: 'warning',
      finding:
        /^the clock of this machine is (1 h|59 min 59 s) ahead of the clock of the coordinator$/,
      advice: /NTP/,
    },
    {
      what: 'no token',
      at: 'closed',
      by: () => ({}),
      check: 'token',
      finding: /^the token is missing/,
      advice: /KELPIE_TOKEN.*kelpie token create.*kelpied token create/,
    },
    {
      what: 'a text that is no token',
      at: 'closed',
      by: () => ({ reaching: { token: token('root').slice(0, -1) } }),
      check: 'token',
      finding: /^the token is no token of a coordinator/,
      advice: /^Copy it again/,
    },
    {
      what: 'a token of another coordinator',
      at: 'closed',
      by: () => ({ reaching: { token: drawToken() } }),
      check: 'token',
      finding: /^the coordinator does not know the token/,
      advice: /revoked, is mistyped, or is that of another coordinator/,
    },
    {
      what: 'an expired token',
      at: 'closed',
      by: () => {
        skewMs = 2 * HOUR_MS;
        return { reaching: { token: token('short') } };
      },
      check: 'token',
      finding: /^the token is not good any more: the credential has expired$/,
      advice: /kelpie token create/,
    },
    {
      what: 'a token that a rotation has replaced',
      at: 'closed',
      by: () => ({ reaching: { token: token('old') }, tokenFrom: 'KELPIE_TOKEN' }),
      check: 'token',
      finding: /^the token of KELPIE_TOKEN is not good any more: the token has expired/,
      advice: /^Show the newer token/,
    },
    {
      what: 'a file without a certificate in place of the CA',
      at: 'tls',
      by: () => ({ reaching: { ca: file } }),
      check: 'TLS',
      finding: /token has no certificate/,
      advice: /ca\.pem/,
    },
    {
      what: 'a CA that is not there',
      at: 'tls',
      by: () => ({ reaching: { ca: `${file}.pem` } }),
      check: 'TLS',
      finding: /token\.pem cannot be read/,
      advice: /path.*mode/,
    },
    {
      what: 'a token of another network',
      at: 'closed',
      by: () => ({ reaching: { token: token('root') }, network: 'event' }),
      check: 'rights',
      finding: /^the token is of the network main, and not of event$/,
      advice: /operator of the network event/,
    },
    {
      what: 'a missing right to be a node',
      at: 'closed',
      by: () => ({ reaching: { token: token('lobby-1') }, node: 'hub-1', role: ['PROXY'] }),
      check: 'rights',
      finding: /^the credential lobby-1 lacks a right: node hub-1 and role proxy$/,
      advice: /kelpie token own/,
    },
    {
      what: 'a missing right to read the topics of each client',
      at: 'closed',
      by: () => ({ reaching: { token: token('shop') }, node: 'shop' }),
      check: 'rights',
      finding: /^the credential shop lacks a right: read routing and read kelpie\.settings$/,
      advice: /--read/,
    },
    {
      what: 'a token file that others can read',
      at: 'closed',
      by: () => ({ reaching: { tokenFile: file } }),
      check: 'token',
      status: 'warning',
      finding: /^other users can read the token file .* \(mode 0644\)$/,
      advice: /^chmod 600/,
    },
  ];

  for (const { what, at, by, check, status = 'failed', finding, advice } of causes) {
    it(what, async () => {
      const found = [];
      const endpoint = running.get(at)?.endpoint ?? '';
      for await (const one of examine(endpoint, { reaching: {}, ...by() })) {
        if (one.status !== 'ok') found.push(one);
        // The checks after those are of the coordinator itself.
        if (one.check === 'health') break;
      }
      expect(found.map((one) => [one.check, one.status])).to.deep.equal([[check, status]]);
      expect(found[0]?.finding).to.match(finding);
      expect(found[0]?.advice).to.match(advice);
    });
  }

  it('and finds nothing wrong with a token that may be the node', async () => {
    const found = [];
    const endpoint = running.get('closed')?.endpoint ?? '';
    const wanted = { network: 'main', node: 'Lobby-1', role: ['DOWNSTREAM'] };
    for await (const one of examine(endpoint, { reaching: { token: token('lobby-1') }, ...wanted }))
      found.push([one.check, one.status]);
    expect(found).to.deep.include(['rights', 'ok']).and.not.include(['token', 'failed']);
  });

  it('and leaves out a check that the credential has no right for', async () => {
    const found = [];
    const endpoint = running.get('closed')?.endpoint ?? '';
    for await (const one of examine(endpoint, { reaching: { token: token('shop') } }))
      if (one.status !== 'ok') found.push(one);
    const finding = 'not checked: it needs the right "read kelpie.settings"';
    expect(found).to.deep.include({ check: 'logins', status: 'notChecked', finding });
    expect(found.map(({ status }) => status)).to.not.include('failed');
  });
});

/** The former token ends at once. */
async function replaceToken({ endpoint }: Coordinator, former: string): Promise<void> {
  const api = apiAt(endpoint, { token: former });
  try {
    const { credential } = await api.access.own();
    await api.access.rotate(credential?.id ?? '', { overlapMs: 0 });
  } finally {
    api.close();
  }
}

/** A clock whose calendar is off. */
function skewed(skewMs: () => number): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now() + skewMs(),
    after: (delayMs, fire) => {
      const timer = setTimeout(fire, Math.min(delayMs, 2 ** 31 - 1)).unref();
      return () => clearTimeout(timer);
    },
  };
}
