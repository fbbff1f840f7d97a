import { expect } from 'chai';
import type { CoordinatorFacts, Membership } from '../../../server/cluster/membership.js';
import { Members, type View } from '../../../server/cluster/members.js';
import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';

const TTL_MS = 1000;

describe('Members', () => {
  let clock: FakeClock;
  let cluster: MemoryCluster;
  /** The engine is away from these coordinators. */
  let away: Set<string>;

  beforeEach(() => {
    clock = new FakeClock();
    cluster = new MemoryCluster(clock);
    away = new Set();
  });

  /** A list that cannot be reached while its coordinator is among those away. */
  function reachable(id: string): Membership {
    const list = cluster.membership();
    const check = async (): Promise<void> => {
      if (away.has(id)) throw new Error('the engine is away');
    };
    return {
      ...list,
      beat: async (facts, ttlMs) => check().then(() => list.beat(facts, ttlMs)),
      alive: async () => check().then(() => list.alive()),
      leave: async () => check().then(() => list.leave(id)),
    };
  }

  interface Joined {
    readonly members: Members;
    readonly views: View[];
    readonly cuts: [boolean, unknown][];
    readonly facts: { sessions: number };
  }

  async function join(id: string): Promise<Joined> {
    const facts = { version: '', sessions: 0, lagEntries: 0, draining: false };
    const onFault = (error: unknown): never => {
      throw error;
    };
    const parts = { id, facts: () => facts, clock, listening: clock, onFault, ttlMs: TTL_MS };
    const members = new Members({ ...parts, membership: reachable(id) });
    await members.join();
    const [views, cuts]: [View[], [boolean, unknown][]] = [[], []];
    members.onView((view) => views.push(view));
    members.onCutOff((cutOff, error) => cuts.push([cutOff, error]));
    return { members, views, cuts, facts };
  }

  /** Lets time pass in small steps, so that the work of each step ends. */
  async function pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      clock.advance(50);
      await settled();
    }
  }

  const ids = (facts: readonly CoordinatorFacts[]): string[] => facts.map(({ id }) => id);
  const came = ({ views }: Joined): string[] => views.flatMap((view) => ids(view.came));
  const left = ({ views }: Joined): string[] => views.flatMap((view) => ids(view.left));

  it('has this coordinator alone at first', async () => {
    const { members } = await join('a');
    expect([...members.all.keys()]).to.deep.equal(['a']);
    expect(members.alive('a')).to.equal(true);
    expect(members.alive('another')).to.equal(false);
    expect(members.cutOff).to.equal(false);
  });

  it('shows for how long a coordinator has been silent, and grows old itself while it is cut off', async () => {
    const a = await join('a');
    await join('b');
    await pass(TTL_MS);
    for (const id of ['a', 'b']) expect(a.members.silentMs(id)).to.be.at.most(TTL_MS / 4);
    away.add('b');
    await pass(TTL_MS / 2);
    expect(a.members.silentMs('a')).to.be.at.most(TTL_MS / 4);
    expect(a.members.silentMs('b'))
      .to.be.at.least(TTL_MS / 4)
      .and.at.most(TTL_MS);
    away.delete('b');
    await pass(TTL_MS / 2);
    expect(a.members.silentMs('b')).to.be.at.most(TTL_MS / 4);
    away.add('a');
    await pass(2 * TTL_MS);
    for (const id of ['a', 'b']) expect(a.members.silentMs(id)).to.be.at.least(1.75 * TTL_MS);
    expect(a.members.silentMs('unknown')).to.equal(0);
  });

  it('notices who comes, who leaves and who dies', async () => {
    const a = await join('a');
    const b = await join('b');
    const c = await join('c');
    await pass(TTL_MS / 4);
    expect(came(a)).to.have.members(['b', 'c']);
    expect(a.members.alive('b')).to.equal(true);
    await b.members.close();
    await pass(TTL_MS / 4);
    expect(left(a)).to.deep.equal(['b']);
    away.add('c');
    await pass(TTL_MS / 2);
    expect(a.members.alive('c')).to.equal(true);
    await pass(TTL_MS);
    expect(left(a)).to.deep.equal(['b', 'c']);
    expect(a.members.alive('c')).to.equal(false);
    expect(c.members.alive('a')).to.equal(true);
  });

  it('shows the newest facts of all, its own at once', async () => {
    const a = await join('a');
    const b = await join('b');
    b.facts.sessions = 7;
    expect(b.members.all.get('b')?.sessions).to.equal(7);
    await b.members.listens('b:50051');
    await a.members.refresh();
    expect(a.members.all.get('b')).to.include({ sessions: 7, endpoint: 'b:50051' });
  });

  it('gives the others its endpoint at once, also if it has just begun to tell the one before', async () => {
    const a = await join('a');
    const b = await join('b');
    const former = b.members.refresh();
    await Promise.all([b.members.listens('b:50051'), former]);
    await a.members.refresh();
    expect(a.members.all.get('b')).to.include({ endpoint: 'b:50051' });
  });

  it('calls nobody dead while the engine is away, and gives all a whole ttl when it is back', async () => {
    const a = await join('a');
    const b = await join('b');
    await pass(TTL_MS / 4);
    away.add('a').add('b');
    await pass(5 * TTL_MS);
    expect(a.members.alive('b')).to.equal(true);
    away.delete('a');
    await pass(TTL_MS - 100);
    expect(a.members.alive('b')).to.equal(true);
    away.delete('b');
    await pass(TTL_MS);
    expect(left(a)).to.deep.equal([]);
    expect(left(b)).to.deep.equal([]);
  });

  it('calls nobody dead because the engine lost the list', async () => {
    const a = await join('a');
    const b = await join('b');
    await pass(TTL_MS / 4);
    await cluster.membership().leave('a');
    await cluster.membership().leave('b');
    await a.members.refresh();
    expect(a.members.alive('b')).to.equal(true);
    await pass(2 * TTL_MS);
    expect([...left(a), ...left(b)]).to.deep.equal([]);
  });

  it('finds a coordinator dead that does not come back after the list was lost', async () => {
    const a = await join('a');
    await join('b');
    await pass(TTL_MS / 4);
    away.add('b');
    await cluster.membership().leave('a');
    await cluster.membership().leave('b');
    await pass(TTL_MS - 100);
    expect(left(a)).to.deep.equal([]);
    await pass(TTL_MS);
    expect(left(a)).to.deep.equal(['b']);
  });

  it('is cut off when it could not beat for half a ttl, until it can beat again', async () => {
    const a = await join('a');
    away.add('a');
    await pass(TTL_MS / 2 - 50);
    expect(a.cuts).to.deep.equal([]);
    await pass(50);
    expect(a.members.cutOff).to.equal(true);
    expect(a.cuts).to.have.length(1);
    expect(String(a.cuts[0]?.[1])).to.contain('the engine is away');
    away.delete('a');
    await pass(TTL_MS / 4);
    expect(a.members.cutOff).to.equal(false);
    expect(a.cuts.map(([cutOff]) => cutOff)).to.deep.equal([true, false]);
    await pass(5 * TTL_MS);
    expect(a.cuts).to.have.length(2);
  });

  it('rejects if the engine is away at the start', async () => {
    away.add('a');
    const error = await join('a').catch((reason: unknown) => reason);
    expect(String(error)).to.contain('the engine is away');
    expect(clock.pending).to.equal(0);
  });

  it('leaves no timer behind', async () => {
    const a = await join('a');
    away.add('a');
    await pass(TTL_MS);
    await a.members.close();
    expect(clock.pending).to.equal(0);
  });
});
