/** Two neighbouring versions side by side: an update replaces the coordinators of a network one by one. */
import { expect } from 'chai';
import type { Command } from '../../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { DrainNodeRequest } from '../../../gen/ts/kelpie/v1/node_service.js';
import { PutValueRequest } from '../../../gen/ts/kelpie/v1/state_service.js';
import { BusMessage } from '../../../server/cluster/exchange.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import { becomeLater, isLater } from '../../support/cluster/later-version.js';
import { type Coordinator, TestCluster } from '../../support/cluster/test-cluster.js';
import { hello, join, type TestStream } from '../../support/model/coordinator.js';
import { about, steve, TestProxy } from '../../support/model/proxy.js';

const PING: Command = {
  form: {
    $case: 'custom',
    value: { name: 'ping', content: { form: { $case: 'text', value: '' } } },
  },
};
const PROXY = { commands: ['transfer_player', 'verify_player'] };
const SERVER = { commands: ['ping'] };

/** Issues `ping` for a node. Collects the reasons, or `done`. */
function ping(town: Coordinator, name: string, timeoutMs = 1000): string[] {
  const request = IssueCommandRequest.create({
    target: { place: { $case: 'node', value: name } },
    command: PING,
    timeout: durationOf(timeoutMs),
  });
  const said: string[] = [];
  town.commands.issue(request, '', ({ outcome }) => {
    said.push(outcome instanceof KelpieError ? outcome.reason : 'done');
  });
  return said;
}

/** Answers the next command. Resolves with its form. */
async function answer(stream: TestStream): Promise<string | undefined> {
  const { commandId, command } = await stream.next('commandRequest');
  const isCustom = command?.form?.$case === 'custom';
  const form = isCustom
    ? ({ $case: 'custom', value: { form: { $case: 'text', value: 'pong' } } } as const)
    : ({ $case: 'done', value: {} } as const);
  const outcome = { $case: 'output', value: { form } } as const;
  stream.send({ $case: 'commandReply', value: { commandId, outcome } });
  return command?.form?.$case;
}

/** The value of a row, as it is stored. */
async function rowOf({ journal }: TestCluster, key: string): Promise<Uint8Array | undefined> {
  for await (const row of journal.rows(key)) if (row.key === key) return row.value;
  return undefined;
}

describe('a coordinator beside one of a later version', () => {
  let cluster: TestCluster;
  let older: Coordinator;
  let later: Coordinator;

  beforeEach(async () => {
    cluster = new TestCluster();
    older = await cluster.start('older');
    later = await cluster.start('later');
    becomeLater(later);
    await older.members.refresh();
  });
  afterEach(() => expect([older.faults, later.faults]).to.deep.equal([[], []]));

  it('takes its rows, events and messages, whose other fields it does not know', async () => {
    const { stream: one } = await join(later, hello('one', SERVER));
    const { stream: two } = await join(older, hello('two', SERVER));
    const gate = await TestProxy.join(later, 'gate', PROXY);
    const generation = await gate.bring(steve({ server: 'one' }));
    await cluster.settle();
    expect(isLater(await rowOf(cluster, 'nodes/one'))).to.equal(true);

    const heard: boolean[] = [];
    older.bus.onMessage(({ bytes }) => heard.push(isLater(bytes)));
    const said = [ping(older, 'one'), ping(later, 'two')];
    await Promise.all([answer(one), answer(two)]);
    await cluster.settle();
    expect(said).to.deep.equal([['done'], ['done']]);
    expect(heard, 'an answer and a question').to.deep.equal([true, true]);

    const ends: (string | undefined)[] = [];
    older.transfers.move(
      [{ playerId: steve().xuid, generation }],
      { place: { $case: 'server', value: 'two' } },
      { context: new Uint8Array(), timeoutMs: 20_000 },
      ({ error, last }) => last && ends.push(error?.reason),
    );
    expect(await answer(gate.stream)).to.equal('transferPlayer');
    await gate.report(about(steve().xuid, generation, { $case: 'movedTo', value: 'two' }));
    await cluster.settle();
    expect(ends).to.deep.equal([undefined]);
    for (const town of [older, later])
      expect(town.playerRows.get(steve().xuid)?.player.server).to.equal('two');

    const other = await TestProxy.join(older, 'other', PROXY);
    const login = other.acquire(steve());
    const { commandId } = await gate.stream.next('commandRequest');
    const form = { $case: 'verified', value: { connected: true, silence: undefined } } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    gate.stream.send({ $case: 'commandReply', value: { commandId, outcome } });
    expect((await login)?.$case).to.equal('denial');
  });

  it('changes what the other one has stored, and ends it', async () => {
    await join(later, hello('one'));
    const place = { bucket: 'maps', key: 'arena' };
    const content = { form: { $case: 'text', value: 'Castle' } } as const;
    const sequence = await later.values.put(PutValueRequest.create({ ...place, content }));
    const hold = { place: { node: 'one' }, slots: 2, ttlMs: 60_000, purpose: '', owner: '' };
    const { id } = await later.reservations.hold(hold);
    await later.drains.drain(DrainNodeRequest.create({ name: 'one' }), () => undefined);
    await cluster.settle();
    const change = { ...place, content, expectedSequence: sequence };
    await older.values.put(PutValueRequest.create(change));
    await older.reservations.release(id, 1);
    await older.claims.drains.cancel('one');
    await cluster.settle();
    expect(later.values.get(place).value.sequence).to.be.above(sequence);
    expect(later.reservations.rows.slotsOn('one')).to.equal(1);
    expect(later.nodeRows.drains.get('one')).to.equal(undefined);
    await later.reservations.release(id);
    await later.values.delete({ ...place, expectedSequence: undefined, guard: undefined });
    await cluster.settle();
    expect(older.reservations.rows.table.size).to.equal(0);
  });

  it('drops the fields that it does not know from a row that it writes', async () => {
    await join(later, hello('one'));
    await later.drains.drain(DrainNodeRequest.create({ name: 'one' }), () => undefined);
    await cluster.settle();
    expect(isLater(await rowOf(cluster, 'nodes/one'))).to.equal(true);
    await older.claims.drains.cancel('one');
    expect(isLater(await rowOf(cluster, 'nodes/one'))).to.equal(false);
  });
});

