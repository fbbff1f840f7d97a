/** The limits of one peer: a credential, or an address where the coordinator asks for none. */
import { expect } from 'chai';
import { openAccess } from '../../../server/access/access.js';
import { PeerLimits, type PeerUse } from '../../../server/access/peer-limits.js';
import { KelpieError } from '../../../server/core/errors.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { thrownBy } from '../../support/thrown.js';

const limits = { peerSessions: 2, peerStreams: 3, peerRequests: 100, peerBytes: 1000 };
/** Seconds of a peak. */
const PEAK_S = 4;
const from = (host: string) => openAccess('main', { host });
const withCredential = (id: string, host: string) => ({
  ...from(host),
  credential: { id, name: id },
});

describe('the limits of a peer', () => {
  let clock: FakeClock;
  let peers: PeerLimits;
  let limited: string[];

  beforeEach(() => {
    clock = new FakeClock();
    limited = [];
    peers = new PeerLimits({ clock, limits, onLimit: (limit) => limited.push(limit) });
  });

  afterEach(() => peers.close());

  const refused = (work: () => unknown) => {
    const { reason, metadata, retryAfterMs } = thrownBy(KelpieError, work);
    return { reason, limit: metadata['limit'], retryAfterMs };
  };

  it('bound its calls and streams, until one of them ends', () => {
    const [first] = [1, 2, 3].map(() => peers.enter(from('10.0.0.1')));
    expect(refused(() => peers.enter(from('10.0.0.1')))).to.deep.equal({
      reason: 'CONNECTION_LIMIT',
      limit: '3',
      retryAfterMs: 1000,
    });
    peers.enter(from('10.0.0.2'));
    first?.close();
    first?.close();
    peers.enter(from('10.0.0.1'));
    expect(refused(() => peers.enter(from('10.0.0.1'))).reason).to.equal('CONNECTION_LIMIT');
    expect(limited).to.deep.equal(['streams', 'streams']);
  });

  it('count the sessions of a credential wherever they come from', () => {
    const uses = [1, 2, 3].map((at) => peers.enter(withCredential('abc', `10.0.0.${at}`)));
    const [first, second, third] = uses as [PeerUse, PeerUse, PeerUse];
    first.session();
    second.session();
    expect(refused(() => third.session()).reason).to.equal('SESSION_LIMIT');
    peers.enter(withCredential('def', '10.0.0.1')).session();
    first.close();
    third.session();
    expect(limited).to.deep.equal(['sessions']);
  });

  it('refuse calls above the rate, and say when there is room', () => {
    const use = peers.enter(from('10.0.0.1'));
    for (let call = 0; call < PEAK_S * limits.peerRequests; call++) use.call(1);
    const { reason, retryAfterMs } = refused(() => use.call(1));
    expect(reason).to.equal('RATE_LIMIT');
    clock.advance((retryAfterMs ?? 0) - 1);
    expect(refused(() => use.call(1)).reason).to.equal('RATE_LIMIT');
    clock.advance(1);
    use.call(1);
  });

  it('refuse calls above the rate of bytes', () => {
    const use = peers.enter(from('10.0.0.1'));
    use.call(PEAK_S * limits.peerBytes);
    expect(refused(() => use.call(1))).to.include({ reason: 'RATE_LIMIT', limit: '1000' });
    expect(limited).to.deep.equal(['bytes']);
  });

  it('do not fill again because all streams of the peer end', () => {
    peers.enter(from('10.0.0.1')).call(PEAK_S * limits.peerBytes);
    const again = peers.enter(from('10.0.0.1'));
    expect(refused(() => again.call(1)).reason).to.equal('RATE_LIMIT');
  });

  it('hold sessions back, with one timer for all sessions of the peer', async () => {
    const uses = [1, 2, 3].map(() => peers.enter(from('10.0.0.1')));
    const timers = clock.pending;
    for (const use of uses) use.message(2000);
    const held = uses.map((use) => use.frame() ?? expect.fail('it goes on'));
    expect(clock.pending).to.equal(timers + 1);
    clock.advance(1999);
    expect(uses[0]?.frame()).to.not.equal(undefined);
    // One byte, and the sixth thousand that was taken beyond the peak.
    clock.advance(2);
    await Promise.all(held);
    expect(uses[0]?.frame()).to.equal(undefined);
    expect(limited).to.deep.equal(['bytes']);
  });

  it('let a session send at the rate for ever', () => {
    const use = peers.enter(from('10.0.0.1'));
    let held = 0;
    for (let second = 0; second < 100; second++) {
      for (let frame = 0; frame < limits.peerRequests; frame++) if (use.frame()) held++;
      clock.advance(1000);
    }
    expect(held).to.equal(0);
  });

  it('are forgotten when the peer is gone', () => {
    for (let at = 0; at < 200; at++) {
      const use = peers.enter(from(`10.0.0.${at}`));
      use.call(10);
      use.close();
    }
    const stays = peers.enter(from('10.0.1.1'));
    expect(peers.size).to.equal(201);
    clock.advance(10_000);
    expect(peers.size).to.equal(1);
    stays.close();
    clock.advance(10_000);
    expect(peers.size).to.equal(0);
  });
});
