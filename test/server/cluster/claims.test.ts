/** Nodes whose streams are at several coordinators: claims of a name, the grace, and what ends with a node. */
import { expect } from 'chai';
import { NodeChange, NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { WelcomeOutcome } from '../../../gen/ts/kelpie/v1/session_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { type Coordinator, TestCluster } from '../../support/cluster/test-cluster.js';
import { bodiesOf } from '../../support/journal/history.js';
import { hello, join, TestStream } from '../../support/model/coordinator.js';
import { steve, TestProxy } from '../../support/model/proxy.js';

const GRACE_MS = defaultTimes.graceMs;

/** A cluster of coordinators with these names. */
async function clusterOf<const Names extends readonly string[]>(...names: Names) {
  const cluster = new TestCluster();
  const towns: Coordinator[] = [];
  for (const name of names) towns.push(await cluster.start(name));
  await cluster.settle();
  return { cluster, towns: towns as { [Key in keyof Names]: Coordinator } };
}

/** The events about nodes that left, and the players who left with them. */
function leavesIn(bodies: readonly Event['body'][]): string[] {
  return bodies.flatMap((body) => {
    if (body?.$case === 'nodeLeft') return `${body.value.node?.name} left`;
    if (body?.$case === 'playerLeft') return `${body.value.player?.name} left`;
    return [];
  });
}

function stateAt(town: Coordinator, name: string): NodeState | undefined {
  return town.nodeRows.nodes.get(name)?.value.state;
}

/** Sends a Hello and resolves with the Welcome, or the error. */
function welcomed(town: Coordinator, first: ReturnType<typeof hello>) {
  const stream = new TestStream(town.port);
  stream.send({ $case: 'hello', value: first });
  const welcome = stream.next('welcome').catch((error: unknown) => error);
  return { stream, welcome };
}

/** Time passes, in which the node sends its heartbeats. */
async function lives(cluster: TestCluster, stream: TestStream, ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= 5000) {
    const beat = { load: undefined, presence: undefined, latencies: [] };
    stream.send({ $case: 'heartbeat', value: beat });
    await cluster.pass(5000, 500);
    // A node that reads nothing would be lost too.
    await stream.pullIfReady();
  }
}

describe('a node of a coordinator that lives', () => {
  it('is inherited by nobody, also by a coordinator that starts later', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const bodies = bodiesOf(cluster.journal);
    const { stream } = await join(towns[0], hello('lobby'));
    await cluster.start('c');
    await lives(cluster, stream, 3 * GRACE_MS);
    expect(leavesIn(bodies)).to.deep.equal([]);
    expect(towns.map(({ claims }) => claims.losses)).to.deep.equal([0, 0]);
  }).timeout(20_000);

  it('that came after the list of who is alive is not dead', async () => {
    const { cluster, towns } = await clusterOf('a');
    // a asks for the list, and gets the answer late: c and its node have come meanwhile.
    const c = await cluster.start('c');
    towns[0].view.hold();
    await join(c, hello('lobby'));
    towns[0].view.release();
    await cluster.settle();
    expect(towns[0].holders.of('lobby')).to.equal('c');
    expect(towns[0].claims.losses).to.equal(0);
  });
});

