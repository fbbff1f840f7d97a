/** The facts about the security of a coordinator that its options and its files show. */
import { bareHost, isLoopback } from '../core/address.js';
import { isPem } from '../core/certificates.js';
import { openPath, type OpenPath, openPaths } from '../journal/file/modes.js';
import type { CoordinatorOptions } from './config/options.js';

/** The most paths that the facts have. */
const PATHS = 100;

/** `certificateExpiresAtMs`: of the certificate in force now. */
export function securityFacts(
  options: CoordinatorOptions,
  certificateExpiresAtMs: () => number | undefined,
) {
  const { host, metrics, insecure = false, tls } = options;
  return {
    tls: tls !== undefined,
    clientCertificates: tls?.clientCa !== undefined,
    publicAddress: isPublic(host),
    publicMetrics: isPublic(metrics?.host),
    insecure,
    certificateExpiresAtMs,
    openPaths: () => pathsOf(options),
  };
}

function isPublic(host: string | undefined): boolean {
  return host !== undefined && !isLoopback(bareHost(host));
}

async function pathsOf({
  journal = 'file',
  data = 'data',
  tls,
  redis,
}: CoordinatorOptions): Promise<OpenPath[]> {
  const key = tls && !isPem(tls.key) ? await openPath(tls.key) : undefined;
  const passwordFile = journal === 'redis' ? redis?.passwordFile : undefined;
  const password = passwordFile === undefined ? undefined : await openPath(passwordFile);
  const inData = journal === 'file' ? await openPaths(data, PATHS) : [];
  return [key, password, ...inData].filter((one) => one !== undefined).slice(0, PATHS);
}
