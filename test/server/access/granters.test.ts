/** The rights to make, rotate and revoke credentials, also while changes wait for each other. */
import { expect } from 'chai';
import { CredentialPreset, Rights } from '../../../gen/ts/kelpie/v1/access.js';
import {
  CreateCredentialRequest,
  type CreateCredentialResponse,
} from '../../../gen/ts/kelpie/v1/access_service.js';
import { Credentials } from '../../../server/access/credentials.js';
import { type Granter, granterOf, machineOf } from '../../../server/access/draft.js';
import { KelpieError } from '../../../server/core/errors.js';
import { Latch } from '../../../server/core/latch.js';
import type { RecordChange } from '../../../server/journal/credential-store.js';
import {
  MemoryCredentialStore,
  MemoryRecords,
} from '../../../server/journal/memory/memory-credential-store.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';

const { OPERATOR } = CredentialPreset;
const HOST = '10.0.0.7';
const root = machineOf('main');
const manage = { kind: 'verb', verb: 'MANAGE_CREDENTIALS' } as const;

/** A store whose writes wait while it is slow. */
class SlowStore extends MemoryCredentialStore {
  #slow: Latch | undefined;

  hold(): void {
    this.#slow = new Latch();
  }

  release(): void {
    this.#slow?.open();
    this.#slow = undefined;
  }

  override async write(changes: readonly RecordChange[]): Promise<number | undefined> {
    await this.#slow?.wait();
    return super.write(changes);
  }
}

