/** The limits on publishes that wait for the journal: for one session, and for all sessions together. */
import { expect } from 'chai';
import { PublishEventsRequest } from '../../../gen/ts/kelpie/v1/event_service.js';
import { NodeChange, NodeRole } from '../../../gen/ts/kelpie/v1/node.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { Heartbeat, type NodeFrame } from '../../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { NodeResult } from '../../../server/commands/commands.js';
import type { Outcome, Transaction } from '../../../server/journal/journal.js';
import { MemoryJournal } from '../../../server/journal/memory/memory-journal.js';
import type { Limits } from '../../../server/network/limits.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import { hello, join, openMortal, type TestStream } from '../../support/model/coordinator.js';
import { messageDraft } from '../../support/wire/messages.js';
import { joined, player } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** The bytes of one publish with a single large event, including its overhead. */
const LARGE = 200 * KIB;
const ROOM = LARGE + 4 * KIB;

/** A journal whose disk stalls on demand. */
class StalledJournal extends MemoryJournal {
  #stall: Promise<void> | undefined;
  #resume = (): void => undefined;

  stall(): void {
    this.#stall = new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#stall = undefined;
    this.#resume();
  }

  override async append(transactions: readonly Transaction[]): Promise<Outcome[]> {
    if (this.#stall) await this.#stall;
    return super.append(transactions);
  }
}

async function open(limits: Partial<Limits> = {}) {
  const clock = new FakeClock();
  const journal = new StalledJournal(clock, { entries: 10_000, bytes: 2 ** 30, ageMs: 2 ** 40 });
  const town = await openMortal(journal, clock, { limits });
  const stored: string[] = [];
  journal.onAppend((entries) => {
    for (const { topic, source } of entries) if (topic === 'chat.a') stored.push(source);
  });
  return { ...town, journal, stored, backlog: town.network.backlog };
}

function publish(sequence: number, size = LARGE): NodeFrame['frame'] {
  const events = [messageDraft('x'.repeat(size), 'chat.a')];
  return { $case: 'publish', value: { firstPublishSequence: sequence, events } };
}

function beat(stream: TestStream): void {
  const value = Heartbeat.create();
  stream.send({ requestId: 9, frame: { $case: 'heartbeat', value } });
}

describe('a disk that stalls', () => {
  it('limits the bytes of one session, and delays no answer to frames before a waiting publish', async () => {
    const { journal, backlog, stored, ...town } = await open();
    const { stream } = await join(town, hello('lobby'));
    journal.stall();
    for (let sequence = 1; sequence <= 5; sequence++) stream.send(publish(sequence));
    beat(stream);
    await stream.next('heartbeatAck');
    for (let sequence = 6; sequence <= 40; sequence++) stream.send(publish(sequence));
    await settled();
    expect(backlog.bytes)
      .to.be.greaterThan(MIB)
      .and.at.most(2 * MIB + ROOM);
    journal.resume();
    beat(stream);
    while ((await stream.next('publishAck')).publishSequence < 40);
    expect(stored).to.have.length(40);
    expect(backlog.bytes).to.equal(0);
  });

  it('delays no command and no heartbeat of a node with many waiting frames of any kind', async () => {
    const { journal, stored, ...town } = await open();
    const gate = hello('gate', { role: NodeRole.PROXY, commands: ['ping'] });
    const { stream } = await join(town, gate);
    journal.stall();
    for (let sequence = 1; sequence <= 8; sequence++) stream.send(publish(sequence));
    const change = NodeChange.create({ labels: { a: 'b' } });
    for (let at = 0; at < 32; at++) stream.send({ $case: 'updateOwnNode', value: { change } });
    for (let at = 0; at < 32; at++) {
      stream.send({ $case: 'reportPlayers', value: { reports: [joined(player(at))] } });
    }
    const told: NodeResult[] = [];
    const target = { place: { $case: 'node', value: 'gate' } } as const;
    const content = { form: { $case: 'text', value: '' } } as const;
    const command = { form: { $case: 'custom', value: { name: 'ping', content } } } as const;
    const request = {
      ...IssueCommandRequest.create({ target, command }),
      timeout: durationOf(300),
    };
    town.commands.issue(request, '', (result) => told.push(result));
    const { commandId } = await stream.next('commandRequest');
    const form = { $case: 'custom', value: content } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    beat(stream);
    await stream.next('heartbeatAck');
    expect(told.map(({ outcome: said }) => 'form' in said && said.form)).to.deep.equal([form]);
    expect(stored).to.be.empty;
    journal.resume();
    while ((await stream.next('publishAck')).publishSequence < 8);
  });

  it('limits the bytes of all sessions together, and each session gets a turn', async () => {
    const { journal, backlog, stored, ...town } = await open({ backlogBytes: MIB });
    const names = Array.from({ length: 8 }, (_, at) => `node-${at}`);
    const joined = await Promise.all(names.map((name) => join(town, hello(name))));
    journal.stall();
    // The first session has many more events to publish than the others.
    const counts = joined.map((_, at) => (at === 0 ? 30 : 2));
    joined.forEach(({ stream }, at) => {
      for (let sequence = 1; sequence <= (counts[at] ?? 0); sequence++) {
        stream.send(publish(sequence));
      }
    });
    await settled(10);
    expect(backlog.bytes)
      .to.be.greaterThan(MIB / 2)
      .and.at.most(MIB + ROOM);
    expect(backlog.closed).to.equal(true);
    let highest = 0;
    journal.onAppend(() => (highest = Math.max(highest, backlog.bytes)));
    journal.resume();
    const acknowledged = async (stream: TestStream, last: number) => {
      while ((await stream.next('publishAck')).publishSequence < last);
    };
    await Promise.all(joined.map(({ stream }, at) => acknowledged(stream, counts[at] ?? 0)));
    expect(highest).to.be.at.most(MIB + ROOM);
    // The others came while the first one waited. They do not wait for all of its events.
    const lastOther = stored.findLastIndex((source) => source !== 'node-0');
    expect(stored.slice(lastOther).filter((source) => source === 'node-0')).to.have.length.above(5);
    expect([backlog.bytes, backlog.closed]).to.deep.equal([0, false]);
  });

  it('refuses calls that publish, accepts changes of nodes, and frees the bytes of closed sessions', async () => {
    const { journal, backlog, stored, ...town } = await open({ backlogEntries: 3 });
    const { stream } = await join(town, hello('lobby'));
    const { stream: other } = await join(town, hello('other'));
    const request = { ...PublishEventsRequest.create(), events: [messageDraft('x', 'chat.a')] };
    journal.stall();
    for (let sequence = 1; sequence <= 5; sequence++) stream.send(publish(sequence, 10));
    other.send(publish(1, 10));
    await settled();
    const refused = await rejectionOf(KelpieError, town.callPublisher.publish(request));
    expect(refused.reason).to.equal('PUBLISH_LIMIT');
    expect(refused.retryAfterMs).to.be.greaterThan(0);
    const updated = town.claims.update('other', NodeChange.create({ labels: { a: 'b' } }));
    await stream.cut();
    await settled();
    journal.resume();
    await updated;
    while ((await other.next('publishAck')).publishSequence < 1);
    await settled(10);
    expect(stored.filter((source) => source === 'lobby')).to.have.length.below(4);
    expect([backlog.bytes, backlog.closed]).to.deep.equal([0, false]);
    expect((await town.callPublisher.publish(request)).stored).to.equal(1);
  });
});
