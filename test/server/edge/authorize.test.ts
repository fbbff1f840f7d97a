/** The gRPC edge checks that a peer is authorized before it opens a stream or answers a call. */
import { expect } from 'chai';
import { createChannel, createClient, type ClientError, Status } from 'nice-grpc';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import { SessionServiceDefinition } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Credentials } from '../../../server/access/credentials.js';
import { accessService } from '../../../server/edge/grpc/access-service.js';
import { MemoryCredentialStore } from '../../../server/journal/memory/memory-credential-store.js';
import type { Authorize } from '../../../server/access/access.js';
import { KelpieError } from '../../../server/core/errors.js';
import { healthOf } from '../../../server/edge/grpc/health.js';
import { createEdge } from '../../../server/edge/grpc/server.js';
import { callServices } from '../../../server/wiring.js';
import { hello, openCoordinator } from '../../support/model/coordinator.js';

/** Refuses every peer, and stores the hosts of the checks. */
function closed() {
  const hosts: string[] = [];
  const authorize: Authorize = ({ host }) => {
    hosts.push(host);
    throw new KelpieError('SESSION_LIMIT', 'nobody comes in');
  };
  return { hosts, authorize };
}

async function* greeting() {
  yield { frames: [{ requestId: 0, frame: { $case: 'hello', value: hello('lobby-1') } as const }] };
}

const ignored = { onCall: () => undefined, onLimit: () => undefined };

async function endOf(responses: AsyncIterable<unknown>): Promise<unknown> {
  try {
    const all = responses[Symbol.asyncIterator]();
    while ((await all.next()).done !== true);
    return undefined;
  } catch (error) {
    return error;
  }
}

const noFacts = {
  tls: false,
  clientCertificates: false,
  publicAddress: false,
  insecure: false,
  publicMetrics: false,
  certificateExpiresAtMs: () => undefined,
  openPaths: async () => [],
};

describe('a peer that is not authorized', () => {
  it('gets neither a session nor an answer by gRPC', async () => {
    const town = await openCoordinator();
    const { authorize, hosts } = closed();
    const calls = { ...callServices(town), health: healthOf([]).service };
    const networks = { of: async () => ({ ...town, calls }) };
    const store = new MemoryCredentialStore();
    const credentials = await Credentials.open(store, town);
    const access = accessService({ ...town, credentials, security: noFacts });
    const edge = createEdge({ ...town, authorize, access, networks, ...ignored });
    const channel = createChannel(`127.0.0.1:${await edge.listen('127.0.0.1', 0)}`);
    try {
      const call = createClient(NodeServiceDefinition, channel).getNode({ name: 'lobby-1' });
      const stream = createClient(SessionServiceDefinition, channel).connect(greeting());
      const ends = [await call.catch((error: unknown) => error), await endOf(stream)];
      const codes = ends.map((error) => (error as ClientError).code);
      expect(codes).to.deep.equal([Status.RESOURCE_EXHAUSTED, Status.RESOURCE_EXHAUSTED]);
      expect(hosts).to.deep.equal(['127.0.0.1', '127.0.0.1']);
      expect(town.nodeRows.nodes.size).to.equal(0);
    } finally {
      channel.close();
      await edge.stop();
    }
  });
});
