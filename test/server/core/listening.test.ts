/** The coordinator judges no peer while messages lie unread: after a stall of its own, or while it does not read the peer. */
import { expect } from 'chai';
import { WelcomeOutcome, Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { CommandReply } from '../../../gen/ts/kelpie/v1/command.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { ListeningClock } from '../../../server/core/listening-clock.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openJournal,
  openMortal,
  TestStream,
} from '../../support/model/coordinator.js';
import { messageDraft } from '../../support/wire/messages.js';
import { joined, player, TestProxy } from '../../support/model/proxy.js';

const heartbeat = { $case: 'heartbeat', value: Heartbeat.create() } as const;
/** Longer than the limit of a silence, of a probe and of the grace. */
const STALL_MS = 16_000;

/** A coordinator with a listening clock, on a journal that a test can stop. */
async function openTown(partial: { limits?: { sessions: number } } = {}) {
  const clock = new FakeClock();
  const journal = openJournal(clock);
  const stuck = { turns: 0 };
  const listening = new ListeningClock(clock);
  const town = await openMortal(journal, clock, {
    ...partial,
    listening,
    turns: () => stuck.turns,
  });
  return { ...town, clock, journal, stuck };
}

function reasonOf(error: unknown): string {
  return (error as KelpieError | undefined)?.reason ?? 'in peace';
}

describe('the listening clock', () => {
  function watched() {
    const clock = new FakeClock();
    const fired: number[] = [];
    const listening = new ListeningClock(clock);
    const startMs = listening.now();
    return { clock, fired, listening, sinceStart: () => listening.now() - startMs };
  }

  it('runs like the ordinary clock while the process does not stall', () => {
    const { clock, fired, listening, sinceStart } = watched();
    listening.after(3000, () => fired.push(sinceStart()));
    for (let step = 0; step < 29; step++) clock.advance(100);
    expect(sinceStart()).to.equal(2900);
    expect(fired).to.be.empty;
    clock.advance(100);
    expect(fired).to.deep.equal([3000]);
  });

  it('counts only a part of a stall, and fires due timers later', () => {
    const { clock, fired, listening, sinceStart } = watched();
    listening.after(3000, () => fired.push(sinceStart()));
    clock.advance(1000);
    clock.stall(STALL_MS);
    expect(sinceStart()).to.be.at.most(1500);
    expect(fired).to.be.empty;
    clock.advance(1400);
    expect(fired).to.be.empty;
    clock.advance(1000);
    expect(fired).to.have.length(1);
  });

  it('fires after a stall only when the sockets were read, however short the rest of the wait is', () => {
    const { clock, fired, listening, sinceStart } = watched();
    listening.after(1000, () => fired.push(sinceStart()));
    clock.advance(999);
    clock.stall(STALL_MS);
    expect(fired, 'not before the sockets are read').to.be.empty;
    clock.advance(250);
    expect(fired).to.have.length(1);
  });

  it('leaves no timer', () => {
    const { clock, listening } = watched();
    const cancel = listening.after(1000, () => undefined);
    clock.advance(900);
    clock.stall(STALL_MS);
    cancel();
    listening.close();
    expect(clock.pending).to.equal(0);
  });
});

