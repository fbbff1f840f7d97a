/** The credentials of a coordinator: who comes in, how failures are answered, and what ends with a credential. */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { CredentialPreset, Rights } from '../../../gen/ts/kelpie/v1/access.js';
import { CreateCredentialRequest } from '../../../gen/ts/kelpie/v1/access_service.js';
import type { Access, Visitor } from '../../../server/access/access.js';
import type { RefusedPeer } from '../../../server/access/authenticator.js';
import { Credentials } from '../../../server/access/credentials.js';
import { granterOf, machineOf } from '../../../server/access/draft.js';
import { KelpieError, type ReasonName } from '../../../server/core/errors.js';
import {
  MemoryCredentialStore,
  MemoryRecords,
} from '../../../server/journal/memory/memory-credential-store.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import { hello, openCoordinator } from '../../support/model/coordinator.js';
import { rejectionOf } from '../../support/thrown.js';

const HOST = '10.0.0.7';
const DAY_MS = 86_400_000;
const main = machineOf('main');
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

describe('the credentials of a coordinator', () => {
  let clock: FakeClock;
  let records: MemoryRecords;
  let credentials: Credentials;
  let refused: RefusedPeer[];
  const faults: unknown[] = [];

  const openOn = (limit = 1000) =>
    Credentials.open(new MemoryCredentialStore(records), {
      clock,
      limits: { credentials: limit },
      onFault: (error) => faults.push(error),
      onRefused: (one) => refused.push(one),
    });
  const make = (request: Parameters<typeof CreateCredentialRequest.fromPartial>[0] = {}) =>
    credentials.create(
      CreateCredentialRequest.fromPartial({
        name: 'lobby-1',
        preset: CredentialPreset.SERVER,
        ...request,
      }),
      main,
    );
  /** An error that came at once or later. */
  const errorOf = async (visitor: Partial<Visitor>, by = credentials): Promise<KelpieError> =>
    rejectionOf(
      KelpieError,
      (async () => {
        await by.authorize({ host: HOST, ...visitor });
      })(),
    );
  const reasonOf = async (visitor: Partial<Visitor>): Promise<ReasonName> =>
    (await errorOf(visitor)).reason;
  const enter = async (visitor: Partial<Visitor>, by = credentials): Promise<Access> =>
    by.authorize({ host: HOST, ...visitor });

  const named = (name: string, ttlMs = DAY_MS) => ({ name, expiresAtMs: clock.wall() + ttlMs });

  beforeEach(async () => {
    clock = new FakeClock();
    records = new MemoryRecords();
    refused = [];
    credentials = await openOn();
  });
  afterEach(async () => {
    await credentials.close();
    expect(faults.splice(0)).to.deep.equal([]);
    expect(clock.pending).to.equal(0);
  });

  it('let everybody in until there is one, and nobody without one ever after', async () => {
    const before = await enter({});
    expect(before.may({ kind: 'verb', verb: 'KICK' })).to.equal(true);
    const { credential } = await make();
    expect(before.may({ kind: 'verb', verb: 'KICK' })).to.equal(false);
    expect(await reasonOf({})).to.equal('CREDENTIAL_REQUIRED');
    await credentials.revoke(credential?.id ?? '', main);
    expect(await reasonOf({})).to.equal('CREDENTIAL_REQUIRED');
    const again = await openOn();
    expect(again.asks).to.equal(true);
    await again.close();
  });

  it('do not say why a credential is not good', async () => {
    const revoked = await make();
    await credentials.revoke(revoked.credential?.id ?? '', main);
    const { token: both } = await make({ certificateName: 'lobby-1' });
    const { token: fine } = await make();
    const near = `${fine.slice(0, -1)}${fine.endsWith('A') ? 'B' : 'A'}`;
    const unknown = `klp_${randomBytes(32).toString('base64url')}`;
    const visitors = [
      { token: revoked.token },
      { token: both },
      { token: both, certificate: named('lobby-2') },
      { token: near },
      { token: unknown },
      { token: '' },
      { token: 'x'.repeat(65_536) },
      { certificate: named('nobody') },
    ];
    const errors = [];
    for (const [index, visitor] of visitors.entries()) {
      const { reason, message, metadata, retryAfterMs } = await errorOf({
        ...visitor,
        host: `10.0.1.${index}`,
      });
      errors.push(JSON.stringify({ reason, message, metadata, retryAfterMs }));
    }
    expect(new Set(errors).size).to.equal(1);
    expect(errors[0]).to.contain('CREDENTIAL_INVALID');
    expect(JSON.stringify(refused)).to.not.contain('klp_');
  });

  it('are found by the whole hash of a token, not by its first digits', async () => {
    const { credential } = await make({ ttl: { seconds: 60, nanos: 0 }, join: { uses: 2 } });
    const id = credential?.id ?? '';
    const token = `klp_${randomBytes(32).toString('base64url')}`;
    // A node may send any bytes as its hash: here those of another token, up to the last one.
    const hash = hashOf(token);
    const last = hash.length - 1;
    await credentials.join(id, 'lobby-1', Buffer.from(hash).fill(hash.readUInt8(last) ^ 1, last));
    expect(await reasonOf({ token })).to.equal('CREDENTIAL_INVALID');
    const own = `klp_${randomBytes(32).toString('base64url')}`;
    await credentials.join(id, 'lobby-1', hashOf(own));
    expect((await enter({ token: own })).credential?.name).to.equal('lobby-1');
  });

  it('are a token, a certificate, or both', async () => {
    const { credential: alone } = await make({ withoutToken: true, certificateName: 'gate' });
    const { token } = await make({ certificateName: 'lobby-1' });
    const { token: plain } = await make();
    expect((await enter({ certificate: named('gate') })).credential?.id).to.equal(alone?.id);
    await enter({ token, certificate: named('lobby-1') });
    await enter({ token: plain, certificate: named('gate') });
    // A wrong token is not mended by a good certificate.
    expect(await reasonOf({ token: 'klp_x', certificate: named('gate') })).to.equal(
      'CREDENTIAL_INVALID',
    );
    const second = make({ withoutToken: true, certificateName: 'gate' });
    expect((await rejectionOf(KelpieError, second)).reason).to.equal('RIGHTS_INVALID');
  });

  it('end with the certificate that they demand, on connections that are open too', async () => {
    await make({ withoutToken: true, certificateName: 'gate' });
    const { token } = await make({ certificateName: 'lobby-1' });
    const { token: plain } = await make();
    const gate = named('gate', 60_000);
    const lobby = named('lobby-1', 60_000);
    const accesses = [
      await enter({ certificate: gate }),
      await enter({ token, certificate: lobby }),
      await enter({ token: plain, certificate: lobby }),
    ];
    const ended: string[] = [];
    const forget = accesses.map((one) => one.onEnd(({ reason }) => ended.push(reason)));
    expect(accesses.map((one) => one.expiresAtMs)).to.deep.equal([
      ...[gate.expiresAtMs, lobby.expiresAtMs],
      undefined,
    ]);
    clock.advance(60_000);
    for (let second = 0; second < 5; second++) {
      clock.advance(1000);
      await settled();
    }
    expect(ended).to.deep.equal(['CREDENTIAL_EXPIRED', 'CREDENTIAL_EXPIRED']);
    expect(await reasonOf({ certificate: gate })).to.equal('CREDENTIAL_EXPIRED');
    expect(await reasonOf({ token, certificate: lobby })).to.equal('CREDENTIAL_EXPIRED');
    for (const one of forget) one();
  });

  it('name expiry to the holder of the right secret alone, and vanish 7 days later', async () => {
    const { credential, token } = await make({ ttl: { seconds: 60, nanos: 0 } });
    const id = credential?.id ?? '';
    await enter({ token });
    clock.advance(60_000);
    expect(await reasonOf({ token })).to.equal('CREDENTIAL_EXPIRED');
    expect(refused.at(-1)).to.deep.equal({
      host: HOST,
      reason: 'CREDENTIAL_EXPIRED',
      credential: id,
    });
    expect(credentials.get('main', id).id).to.equal(id);
    clock.advance(7 * DAY_MS);
    await settled(20);
    expect(() => credentials.get('main', id)).to.throw(KelpieError);
    expect(records.byId.size).to.equal(0);
    expect(await reasonOf({ token })).to.equal('CREDENTIAL_INVALID');
  });

  it('are limited in number', async () => {
    await credentials.close();
    credentials = await openOn(2);
    await Promise.all([make(), make()]);
    expect((await rejectionOf(KelpieError, make())).reason).to.equal('CREDENTIAL_LIMIT');
  });

  it('give nobody more than their maker has', async () => {
    const { token } = await make({
      preset: CredentialPreset.UNSPECIFIED,
      rights: Rights.fromPartial({
        nodeNames: ['lobby-*'],
        roles: [2],
        readTopics: ['chat.>'],
        verbs: [12],
      }),
    });
    const granter = granterOf(await enter({ token }));
    const grant = (rights: Partial<Rights>) =>
      credentials.create(CreateCredentialRequest.fromPartial({ name: 'a', rights }), granter);
    await grant({ nodeNames: ['lobby-1'], roles: [2], readTopics: ['chat.global'], verbs: [12] });
    const more: Partial<Rights>[] = [
      { nodeNames: ['*'] },
      { roles: [1] },
      { readTopics: ['>'] },
      { publishTopics: ['chat.global'] },
      { verbs: [4] },
      { commands: ['*'] },
      { commandTargets: ['lobby-1'] },
    ];
    for (const rights of more) {
      expect((await rejectionOf(KelpieError, grant(rights))).reason).to.equal('RIGHT_MISSING');
    }
    const { credential: operator } = await make({ preset: CredentialPreset.OPERATOR });
    const rotate = credentials.rotate({ id: operator?.id ?? '', overlap: undefined }, granter);
    expect((await rejectionOf(KelpieError, rotate)).reason).to.equal('RIGHT_MISSING');
  });

  it('end what they opened, once, also when another process revoked them', async () => {
    const { credential, token } = await make();
    const other = await openOn();
    const ends: string[] = [];
    for (const by of [credentials, other]) {
      (await enter({ token }, by)).onEnd(({ reason }) => ends.push(reason));
    }
    const forgotten = await enter({ token });
    forgotten.onEnd(() => ends.push('forgotten'))();
    await other.revoke(credential?.id ?? '', main);
    await settled(5);
    expect(() => forgotten.require({ kind: 'publish', topic: 'chat.global' })).to.throw(
      KelpieError,
      /revoked/,
    );
    expect(ends).to.deep.equal([]);
    clock.advance(2000);
    await settled(5);
    clock.advance(5000);
    expect(ends).to.deep.equal(['CREDENTIAL_REVOKED', 'CREDENTIAL_REVOKED']);
    await other.close();
  });

  it('end with the older token of a rotation, when its overlap is over', async () => {
    const { credential, token } = await make();
    const id = credential?.id ?? '';
    const ends: string[] = [];
    (await enter({ token })).onEnd(({ reason }) => ends.push(reason));
    const rotated = await credentials.rotate({ id, overlap: { seconds: 60, nanos: 0 } }, main);
    (await enter({ token: rotated.token })).onEnd(() => ends.push('newer'));
    clock.advance(59_000);
    await settled(5);
    await enter({ token });
    expect(ends).to.deep.equal([]);
    clock.advance(1000);
    await settled(5);
    clock.advance(1000);
    expect(ends).to.deep.equal(['CREDENTIAL_EXPIRED']);
  });

  it('are joined once for each hash, also by two processes at once', async () => {
    const { credential } = await make({
      rights: Rights.fromPartial({ nodeNames: ['lobby-*'] }),
      ttl: { seconds: 60, nanos: 0 },
      join: { uses: 2 },
    });
    const id = credential?.id ?? '';
    const other = await openOn();
    const hash = hashOf(`klp_${'a'.repeat(43)}`);
    const joins = Array.from({ length: 8 }, (_, index) =>
      (index % 2 === 0 ? credentials : other).join(id, 'lobby-1', hash),
    );
    expect(new Set((await Promise.all(joins)).map((one) => one.id)).size).to.equal(1);
    const rest = Array.from({ length: 6 }, (_, index) =>
      (index % 2 === 0 ? credentials : other)
        .join(id, `lobby-${index}`, hashOf(String(index)))
        .then(
          () => 'joined',
          (error: unknown) => (error as KelpieError).reason,
        ),
    );
    expect((await Promise.all(rest)).sort().slice(4)).to.deep.equal(['JOIN_TOKEN_USED', 'joined']);
    expect(records.byId.size).to.equal(3);
    await other.close();
  });

  describe('answer failures', () => {
    /** Settles with the time of the answer. */
    const attempt = (host: string): Promise<{ reason: string; atMs: number }> =>
      errorOf({ host, token: 'klp_x' }).then(({ reason }) => ({ reason, atMs: clock.now() }));

    it('late when an address has many, and never a good credential', async () => {
      const { token } = await make();
      const beganMs = clock.now();
      for (let index = 0; index < 10; index++) await attempt(HOST);
      const late = attempt(HOST);
      const elsewhere = await attempt('10.0.0.8');
      expect(elsewhere).to.deep.equal({ reason: 'CREDENTIAL_INVALID', atMs: beganMs });
      expect((await enter({ token })).credential?.name).to.equal('lobby-1');
      clock.advance(999);
      await settled(2);
      clock.advance(1);
      expect(await late).to.deep.equal({ reason: 'CREDENTIAL_INVALID', atMs: beganMs + 1000 });
      // The window is over.
      clock.advance(60_000);
      const promptMs = clock.now();
      expect((await attempt(HOST)).atMs).to.equal(promptMs);
    });

    it('at once where too many wait, with the time after which to try again', async () => {
      await make();
      const waiting = Array.from({ length: 10 + 16 }, () => attempt(HOST));
      const { reason, retryAfterMs } = await errorOf({ token: 'klp_x' });
      expect({ reason, retryAfterMs }).to.deep.equal({
        reason: 'AUTHENTICATION_LIMIT',
        retryAfterMs: 1000,
      });
      clock.advance(1000);
      const answers = (await Promise.all(waiting)).map((one) => one.reason);
      expect(new Set(answers)).to.deep.equal(new Set(['CREDENTIAL_INVALID']));
    });

    it('of one IPv6 network as of one address', async () => {
      await make();
      for (let index = 0; index < 10; index++) await attempt(`2001:db8::${index}`);
      const late = attempt('2001:db8:0:0:1:2:3:4');
      const beganMs = clock.now();
      expect((await attempt('2001:db8:0:1::1')).atMs).to.equal(beganMs);
      clock.advance(1000);
      expect((await late).atMs).to.equal(beganMs + 1000);
    });
  });
});

