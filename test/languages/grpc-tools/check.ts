/** protos/README.md: the commands of grpcurl and other tools print what it shows. They must be on the PATH. */
import { exec } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { apiAt } from '../../../client/api/index.js';
import { TestCa } from '../../support/certificates.js';
import { Document, framesOf, masked, type Shown } from '../../docs/document.js';
import { type Kelpied, startKelpied } from '../../support/process/kelpied.js';

const manual = new Document('protos/README.md', 'A session by hand');

/** The commands of the manual that a pattern fits, in its order. */
function shown(pattern: RegExp, count: number): Shown[] {
  const found = manual.commands('').filter(({ command }) => pattern.test(command));
  expect(found).to.have.length(count);
  return found;
}

describe('tools that know nothing of Kelpie', () => {
  let folder: string;
  let kelpied: Kelpied;
  let secure: Kelpied;
  let token: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-tools-'));
    const ca = await TestCa.make();
    const { certificate, key } = await ca.server();
    const file = async (name: string, text: string): Promise<string> => {
      await writeFile(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    const files = [await file('cert.pem', certificate), await file('key.pem', key)] as const;
    kelpied = await startKelpied();
    secure = await startKelpied(['--tls-cert', files[0], '--tls-key', files[1]]);
    const api = apiAt(secure.endpoint, { ca: await file('ca.pem', ca.certificate) });
    ({ token } = await api.access.create('shop', { preset: 'SERVICE' }));
    api.close();
  });

  after(async () => {
    await Promise.all([kelpied.stop(), secure.stop()]);
    await rm(folder, { recursive: true });
  });

  /** Both streams, as a terminal shows them. */
  async function run(command: string, { endpoint }: Kelpied): Promise<string> {
    const options = { cwd: folder, env: { ...process.env, KELPIE_TOKEN: token } };
    const { stdout, stderr } = await promisify(exec)(
      command.replaceAll('127.0.0.1:50051', endpoint),
      options,
    ).catch((error: unknown) => error as { stdout: string; stderr: string });
    return stdout + stderr;
  }

  async function expectShown(commands: readonly Shown[], server: Kelpied): Promise<void> {
    for (const { command, output } of commands) {
      expect(withoutIds(await run(command, server)), command).to.equal(withoutIds(output));
    }
  }

  it('list and describe the contract, call it and stream from it: grpcurl', () =>
    expectShown(shown(/^grpcurl -plaintext/, 6), kelpied));

  it('hold a whole session: grpcurl', async () => {
    const [session = ''] = manual.blocks('bash');
    const [end = ''] = manual.blocks('sh');
    const script = session.replace(/^\) \|.*/ms, end.replace('(…)', ')'));
    expect(framesOf(await run(script, kelpied))).to.deep.equal(
      framesOf(manual.block('json', 'welcome')),
    );
  });

  it('use TLS and a token: grpcurl', () => expectShown(shown(/^grpcurl -cacert/, 2), secure));

  it('check the health: grpc-health-probe', async () => {
    await expectShown(shown(/^grpc-health-probe (?!.*-tls)/, 1), kelpied);
    await expectShown(shown(/^grpc-health-probe .* -tls/, 1), secure);
  });

  it('send a call many times: ghz', () => expectShown(shown(/^ghz/, 1), kelpied));
});

function withoutIds(text: string): string {
  return masked(text).replaceAll(/"[0-9a-f]{12}"/g, '"<credential>"');
}