describe('the makers of credentials', () => {
  let clock: FakeClock;
  let records: MemoryRecords;
  let store: SlowStore;
  let credentials: Credentials;

  const openOn = (own: MemoryCredentialStore, limit = 1000) =>
    Credentials.open(own, {
      clock,
      limits: { credentials: limit },
      onFault: (error) => {
        throw error;
      },
    });
  const make = (
    request: Parameters<typeof CreateCredentialRequest.fromPartial>[0] = {},
    granter: Granter = root,
  ) =>
    credentials.create(
      CreateCredentialRequest.fromPartial({ name: 'ops', preset: OPERATOR, ...request }),
      granter,
    );
  const idOf = ({ credential }: CreateCredentialResponse): string => credential?.id ?? '';
  const accessOf = async ({ token }: CreateCredentialResponse) =>
    credentials.authorize({ host: HOST, token });
  const granted = async (made: CreateCredentialResponse) => granterOf(await accessOf(made));
  /** `done`, or the reason of the failure. */
  const outcomeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'done',
      (error: unknown) => (error as KelpieError).reason,
    );

  beforeEach(async () => {
    clock = new FakeClock();
    records = new MemoryRecords();
    store = new SlowStore(records);
    credentials = await openOn(store);
  });
  afterEach(async () => {
    store.release();
    await credentials.close();
    expect(clock.pending).to.equal(0);
  });

  it('make nothing more once they are revoked, whatever waits', async () => {
    const thief = await make({ name: 'thief' });
    const granter = await granted(thief);
    const victim = idOf(await make({ name: 'victim' }));
    store.hold();
    const first = outcomeOf(make({ name: 'first' }, granter));
    const later = [
      ...Array.from({ length: 20 }, () => outcomeOf(make({ name: 'late' }, granter))),
      outcomeOf(credentials.rotate({ id: victim, overlap: undefined }, granter)),
    ];
    const revoked = credentials.revoke(idOf(thief), root);
    store.release();
    await revoked;
    const size = records.byId.size;
    expect(await first).to.equal('done');
    expect(new Set(await Promise.all(later))).to.deep.equal(new Set(['CREDENTIAL_REVOKED']));
    expect(records.byId.size).to.equal(size);
    expect(await outcomeOf(credentials.revoke(victim, granter))).to.equal('CREDENTIAL_REVOKED');
  });

  it('make nothing more once another process has revoked them, though nobody looked', async () => {
    const thief = await make({ name: 'thief' });
    const granter = await granted(thief);
    const silent = new MemoryCredentialStore(records);
    const other = await openOn(silent);
    // The look for changes is the only thing that this process misses.
    const { users } = records;
    users.delete(store);
    await other.revoke(idOf(thief), root);
    expect(await outcomeOf(make({}, granter))).to.equal('CREDENTIAL_REVOKED');
    await other.close();
  });

  it('without a credential make one at the most: it closes the coordinator', async () => {
    const nobody = granterOf(await credentials.authorize({ host: HOST }));
    store.hold();
    const both = [make({}, nobody), make({}, nobody)].map(outcomeOf);
    store.release();
    expect(await Promise.all(both)).to.deep.equal(['done', 'CREDENTIAL_REQUIRED']);
  });

  it('delay no revocation, and no look at what others revoked', async () => {
    const thief = await make({ name: 'thief' });
    const access = await accessOf(thief);
    const second = await make({ name: 'second' });
    store.hold();
    const flood = Array.from({ length: 600 }, () => outcomeOf(make({}, granterOf(access))));
    const other = await openOn(new MemoryCredentialStore(records));
    await other.revoke(idOf(thief), root);
    const done: string[] = [];
    const all = Promise.all(flood.map((one) => one.then(() => done.push('flood'))));
    const revoked = credentials.revoke(idOf(second), root).then(() => done.push('revoked'));
    await settled();
    const refused = done.length;
    expect(access.may(manage)).to.equal(true);
    store.release();
    await Promise.all([all, revoked]);
    expect(refused).to.equal(600 - 1 - 256);
    expect(done.slice(refused, refused + 2)).to.deep.equal(['flood', 'revoked']);
    const outcomes = await Promise.all(flood);
    expect(new Set(outcomes)).to.deep.equal(new Set(['done', 'RATE_LIMIT', 'CREDENTIAL_REVOKED']));
    await other.close();
  });

  it('revoke and rotate nobody who may do more than they', async () => {
    const operator = idOf(await make());
    const rights = Rights.fromPartial({ verbs: [12] });
    const manager = await granted(await make({ preset: 0, rights }));
    const other = idOf(await make({ preset: 0, rights }, manager));
    const rotated = credentials.rotate({ id: operator, overlap: undefined }, manager);
    expect(await outcomeOf(rotated)).to.equal('RIGHT_MISSING');
    expect(await outcomeOf(credentials.revoke(operator, manager))).to.equal('RIGHT_MISSING');
    await credentials.revoke(other, manager);
    const none = await granted(await make({ preset: CredentialPreset.READ_ONLY }));
    expect(await outcomeOf(make({ preset: 0 }, none))).to.equal('RIGHT_MISSING');
  });

  it('make nothing that outlives them', async () => {
    const brief = await granted(await make({ ttl: { seconds: 60, nanos: 0 } }));
    const endless = idOf(await make());
    const { credential } = await make({}, brief);
    expect(credential?.expireTime?.getTime()).to.equal(brief.expiresAtMs);
    const rotated = credentials.rotate({ id: endless, overlap: undefined }, brief);
    expect(await outcomeOf(rotated)).to.equal('RIGHTS_INVALID');
    await credentials.rotate({ id: credential?.id ?? '', overlap: undefined }, brief);
    const join = await make({ ttl: { seconds: 3600, nanos: 0 }, join: { uses: 1 } }, brief);
    const joined = await credentials.join(idOf(join), 'lobby-1', Buffer.alloc(32, 1));
    expect(joined.expireTime?.getTime()).to.equal(brief.expiresAtMs);
  });

  it('take neither the certificates nor the room of other networks', async () => {
    const boss = machineOf('test');
    const certificate = { withoutToken: true, certificateName: 'gate-1' };
    const peer = granterOf(await accessOf(await make({}, boss)));
    expect(await outcomeOf(make(certificate, peer))).to.equal('RIGHTS_INVALID');
    await make(certificate, await granted(await make()));
    await credentials.close();
    store = new SlowStore(records);
    credentials = await openOn(store, 8);
    const all = await Promise.all(Array.from({ length: 8 }, () => outcomeOf(make({}, boss))));
    expect(all.filter((one) => one === 'done').length).to.equal(5);
    expect(await outcomeOf(make())).to.equal('done');
  });

  it('do not name a credential as the machine', async () => {
    expect(await outcomeOf(make({ name: 'Kelpied' }))).to.equal('RIGHTS_INVALID');
    const join = await make({ ttl: { seconds: 60, nanos: 0 }, join: { uses: 1 } });
    const joined = credentials.join(idOf(join), 'kelpied', Buffer.alloc(32, 1));
    expect(await outcomeOf(joined)).to.equal('RIGHTS_INVALID');
  });

  it('learn by Join nothing of the ids of other networks', async () => {
    const other = idOf(await make({}, machineOf('test')));
    const join = await make({ ttl: { seconds: 60, nanos: 0 }, join: { uses: 1 } });
    const hash = Buffer.alloc(32, 7);
    Buffer.from(other, 'hex').copy(hash);
    const joined = await credentials.join(idOf(join), 'lobby-1', hash);
    expect(hash.toString('hex').startsWith(joined.id)).to.equal(false);
  });
});