describe('a coordinator beside one that knows none of its questions', () => {
  async function beside() {
    const cluster = new TestCluster();
    const a = await cluster.start('a');
    const b = await cluster.start('b');
    b.bus.loses = (bytes) => BusMessage.decode(bytes).question > 0;
    const old = cluster.bus('b');
    const asked: (string | undefined)[] = [];
    old.onMessage(({ from, bytes }) => {
      const { network, question, body } = BusMessage.decode(bytes);
      if (question === 0) return;
      asked.push(body?.$case);
      const reply = { $case: 'unimplemented', value: {} } as const;
      const message = BusMessage.encode({ network, question: 0, about: question, body: reply });
      void old.send(from, message.finish());
    });
    return { cluster, a, b, asked };
  }

  it('ends each of them at once, with an error that has a reason', async () => {
    const { cluster, a, b, asked } = await beside();
    await join(b, hello('lobby', SERVER));
    const gate = await TestProxy.join(b, 'gate', PROXY);
    await gate.bring(steve());
    await a.members.refresh();
    await cluster.settle();
    const said = ping(a, 'lobby', 60_000);
    const rival = await join(a, hello('lobby')).catch((error: unknown) => error);
    expect((rival as KelpieError).reason).to.equal('ENGINE_UNAVAILABLE');
    const other = await TestProxy.join(a, 'other', PROXY);
    expect((await other.acquire(steve()))?.$case).to.equal('denial');
    await cluster.settle();
    expect(said).to.deep.equal(['NOT_DELIVERED']);
    expect(asked).to.deep.equal(['relayCommand', 'probeSession', 'verifyPlayer']);
    expect(a.exchange.pending).to.equal(0);
  });

  it('fails the reply of a node to a command that the other one sent', async () => {
    const { cluster, a, b, asked } = await beside();
    const first = hello('lobby', SERVER);
    const { stream } = await join(b, first);
    const said = ping(b, 'lobby', 60_000);
    const { commandId } = await stream.next('commandRequest');
    const { stream: moved } = await join(a, first);
    await a.members.refresh();
    await cluster.settle();
    const form = { $case: 'custom', value: { form: { $case: 'text', value: '' } } } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    moved.send({
      requestId: 4,
      frame: { $case: 'commandReply', value: { commandId, outcome } },
    });
    expect((await moved.next('requestFailed')).error?.reason).to.equal(ErrorReason.OUTCOME_UNKNOWN);
    expect(asked).to.deep.equal(['relayReply']);
    await cluster.pass(60_000, 10_000);
    expect(said).to.deep.equal(['OUTCOME_UNKNOWN']);
  });
});
