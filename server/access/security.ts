/** The report about the security of a coordinator: facts about its process, and about its credentials. */
import type { Credential } from '../../gen/ts/kelpie/v1/access.js';
import type { GetSecurityResponse, OpenPath } from '../../gen/ts/kelpie/v1/access_service.js';

/** The most credentials, and the most paths, of one report. */
export const REPORTED = 100;

/** The facts that do not come from credentials. */
export interface SecurityFacts {
  readonly tls: boolean;
  readonly clientCertificates: boolean;
  /** Whether other machines can reach the address. */
  readonly publicAddress: boolean;
  readonly insecure: boolean;
  readonly publicMetrics: boolean;
  /** By the calendar clock; undefined: no TLS. Certificates are replaced while the coordinator runs. */
  certificateExpiresAtMs(): number | undefined;
  /** Files and folders of the data that other users can read or write, at most `REPORTED`. */
  openPaths(): Promise<readonly OpenPath[]>;
}

/** `closed`: the coordinator asks for credentials. `endlessOperators`: those of the caller's network. */
export async function securityReport(
  facts: SecurityFacts,
  closed: boolean,
  endlessOperators: readonly Credential[],
): Promise<GetSecurityResponse> {
  const { tls, clientCertificates, publicAddress, insecure, publicMetrics } = facts;
  const expiresAtMs = facts.certificateExpiresAtMs();
  return {
    ...{ tls, clientCertificates, publicAddress, insecure, publicMetrics },
    credentials: closed,
    certificateExpireTime: expiresAtMs === undefined ? undefined : new Date(expiresAtMs),
    endlessOperators: endlessOperators.slice(0, REPORTED),
    openPaths: [...(await facts.openPaths())],
  };
}