describe('a coordinator after a stall', () => {
  it('ends no session whose heartbeats were unread', async () => {
    const town = await openTown();
    const { stream } = await join(town, hello('lobby-1'));
    const ended = stream.ended();
    town.clock.advance(4000);
    stream.send(heartbeat);
    town.clock.stall(STALL_MS);
    await settled();
    town.clock.advance(2000);
    await settled();
    expect(town.registry.size).to.equal(1);
    town.clock.advance(STALL_MS);
    expect(reasonOf(await ended), 'a node that is silent after the stall').to.equal(
      'SESSION_SILENT',
    );
  });

  it('gives no name to another node if the answer of its holder was unread', async () => {
    const town = await openTown();
    const { stream } = await join(town, hello('lobby-1'));
    const other = new TestStream(town.port);
    other.send({ $case: 'hello', value: hello('lobby-1') });
    const refused = other.ended();
    await stream.next('heartbeatRequested');
    town.clock.advance(2900);
    stream.send(heartbeat);
    town.clock.stall(STALL_MS);
    expect(reasonOf(await refused)).to.equal('NODE_NAME_IN_USE');
    expect(town.registry.size).to.equal(1);
  });

  it('loses no node that came back during the stall', async () => {
    const town = await openTown();
    const first = hello('lobby-1');
    const { stream } = await join(town, first);
    await stream.cut();
    const bodies = bodiesOf(town.journal);
    town.clock.advance(500);
    const again = new TestStream(town.port);
    again.send({ $case: 'hello', value: first });
    town.clock.stall(STALL_MS);
    expect((await again.next('welcome')).outcome).to.equal(WelcomeOutcome.RESUMED);
    expect(bodies).to.deep.equal([]);
  });

  it('refuses no Hello that was unread', async () => {
    const town = await openTown();
    const stream = new TestStream(town.port);
    stream.send({ $case: 'hello', value: hello('lobby-1') });
    town.clock.stall(STALL_MS);
    expect((await stream.next('welcome')).outcome).to.equal(WelcomeOutcome.NEW);
  });

  it('gives no player to another proxy if the answer of their proxy was unread', async () => {
    const town = await openTown();
    const commands = ['verify_player'];
    const holder = await TestProxy.join(town, 'gate-1', { commands });
    const other = await TestProxy.join(town, 'gate-2');
    await holder.bring(player(1));
    const outcome = other.acquire(player(1));
    for (let question = 0; question < 3; question++) {
      const { commandId } = await holder.stream.next('commandRequest');
      const verified = { connected: true, silence: undefined };
      const form = { $case: 'verified', value: verified } as const;
      const answer = { $case: 'output', value: { form } } as const;
      const reply = { ...CommandReply.create({ commandId }), outcome: answer };
      holder.stream.send({ $case: 'commandReply', value: reply });
      // The first two answers come too late because the coordinator stalls.
      if (question < 2) town.clock.stall(STALL_MS);
    }
    expect((await outcome)?.$case).to.equal('denial');
  });
});

describe('a peer that the coordinator does not read', () => {
  /** Publishes more than may be under way, while the journal stores nothing. */
  async function heldBack(town: Awaited<ReturnType<typeof openTown>>, stream: TestStream) {
    town.stuck.turns = Infinity;
    const events = Array.from({ length: 250 }, () => messageDraft('x'.repeat(600)));
    for (let from = 0; from < 18; from++) {
      const value = { firstPublishSequence: 1 + from * 250, events };
      stream.send({ $case: 'publish', value });
    }
    await settled();
    // The journal still stores nothing, because appends stay in order; reads work again.
    town.stuck.turns = 0;
    stream.send(heartbeat);
    await settled(50);
  }

  it('keeps its name and its session', async () => {
    const town = await openTown();
    const { stream } = await join(town, hello('lobby-1'));
    await heldBack(town, stream);
    const other = new TestStream(town.port);
    other.send({ $case: 'hello', value: hello('lobby-1') });
    const refused = other.ended();
    await stream.next('heartbeatRequested');
    town.clock.advance(3000);
    expect(reasonOf(await refused)).to.equal('NODE_NAME_IN_USE');
    // It still takes what the coordinator sends.
    void stream.ended();
    town.clock.advance(60_000);
    expect(town.registry.size).to.equal(1);
    town.die();
  });

  it('keeps its players', async () => {
    const town = await openTown();
    const holder = await TestProxy.join(town, 'gate-1', { commands: ['verify_player'] });
    const other = await TestProxy.join(town, 'gate-2');
    await holder.bring(player(1));
    await heldBack(town, holder.stream);
    const outcome = other.acquire(player(1));
    for (let question = 0; question < 6; question++) {
      // The coordinator asks the proxy, but would not read its answer.
      await holder.stream.next('commandRequest');
      town.clock.advance(400);
    }
    expect((await outcome)?.$case).to.equal('denial');
    town.die();
  });
});