describe('a session whose credential ends between its Hello and its Welcome', () => {
  it('ends too, and its node is not left behind', async () => {
    const town = await openCoordinator();
    let end: (error: KelpieError) => void = () => undefined;
    const access: Access = {
      network: 'main',
      address: HOST,
      credential: { id: 'a', name: 'lobby-1' },
      joinToken: false,
      expiresAtMs: undefined,
      may: () => true,
      require: () => undefined,
      onEnd: (ended) => {
        end = ended;
        return () => undefined;
      },
    };
    const signal = new AbortController().signal;
    const open = new Promise<never>(() => undefined);
    async function* requests() {
      yield {
        frames: [{ requestId: 0, frame: { $case: 'hello', value: hello('lobby-1') } as const }],
      };
      await open;
    }
    const responses = town.port.serve(requests(), { host: HOST, signal, access });
    const first = responses.next();
    await Promise.resolve();
    end(new KelpieError('CREDENTIAL_REVOKED', 'an operator revoked the credential'));
    const error = await rejectionOf(
      KelpieError,
      first.then(() => responses.next()),
    );
    expect(error.reason).to.equal('CREDENTIAL_REVOKED');
    await settled(20);
    expect(town.registry.size).to.equal(0);
    town.clock.advance(60_000);
    await settled(20);
    expect(town.nodeRows.nodes.size).to.equal(0);
  });
});
