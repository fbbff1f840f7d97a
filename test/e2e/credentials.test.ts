/** Credentials through the wire: who comes in, who stays out, and what ends with a credential. */
import { createHash, randomBytes } from 'node:crypto';
import { Client, credentials as grpcCredentials, Metadata } from '@grpc/grpc-js';
import { expect } from 'chai';
import fc from 'fast-check';
import { CredentialPreset, Rights } from '../../gen/ts/kelpie/v1/access.js';
import { CreateCredentialRequest } from '../../gen/ts/kelpie/v1/access_service.js';
import { StartAt } from '../../gen/ts/kelpie/v1/cursor.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import {
  type Clients,
  clientsOf,
  reasonIn,
  reasonOf,
  SessionStream,
} from '../support/wire/clients.js';

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
const drawn = (): string => `klp_${randomBytes(32).toString('base64url')}`;

/** The status, the message and all trailers of a call that fails, as they came. */
function rawEnd(endpoint: string, authorization: string): Promise<string> {
  const client = new Client(endpoint, grpcCredentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', authorization);
  const asItIs = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/kelpie.v1.NodeService/ListNodes',
      asItIs,
      asItIs,
      Buffer.alloc(0),
      metadata,
      (error) => {
        client.close();
        const trailers = Object.entries(error?.metadata.toHttp2Headers() ?? {});
        // The time of the answer is no part of it.
        const rest = trailers
          .filter(([name]) => name !== 'date')
          .map(([name, value]) => `${name}: ${String(value)}`);
        const details = error?.metadata
          .get('grpc-status-details-bin')
          .map((one) => Buffer.from(one).toString('latin1'));
        resolve(JSON.stringify([error?.code, error?.details, rest, details]));
      },
    );
  });
}