describe('a proxy whose joins wait for the journal', () => {
  it('is still read: its heartbeat is answered before the joins are written', async () => {
    const town = await openTown();
    const proxy = await TestProxy.join(town, 'gate-1');
    town.stuck.turns = 20;
    for (let frame = 0; frame < 200; frame++) {
      const reports = [0, 1, 2].map((index) => joined(player(3 * frame + index)));
      proxy.stream.send({ $case: 'reportPlayers', value: { reports } });
    }
    proxy.stream.send(heartbeat);
    await proxy.stream.next('heartbeatAck');
    expect(town.playerRows.online).to.be.below(300);
    while (town.playerRows.online < 600) await settled();
    town.die();
  });

  it('keeps a login if its report of the join was unread during a stall', async () => {
    const town = await openTown();
    const proxy = await TestProxy.join(town, 'gate-1');
    const generation = await proxy.granted(player(1));
    town.clock.advance(10_000);
    const reports = [joined(player(1), generation)];
    proxy.stream.send({ $case: 'reportPlayers', value: { reports } });
    town.clock.stall(60_000);
    await settled();
    expect(town.playerRows.online).to.equal(1);
  });
});

describe('a name that many nodes claim at once', () => {
  it('goes to one of them, and the holder is asked when the others claim the name', async () => {
    const town = await openTown();
    town.stuck.turns = 3;
    const outcomes: string[] = [];
    const compete = async (stream: TestStream): Promise<void> => {
      stream.send({ $case: 'hello', value: hello('lobby-1') });
      try {
        for (let frames = await stream.pull(); frames; frames = await stream.pull()) {
          for (const { frame } of frames) {
            if (frame?.$case === 'welcome') {
              const isNew = frame.value.outcome === WelcomeOutcome.NEW;
              outcomes.push(isNew ? 'NEW' : 'another outcome');
            }
            if (frame?.$case === 'heartbeatRequested') stream.send(heartbeat);
          }
        }
      } catch (error) {
        outcomes.push(reasonOf(error));
      }
    };
    const all = Array.from({ length: 50 }, () => compete(new TestStream(town.port)));
    while (outcomes.length < 50) await settled();
    expect(outcomes.filter((one) => one === 'NEW')).to.have.length(1);
    expect(outcomes.filter((one) => one === 'NODE_NAME_IN_USE')).to.have.length(49);
    const drained = town.drain();
    town.clock.advance(10_000);
    await Promise.all([drained, ...all]);
  });
});

describe('sessions that are opened at once', () => {
  it('are counted at once, so that the limit of sessions holds', async () => {
    const town = await openTown({ limits: { sessions: 5 } });
    const streams = Array.from({ length: 20 }, () => new TestStream(town.port));
    const answers = streams.map((stream, index) => {
      stream.send({ $case: 'hello', value: hello(`lobby-${index}`) });
      return stream.next('welcome').then(() => 'welcome', reasonOf);
    });
    const got = await Promise.all(answers);
    expect(got.filter((one) => one === 'welcome')).to.have.length(5);
    expect(got.filter((one) => one === 'SESSION_LIMIT')).to.have.length(15);
  });

  it('are opened over several turns of the event loop', async () => {
    const town = await openTown();
    const streams = Array.from({ length: 320 }, () => new TestStream(town.port));
    const sizes: number[] = [];
    const answers = streams.map((stream, index) => {
      stream.send({ $case: 'hello', value: hello(`lobby-${index}`) });
      return stream.next('welcome');
    });
    let open = 0;
    while (open < streams.length) {
      await new Promise((resolve) => setImmediate(resolve));
      sizes.push(town.registry.size - open);
      open = town.registry.size;
    }
    await Promise.all(answers);
    expect(Math.max(...sizes), 'in one turn of the event loop').to.be.at.most(40);
  });
});
