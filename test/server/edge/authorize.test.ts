/** The gRPC edge checks that a peer is authorized before it opens a stream or answers a call. */
import { expect } from 'chai';
import { type Channel, createChannel, createClient, type ClientError, Status } from 'nice-grpc';
import { HealthDefinition } from 'nice-grpc-server-health';
import { NodeServiceDefinition } from '../../../gen/ts/kelpie/v1/node_service.js';
import { SessionServiceDefinition } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Credentials } from '../../../server/access/credentials.js';
import { accessService } from '../../../server/edge/grpc/access-service.js';
import { MemoryCredentialStore } from '../../../server/journal/memory/memory-credential-store.js';
import type { Authorize } from '../../../server/access/access.js';
import { KelpieError } from '../../../server/core/errors.js';
import { callServices } from '../../../server/edge/grpc/calls.js';
import { healthOf } from '../../../server/edge/grpc/health.js';
import { createEdge, type Edge } from '../../../server/edge/grpc/server.js';
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
  let town: Awaited<ReturnType<typeof openCoordinator>>;
  let hosts: string[];
  let edge: Edge;
  let channel: Channel;

  beforeEach(async () => {
    town = await openCoordinator({ limits: { peerRequests: 2 } });
    const { authorize, ...refusing } = closed();
    hosts = refusing.hosts;
    const calls = { ...callServices(town), health: healthOf([]).service };
    const networks = { of: async () => ({ ...town, calls }) };
    const store = new MemoryCredentialStore();
    const credentials = await Credentials.open(store, town);
    const access = accessService({ ...town, credentials, security: noFacts });
    edge = createEdge({ ...town, authorize, access, networks, ...ignored });
    channel = createChannel(`127.0.0.1:${await edge.listen('127.0.0.1', 0)}`);
  });

  afterEach(async () => {
    channel.close();
    await edge.stop();
  });

  it('gets neither a session nor an answer by gRPC', async () => {
    const call = createClient(NodeServiceDefinition, channel).getNode({ name: 'lobby-1' });
    const stream = createClient(SessionServiceDefinition, channel).connect(greeting());
    const ends = [await call.catch((error: unknown) => error), await endOf(stream)];
    const codes = ends.map((error) => (error as ClientError).code);
    expect(codes).to.deep.equal([Status.RESOURCE_EXHAUSTED, Status.RESOURCE_EXHAUSTED]);
    expect(hosts).to.deep.equal(['127.0.0.1', '127.0.0.1']);
    expect(town.nodeRows.nodes.size).to.equal(0);
  });

  it('checks the health within the limits of its address, and does not watch it', async () => {
    const health = createClient(HealthDefinition, channel);
    const watch = health.watch({ service: '' })[Symbol.asyncIterator]().next();
    const refused = await watch.catch((error: unknown) => error);
    expect([(refused as ClientError).code, hosts]).to.deep.equal([
      Status.RESOURCE_EXHAUSTED,
      ['127.0.0.1'],
    ]);
    // A peak may have the requests of four seconds.
    for (let check = 0; check < 8; check++) await health.check({ service: '' });
    const above = await health.check({ service: '' }).catch((error: unknown) => error);
    expect((above as ClientError).details).to.include('2 requests a second');
  });
});
