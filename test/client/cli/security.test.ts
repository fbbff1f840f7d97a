/** The checklist of `kelpie doctor --security`: when each check fails, when it warns, and its advice. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Facts, securityChecks } from '../../../client/cli/doctor/security.js';
import { Credential } from '../../../gen/ts/kelpie/v1/access.js';
import { GetSecurityResponse } from '../../../gen/ts/kelpie/v1/access_service.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 26);
const inDays = (days: number): Date => new Date(NOW_MS + days * DAY_MS);

/** A coordinator on a public address that does everything right. */
const GOOD = GetSecurityResponse.create({
  tls: true,
  clientCertificates: true,
  credentials: true,
  publicAddress: true,
  certificateExpireTime: inDays(90),
});

type Findings = Record<string, string[]>;

/** The findings by check, as `status: text`, without those that are well. */
function faults(report: Partial<GetSecurityResponse>, more: Partial<Facts> = {}): Findings {
  const facts = { report: { ...GOOD, ...report }, nowMs: NOW_MS, tokenFiles: [], ...more };
  const place = { endpoint: '203.0.113.7:50051', ...facts };
  const found = securityChecks.map(([check, judge]): [string, string[]] => {
    const results = judge(place);
    expect(results, check).to.not.be.empty;
    const bad = results.filter(({ status }) => status !== 'ok');
    for (const { advice } of bad) expect(advice, check).to.match(/\.$|'$/);
    return [check, bad.map(({ status, finding }) => `${status}: ${finding}`)];
  });
  return Object.fromEntries(found.filter(([, bad]) => bad.length > 0));
}

describe('the checklist of kelpie doctor --security', () => {
  it('finds nothing wrong with a coordinator that does everything right', () => {
    expect(faults({})).to.deep.equal({});
  });

  it('fails for a public address without TLS, and for a plain connection to it', () => {
    const found = faults({ tls: false, certificateExpireTime: undefined });
    expect(Object.keys(found)).to.deep.equal(['connection', 'TLS']);
    expect(found['connection']?.[0]).to.match(/^failed: .* 203\.0\.113\.7:50051 in plain text/);
    expect(found['TLS']?.[0]).to.match(/^failed: .*nothing is encrypted/);
  });

  it('takes an address of this machine without TLS', () => {
    const local = { tls: false, certificateExpireTime: undefined, publicAddress: false };
    for (const endpoint of ['127.0.0.1:50051', '[::1]:50051', 'localhost:1'])
      expect(faults(local, { endpoint }), endpoint).to.deep.equal({});
  });

  it('fails for a certificate that expired, and warns 14 days before', () => {
    expect(faults({ certificateExpireTime: inDays(15) })).to.deep.equal({});
    const soon = faults({ certificateExpireTime: inDays(13) });
    expect(soon['certificate']?.[0]).to.match(/^warning: .* soon, at 2026-12-09T/);
    const late = faults({ certificateExpireTime: inDays(0) });
    expect(late['certificate']?.[0]).to.match(/^failed: it expired at 2026-11-26T00:00:00Z/);
  });

  it('warns of --insecure', () => {
    expect(faults({ insecure: true })).to.have.all.keys('--insecure');
  });

  it('fails for a public address without credentials, and warns on loopback', () => {
    expect(faults({ credentials: false })['credentials']?.[0]).to.match(/^failed: there are none/);
    const local = faults({ credentials: false, publicAddress: false });
    expect(local['credentials']?.[0]).to.match(/^warning: there are none: every process/);
  });

  it('warns of operators who never expire, and names five of them', () => {
    const endless = Array.from({ length: 7 }, (_, number) =>
      Credential.create({ id: `${number}`, name: `ops-${number}` }),
    );
    expect(faults({ endlessOperators: endless })['operators']).to.deep.equal([
      'warning: the credentials of these operators never expire: ops-0 (0), ops-1 (1), ops-2 (2), ' +
        'ops-3 (3), ops-4 (4), and 2 more',
    ]);
  });

  it('fails for each path that every user can use, and warns of one for a group', () => {
    const openPaths = [
      { path: '/srv/data', mode: 0o755, wantedMode: 0o700 },
      { path: '/srv/data/journal.mdb', mode: 0o660, wantedMode: 0o600 },
    ];
    const [first, second] = faults({ openPaths })['data'] ?? [];
    expect(first).to.match(/^failed: .* \/srv\/data \(mode 0755\)/);
    expect(second).to.match(/^warning: .* \/srv\/data\/journal\.mdb \(mode 0660\)/);
  });

  it('warns of public metrics', () => {
    expect(faults({ publicMetrics: true })).to.have.all.keys('metrics');
  });

  it('fails for a file with a token that other users can read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kelpie-token-'));
    try {
      const file = join(folder, 'token');
      writeFileSync(file, 'klp_x');
      chmodSync(file, 0o600);
      const tokenFiles = [file, join(folder, 'missing'), ''];
      expect(faults({}, { tokenFiles })).to.deep.equal({});
      chmodSync(file, 0o640);
      const [found] = faults({}, { tokenFiles })['token files'] ?? [];
      expect(found).to.match(/^failed: other users .* \(mode 0640\)$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
