/** AccessService: the credentials of the caller's network. */
import type { CallContext, ServiceImplementation } from 'nice-grpc';
import type {
  AccessServiceDefinition,
  CreateCredentialRequest,
  CreateCredentialResponse,
  GetOwnCredentialResponse,
  GetSecurityResponse,
  JoinRequest,
  JoinResponse,
  ListCredentialsRequest,
  ListCredentialsResponse,
  RotateCredentialRequest,
  RotateCredentialResponse,
} from '../../../gen/ts/kelpie/v1/access_service.js';
import type { Credentials } from '../../access/credentials.js';
import { granterOf } from '../../access/draft.js';
import { REPORTED, type SecurityFacts, securityReport } from '../../access/security.js';
import type { Clock } from '../../core/clock.js';
import { MAIN } from '../../core/network-name.js';
import { foldName } from '../../nodes/name.js';
import { accessOf } from './caller.js';

/** The parts that answer. One set answers for all networks of the coordinator. */
interface AccessParts {
  readonly credentials: Credentials;
  readonly security: SecurityFacts;
  readonly clock: Pick<Clock, 'wall'>;
}

export function accessService({
  credentials,
  security,
  clock,
}: AccessParts): ServiceImplementation<AccessServiceDefinition> {
  const networkOf = (context: CallContext): string => accessOf(context).network;
  return {
    createCredential(
      request: CreateCredentialRequest,
      context: CallContext,
    ): Promise<CreateCredentialResponse> {
      return credentials.create(request, granterOf(accessOf(context)));
    },
    async getCredential({ id }: { id: string }, context: CallContext) {
      return { credential: credentials.get(networkOf(context), id) };
    },
    async listCredentials(
      request: ListCredentialsRequest,
      context: CallContext,
    ): Promise<ListCredentialsResponse> {
      const page = await credentials.list(networkOf(context), request, context.peer);
      return { credentials: page.items, nextPageToken: page.nextPageToken };
    },
    async revokeCredential({ id }: { id: string }, context: CallContext) {
      return { credential: await credentials.revoke(id, granterOf(accessOf(context))) };
    },
    rotateCredential(
      request: RotateCredentialRequest,
      context: CallContext,
    ): Promise<RotateCredentialResponse> {
      return credentials.rotate(request, granterOf(accessOf(context)));
    },
    ...ownCalls(credentials, clock),
    ...securityCall(credentials, security),
  };
}

/** The calls about the caller's own credential. */
function ownCalls(
  credentials: Credentials,
  clock: Pick<Clock, 'wall'>,
): Pick<ServiceImplementation<AccessServiceDefinition>, 'join' | 'getOwnCredential'> {
  return {
    async join({ nodeName, tokenHash }: JoinRequest, context: CallContext): Promise<JoinResponse> {
      const { credential } = accessOf(context);
      return { credential: await credentials.join(credential?.id, foldName(nodeName), tokenHash) };
    },
    async getOwnCredential(_: unknown, context: CallContext): Promise<GetOwnCredentialResponse> {
      const { network, credential: own } = accessOf(context);
      const credential = own && credentials.get(network, own.id);
      return { credential, network, time: new Date(clock.wall()) };
    },
  };
}

/** The call about the security of the coordinator. */
function securityCall(credentials: Credentials, security: SecurityFacts) {
  // The machine is the operators' of main: others would see the folders of each other.
  const without = { ...security, openPaths: (): Promise<[]> => Promise.resolve([]) };
  return {
    async getSecurity(_: unknown, context: CallContext): Promise<GetSecurityResponse> {
      const { network } = accessOf(context);
      const endless = await credentials.endlessOperators(network, REPORTED, context.peer);
      return securityReport(network === MAIN ? security : without, credentials.asks, endless);
    },
  };
}