describe('a node whose coordinator dies', () => {
  it('keeps its state, then is UNREACHABLE, then leaves once, with its players', async () => {
    const { cluster, towns } = await clusterOf('a', 'b', 'c');
    const [a, b, c] = towns;
    const bodies = bodiesOf(cluster.journal);
    const gate = await TestProxy.join(a, 'gate');
    await gate.bring(steve());
    await a.claims.update('gate', NodeChange.create({ state: NodeState.MAINTENANCE }));
    a.die();
    await cluster.passUntilGone('a', b);
    await cluster.passUntilGone('a', c);
    expect([stateAt(b, 'gate'), b.claims.losses, c.claims.losses]).to.deep.equal([
      NodeState.MAINTENANCE,
      1,
      1,
    ]);
    await cluster.pass((GRACE_MS * 2) / 3);
    expect(stateAt(b, 'gate')).to.equal(NodeState.UNREACHABLE);
    await cluster.pass(GRACE_MS / 3);
    expect(leavesIn(bodies)).to.deep.equal(['Steve left', 'gate left']);
    expect([b.claims.losses, c.claims.losses]).to.deep.equal([0, 0]);
  }).timeout(20_000);

  it('is back at another one under a new generation, and no event says so', async () => {
    const { cluster, towns } = await clusterOf('a', 'b', 'c');
    const [a, b, c] = towns;
    const first = hello('lobby');
    const before = (await join(a, first)).welcome;
    a.die();
    await cluster.passUntilGone('a', b);
    const bodies = bodiesOf(cluster.journal);
    const { welcome, stream } = await join(b, first);
    expect(welcome.outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(welcome.generation).to.be.above(before.generation);
    await lives(cluster, stream, 2 * GRACE_MS);
    expect(bodies).to.deep.equal([]);
    expect(c.claims.losses).to.equal(0);
  }).timeout(20_000);

  it('has no grace if nobody can ask who is alive', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const [a, b] = towns;
    const bodies = bodiesOf(cluster.journal);
    await join(a, hello('lobby'));
    b.cutOff(true);
    a.die();
    await cluster.pass(3 * GRACE_MS, 1000);
    expect(leavesIn(bodies)).to.deep.equal([]);
    b.cutOff(false);
    await cluster.passUntilGone('a', b);
    await cluster.pass(GRACE_MS + 1000);
    expect(leavesIn(bodies)).to.deep.equal(['lobby left']);
  }).timeout(20_000);

  it('stays if its coordinator was cut off only, and comes back before the grace is over', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const [a, b] = towns;
    const bodies = bodiesOf(cluster.journal);
    const { stream } = await join(a, hello('lobby'));
    a.cutOff(true);
    await cluster.passUntilGone('a', b);
    expect(b.claims.losses).to.equal(1);
    a.cutOff(false);
    await lives(cluster, stream, 2 * GRACE_MS);
    expect(leavesIn(bodies)).to.deep.equal([]);
    expect(b.claims.losses).to.equal(0);
  }).timeout(20_000);

  it('is lost after the grace if its coordinator stays cut off: its session ends with STALE_GENERATION', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const [a, b] = towns;
    const bodies = bodiesOf(cluster.journal);
    const first = hello('lobby');
    const { stream } = await join(a, first);
    a.cutOff(true);
    await cluster.passUntilGone('a', b);
    await lives(cluster, stream, 2 * GRACE_MS);
    expect(leavesIn(bodies)).to.deep.equal(['lobby left']);
    // It finds the way to the storage again, and gets the entry.
    a.cutOff(false);
    expect(await stream.ended()).to.include({ reason: 'STALE_GENERATION' });
    const { welcome } = await join(a, first);
    expect(welcome.outcome).to.equal(WelcomeOutcome.NEW);
  }).timeout(20_000);

  it('ends with SESSION_ENDED if an operator ends it at another coordinator', async () => {
    const { towns } = await clusterOf('a', 'b');
    const { stream } = await join(towns[0], hello('lobby'));
    await towns[1].claims.disconnect('lobby');
    expect(await stream.ended()).to.include({ reason: 'SESSION_ENDED' });
  });
});

describe('a Hello at another coordinator', () => {
  it('of the same instance resumes, and ends the former stream with SESSION_REPLACED', async () => {
    const { towns } = await clusterOf('a', 'b');
    const first = hello('lobby');
    const { stream } = await join(towns[0], first);
    const { welcome } = await join(towns[1], first);
    expect(welcome.outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(await stream.ended()).to.deep.include({ reason: 'SESSION_REPLACED' });
    expect(towns[0].claims.losses).to.equal(0);
  });

  it('of another instance is refused while the holder answers', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const { stream } = await join(towns[0], hello('lobby'));
    const { welcome } = welcomed(towns[1], hello('lobby'));
    await stream.next('heartbeatRequested');
    stream.send({
      $case: 'heartbeat',
      value: { load: undefined, presence: undefined, latencies: [] },
    });
    await cluster.settle();
    expect(await welcome).to.deep.include({ reason: 'NODE_NAME_IN_USE' });
  });

  it('of another instance replaces a holder that does not answer', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const bodies = bodiesOf(cluster.journal);
    const { stream } = await join(towns[0], hello('lobby'));
    const { welcome } = welcomed(towns[1], hello('lobby'));
    await stream.next('heartbeatRequested');
    await cluster.pass(defaultTimes.probeMs);
    expect(await welcome).to.deep.include({ outcome: WelcomeOutcome.REPLACED });
    expect(leavesIn(bodies)).to.deep.equal(['lobby left']);
    expect(await stream.ended()).to.deep.include({ reason: 'SESSION_REPLACED' });
  });

  it('of another instance tries again if the question about the holder is lost: it may be dead', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    await join(towns[0], hello('lobby'));
    towns[0].bus.loses = () => true;
    const { welcome } = welcomed(towns[1], hello('lobby'));
    await cluster.pass(defaultTimes.probeMs + 1500);
    const error = (await welcome) as KelpieError;
    expect(error).to.include({ reason: 'ENGINE_UNAVAILABLE', retryAfterMs: 1000 });
  });

  it('of another instance replaces at once a holder whose coordinator is gone', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    await join(towns[0], hello('lobby'));
    towns[0].die();
    await cluster.passUntilGone('a', towns[1]);
    const { welcome } = await join(towns[1], hello('lobby'));
    expect(welcome.outcome).to.equal(WelcomeOutcome.REPLACED);
  });

  it('that has not seen the newest owner decides again when it has', async () => {
    const { cluster, towns } = await clusterOf('a', 'b');
    const [a, b] = towns;
    const first = hello('lobby');
    await join(a, first);
    await cluster.settle();
    b.view.hold();
    // A stream that b does not know of.
    await join(a, first);
    const { stream, welcome } = welcomed(b, first);
    await cluster.settle();
    expect(await stream.pullIfReady(), 'waits').to.equal(undefined);
    b.view.release();
    expect(await welcome).to.deep.include({ outcome: WelcomeOutcome.RESUMED });
  });
});
