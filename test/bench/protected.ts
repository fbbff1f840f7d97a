/** A kelpied that asks for credentials, with TLS or without, and the variables with which clients reach it. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiAt } from '../../client/api/index.js';
import { dataFolder } from '../support/process/data-folder.js';
import { TestCa } from '../support/certificates.js';
import { type RunningServer, startCoordinator } from './coordinator.js';

export async function startWithRights(): Promise<RunningServer> {
  return withToken(await startCoordinator([]), {});
}

export async function startWithTls(): Promise<RunningServer> {
  const ca = await TestCa.make();
  const { certificate, key } = await ca.server();
  const folder = mkdtempSync(join(dataFolder(), 'tls-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const files = ['--tls-cert', file('cert.pem', certificate), '--tls-key', file('key.pem', key)];
  return withToken(await startCoordinator(files), { KELPIE_CA: file('ca.pem', ca.certificate) });
}

/** Makes the first credential, so that the coordinator asks every peer for one. */
async function withToken(
  server: RunningServer,
  variables: { readonly KELPIE_CA?: string },
): Promise<RunningServer> {
  const ca = variables.KELPIE_CA;
  const api = apiAt(server.endpoint, ca === undefined ? {} : { ca });
  const rights = { nodeNames: ['bench-*'] };
  const { token } = await api.access.create('bench', { preset: 'SERVICE', rights });
  api.close();
  return { ...server, variables: { ...variables, KELPIE_TOKEN: token } };
}