describe('credentials', () => {
  let coordinator: Coordinator;
  let root: Clients;
  const open: Clients[] = [];

  const as = (token?: string): Clients => {
    const clients = clientsOf(coordinator.endpoint, token);
    open.push(clients);
    return clients;
  };
  beforeEach(async () => {
    coordinator = await startCoordinator({ journal: 'memory', port: 0, times: { drainMs: 0 } });
  });
  const close = async (): Promise<void> => {
    root = as(await coordinator.createToken({ name: 'root' }));
  };
  const create = (request: Parameters<typeof CreateCredentialRequest.fromPartial>[0]) =>
    root.access.createCredential(CreateCredentialRequest.fromPartial(request));
  const joinToken = (uses: number) =>
    create({
      name: 'lobbies',
      preset: CredentialPreset.SERVER,
      rights: Rights.fromPartial({ nodeNames: ['lobby-*'] }),
      ttl: { seconds: 60, nanos: 0 },
      join: { uses },
    });
  afterEach(async () => {
    for (const clients of open.splice(0)) clients.close();
    await coordinator.stop();
  });

  it('are asked for once there is one, of calls and of sessions', async () => {
    const nobody = as();
    await nobody.nodes.listNodes({});
    await close();
    expect(await reasonOf(nobody.nodes.listNodes({}))).to.equal('CREDENTIAL_REQUIRED');
    const stream = new SessionStream(nobody, 'lobby-1');
    expect(reasonIn(await stream.ended)).to.equal('CREDENTIAL_REQUIRED');
    await root.nodes.listNodes({});
    expect((await new SessionStream(root, 'lobby-1').welcome()).credentialExpiresIn).to.equal(
      undefined,
    );
  });

  it('end what is open without one, when the first is made', async () => {
    const nobody = as();
    const stream = new SessionStream(nobody, 'lobby-1');
    await stream.welcome();
    // The caller that makes the first one gets its answer, though it has no credential.
    const { token } = await nobody.access.createCredential({
      name: 'root',
      preset: CredentialPreset.OPERATOR,
    });
    expect(reasonIn(await stream.ended)).to.equal('CREDENTIAL_REQUIRED');
    const own = await as(token).access.getOwnCredential({});
    expect(own.credential).to.include({ name: 'root', preset: 'operator', network: 'main' });
  });

  it('end their sessions and open calls when they are revoked', async () => {
    await close();
    const { credential, token } = await create({
      name: 'lobby-1',
      preset: CredentialPreset.OPERATOR,
    });
    const lobby = as(token);
    const stream = new SessionStream(lobby, 'lobby-1');
    await stream.welcome();
    const start = { place: { $case: 'at', value: StartAt.LATEST } } as const;
    const watch = lobby.events.watchEvents({ topics: ['chat.>'], start })[Symbol.asyncIterator]();
    const watching = (async () => {
      while ((await watch.next()).done !== true);
    })();
    const waiting = lobby.events.readEvents({
      topics: ['chat.>'],
      start,
      wait: { seconds: 60, nanos: 0 },
    });
    const ends = [stream.ended.then(reasonIn), reasonOf(watching), reasonOf(waiting)];
    // They are open.
    await lobby.nodes.getNode({ name: 'lobby-1' });
    await root.access.revokeCredential({ id: credential?.id ?? '' });
    expect(await reasonOf(lobby.nodes.listNodes({}))).to.equal('CREDENTIAL_INVALID');
    expect(await Promise.all(ends)).to.deep.equal(Array(3).fill('CREDENTIAL_REVOKED'));
    expect(await reasonOf(root.access.getCredential({ id: credential?.id ?? '' }))).to.equal(
      'CREDENTIAL_NOT_FOUND',
    );
  });

  it('end with their time, and Welcome names the time that is left', async () => {
    await close();
    const ttl = { seconds: 1, nanos: 0 };
    const { token } = await create({ name: 'lobby-1', preset: CredentialPreset.SERVER, ttl });
    const lobby = as(token);
    const stream = new SessionStream(lobby, 'lobby-1');
    const { credentialExpiresIn } = await stream.welcome();
    expect(credentialExpiresIn?.seconds).to.be.oneOf([0, 1]);
    expect(reasonIn(await stream.ended)).to.equal('CREDENTIAL_EXPIRED');
    expect(await reasonOf(lobby.nodes.listNodes({}))).to.equal('CREDENTIAL_EXPIRED');
  });

  it('are found by the whole token alone', async () => {
    await close();
    const { token } = await create({ name: 'lobby-1', preset: CredentialPreset.SERVER });
    const other = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    for (const wrong of [
      other,
      token.slice(0, -1),
      `${token}A`,
      token.toUpperCase(),
      'x'.repeat(10_000),
    ]) {
      expect(await reasonOf(as(wrong).nodes.listNodes({})), wrong).to.equal('CREDENTIAL_INVALID');
    }
  });

  it('do not differ on the wire when they are not good, byte by byte', async () => {
    await close();
    const { credential, token: revoked } = await create({
      name: 'lobby-1',
      preset: CredentialPreset.SERVER,
    });
    await root.access.revokeCredential({ id: credential?.id ?? '' });
    const bound = await create({
      name: 'lobby-2',
      preset: CredentialPreset.SERVER,
      certificateName: 'x',
    });
    const headers = [revoked, bound.token, drawn(), 'klp_', 'x'.repeat(8000)].map(
      (one) => `Bearer ${one}`,
    );
    const ends = await Promise.all(
      [...headers, 'Basic eDp5', 'Bearer a, Bearer b', ''].map((header) =>
        rawEnd(coordinator.endpoint, header),
      ),
    );
    expect(new Set(ends).size).to.equal(1);
    expect(ends[0]).to.contain('CREDENTIAL_INVALID');
  });

  it('are rotated: the older token goes on for the overlap', async () => {
    await close();
    const { credential, token } = await create({
      name: 'lobby-1',
      preset: CredentialPreset.SERVER,
    });
    const id = credential?.id ?? '';
    const rotated = await root.access.rotateCredential({ id, overlap: { seconds: 60, nanos: 0 } });
    expect(rotated.credential?.id).to.equal(id);
    expect(rotated.credential?.oldTokenExpireTimes).to.have.length(1);
    for (const one of [token, rotated.token]) await as(one).access.getOwnCredential({});
    const again = await root.access.rotateCredential({ id, overlap: { seconds: 0, nanos: 0 } });
    for (const one of [token, rotated.token]) {
      expect(await reasonOf(as(one).access.getOwnCredential({}))).to.equal('CREDENTIAL_EXPIRED');
    }
    await as(again.token).access.getOwnCredential({});
  });

  it('are listed in the order of their names, in pages, for their network alone', async () => {
    await close();
    for (const name of ['c', 'a', 'b']) await create({ name });
    await coordinator.createToken({ name: 'a0', network: 'other' });
    const names: string[] = [];
    let pageToken = '';
    do {
      const page = await root.access.listCredentials({ pageSize: 2, pageToken });
      names.push(...page.credentials.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(names).to.deep.equal(['a', 'b', 'c', 'root']);
    expect(await reasonOf(root.access.listCredentials({ pageToken: 'x' }))).to.equal(
      'PAGE_TOKEN_INVALID',
    );
    expect(await reasonOf(root.access.listCredentials({ pageSize: 1001 }))).to.equal(
      'OUT_OF_RANGE',
    );
  });

  describe('joining', () => {
    it('makes a credential of the node alone, and a repetition takes no further use', async () => {
      await close();
      const { token } = await joinToken(1);
      const joiner = as(token);
      const own = drawn();
      const request = { nodeName: 'Lobby-1', tokenHash: hashOf(own) };
      const { credential } = await joiner.access.join(request);
      expect((await joiner.access.join(request)).credential).to.deep.equal(credential);
      expect(credential).to.include({ name: 'lobby-1', createdBy: 'lobbies' });
      expect(credential?.rights?.nodeNames).to.deep.equal(['lobby-1']);
      expect(credential?.rights?.roles).to.deep.equal([NodeRole.DOWNSTREAM]);
      const more = { nodeName: 'lobby-2', tokenHash: hashOf(drawn()) };
      expect(await reasonOf(joiner.access.join(more))).to.equal('JOIN_TOKEN_USED');
      await new SessionStream(as(own), 'lobby-1').welcome();
    });

    it('is refused without a join token, for other names, and with a hash that is taken', async () => {
      await close();
      const joiner = as((await joinToken(5)).token);
      const tokenHash = hashOf(drawn());
      const join = (nodeName: string, hash: Buffer, from = joiner) =>
        reasonOf(from.access.join({ nodeName, tokenHash: hash }));
      expect(await join('lobby-1', tokenHash, root)).to.equal('CREDENTIAL_REQUIRED');
      expect(await join('proxy-1', tokenHash)).to.equal('RIGHT_MISSING');
      expect(await join('lobby 1', tokenHash)).to.equal('NODE_NAME_INVALID');
      expect(await join('lobby-1', tokenHash.subarray(1))).to.equal('RIGHTS_INVALID');
      await joiner.access.join({ nodeName: 'lobby-1', tokenHash });
      expect(await join('lobby-2', tokenHash)).to.equal('RIGHTS_INVALID');
      // The id of a credential of another network tells nothing.
      const near = Buffer.concat([tokenHash.subarray(0, 6), randomBytes(26)]);
      await joiner.access.join({ nodeName: 'lobby-2', tokenHash: near });
      const uses = (await root.access.listCredentials({})).credentials.map(
        ({ join: terms }) => terms?.uses,
      );
      expect(uses.filter((one) => one !== undefined)).to.deep.equal([3]);
    });

    it('never makes more credentials than the join token has uses', async () => {
      await close();
      let used = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 4 }),
          fc.integer({ min: 1, max: 8 }),
          async (uses, joins) => {
            const { credential, token } = await joinToken(uses);
            const joiner = as(token);
            const ends = await Promise.all(
              Array.from({ length: joins }, (_, index) =>
                joiner.access
                  .join({ nodeName: `lobby-${index}`, tokenHash: hashOf(drawn()) })
                  .then(() => 'joined', reasonIn),
              ),
            );
            const count = ends.filter((one) => one === 'joined').length;
            expect(count).to.equal(Math.min(uses, joins));
            if (joins > uses) used += 1;
            const id = credential?.id ?? '';
            const { credential: rest } = await root.access.getCredential({ id });
            expect(rest?.join?.uses).to.equal(uses - count);
          },
        ),
        { numRuns: 20 },
      );
      expect(used).to.be.greaterThan(3);
    });
  });
});
