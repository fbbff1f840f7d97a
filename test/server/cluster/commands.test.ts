/** Commands to nodes whose streams other coordinators have. */
import { expect } from 'chai';
import type { Command } from '../../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import type { NodeResult } from '../../../server/commands/commands.js';
import { BusMessage } from '../../../server/cluster/exchange.js';
import { type Coordinator, TestCluster } from '../../support/cluster/test-cluster.js';
import { hello, join, type TestStream } from '../../support/model/coordinator.js';

const PING: Command = {
  form: {
    $case: 'custom',
    value: { name: 'ping', content: { form: { $case: 'text', value: '' } } },
  },
};
const HANDLES = { commands: ['ping'] };

interface Told {
  readonly results: string[];
  readonly withdraw: () => void;
}

/** Issues `ping` for these nodes, and collects the results as `name: text` or `name: REASON`. */
function issue(
  town: Coordinator,
  names: string[],
  options: { maxReplies?: number; timeoutMs?: number } = {},
): Told {
  const { maxReplies = 0, timeoutMs = 1000 } = options;
  const request = IssueCommandRequest.create({
    target: { place: { $case: 'nodes', value: { names } } },
    command: PING,
    timeout: durationOf(timeoutMs),
    maxReplies,
  });
  const results: string[] = [];
  const withdraw = town.commands.issue(request, 'shop', (result) => {
    results.push(`${result.node}: ${textOf(result)}${result.last ? '.' : ''}`);
  });
  return { results, withdraw };
}

function textOf({ outcome }: NodeResult): string {
  if (outcome instanceof KelpieError) return outcome.reason;
  const { form } = outcome;
  return form?.$case === 'custom' && form.value.form?.$case === 'text'
    ? form.value.form.value
    : '?';
}

function answer(stream: TestStream, commandId: number, text: string): void {
  const form = { $case: 'custom', value: { form: { $case: 'text', value: text } } } as const;
  const outcome = { $case: 'output', value: { form } } as const;
  stream.send({ requestId: 9, frame: { $case: 'commandReply', value: { commandId, outcome } } });
}

async function reply(stream: TestStream, text: string): Promise<void> {
  answer(stream, (await stream.next('commandRequest')).commandId, text);
}

/** A message of a kind, as a test of the bus. */
function isKind(kind: string) {
  return (bytes: Uint8Array): boolean => BusMessage.decode(bytes).body?.$case === kind;
}

/** Two coordinators, and a server that handles `ping` at the second. */
async function apart() {
  const cluster = new TestCluster();
  const a = await cluster.start('a');
  const b = await cluster.start('b');
  const first = hello('lobby', HANDLES);
  const { stream } = await join(b, first);
  await a.members.refresh();
  await cluster.settle();
  return { cluster, a, b, first, lobby: stream };
}

function nothingLeft(...towns: Coordinator[]): void {
  for (const { commands, exchange } of towns) {
    expect([commands.pending, commands.asks, commands.bytes, exchange.pending]).to.deep.equal([
      0, 0, 0, 0,
    ]);
  }
}

describe('a command for a node at another coordinator', () => {
  it('comes back with its answer, and has its source and the time that is left', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { results } = issue(a, ['lobby']);
    const request = await lobby.next('commandRequest');
    expect(request).to.deep.include({ source: 'shop', command: PING });
    expect(request.timeLeft).to.deep.equal({ seconds: 0, nanos: 900_000_000 });
    answer(lobby, request.commandId, 'pong');
    await lobby.next('requestOk');
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: pong.']);
    nothingLeft(a, b);
  });

  it('goes with those for nodes here, each once', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { stream: here } = await join(a, hello('here', HANDLES));
    const { stream: also } = await join(b, hello('also', HANDLES));
    await cluster.settle();
    const { results } = issue(a, ['here', 'lobby', 'also', 'nobody']);
    await Promise.all([reply(here, '1'), reply(lobby, '2'), reply(also, '3')]);
    await cluster.settle();
    expect(results.map((one) => one.replace('.', ''))).to.have.members([
      'nobody: NODE_NOT_FOUND',
      'here: 1',
      'lobby: 2',
      'also: 3',
    ]);
    nothingLeft(a, b);
  });

  it('is withdrawn when enough nodes have answered', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { stream: here } = await join(a, hello('here', HANDLES));
    const { results } = issue(a, ['here', 'lobby'], { maxReplies: 1 });
    const { commandId } = await lobby.next('commandRequest');
    await reply(here, 'first');
    expect(await lobby.next('commandCancelled')).to.deep.equal({ commandId });
    await cluster.settle();
    expect(results).to.deep.equal(['here: first.']);
    nothingLeft(a, b);
  });

  it('is withdrawn by its issuer', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { results, withdraw } = issue(a, ['lobby']);
    const { commandId } = await lobby.next('commandRequest');
    withdraw();
    expect(await lobby.next('commandCancelled')).to.deep.equal({ commandId });
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: CANCELLED.']);
    nothingLeft(a, b);
  });

  it('ends at its deadline with OUTCOME_UNKNOWN if the node has it', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { results } = issue(a, ['lobby']);
    await lobby.next('commandRequest');
    await cluster.pass(999, 999);
    expect(results).to.deep.equal(['lobby: OUTCOME_UNKNOWN.']);
    nothingLeft(a, b);
  });

  it('ends before its deadline with NOT_DELIVERED if the node never got it', async () => {
    const { cluster, a, b } = await apart();
    // The node does not read its stream.
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    await cluster.pass(950, 950);
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    nothingLeft(a, b);
  });

  it('ends with OUTCOME_UNKNOWN if no word comes from the other coordinator', async () => {
    const { cluster, a, b } = await apart();
    b.bus.loses = () => true;
    const { results } = issue(a, ['lobby']);
    await cluster.pass(999, 999);
    expect(results).to.deep.equal([]);
    await cluster.pass(1);
    expect(results).to.deep.equal(['lobby: OUTCOME_UNKNOWN.']);
    nothingLeft(a);
  });

  it('ends with OUTCOME_UNKNOWN as soon as the other coordinator is dead', async () => {
    const { cluster, a, b, lobby } = await apart();
    const { results } = issue(a, ['lobby'], { timeoutMs: 60_000 });
    await lobby.next('commandRequest');
    b.die();
    await cluster.passUntilGone('b', a);
    expect(results).to.deep.equal(['lobby: OUTCOME_UNKNOWN.']);
    nothingLeft(a);
    // This coordinator never sent the next one, so the node certainly does not get it.
    expect(issue(a, ['lobby']).results).to.deep.equal(['lobby: NOT_DELIVERED.']);
  });

  it('ends with OUTCOME_UNKNOWN at the next list if the other coordinator died between two lists', async () => {
    const { cluster, a, b } = await apart();
    // The first coordinator has a row of the third one, and no list with it.
    const alive = a.members.refresh.bind(a.members);
    a.members.refresh = async () => undefined;
    const c = await cluster.start('c');
    await join(c, hello('short', HANDLES));
    await cluster.settle();
    const { results } = issue(a, ['short'], { timeoutMs: 60_000 });
    await c.members.close();
    c.die();
    await cluster.pass(1);
    a.members.refresh = alive;
    expect(results).to.deep.equal([]);
    await a.members.refresh();
    await cluster.settle();
    expect(results).to.deep.equal(['short: OUTCOME_UNKNOWN.']);
    nothingLeft(a, b);
  });

  it('has so much less time at its node as it was under way', async () => {
    const { cluster, a, b, lobby } = await apart();
    b.bus.ageMs = 300;
    const { results } = issue(a, ['lobby']);
    const request = await lobby.next('commandRequest');
    expect(request.timeLeft).to.deep.equal({ seconds: 0, nanos: 600_000_000 });
    await cluster.pass(600, 600);
    expect(await lobby.next('commandCancelled')).to.deep.include({ commandId: request.commandId });
    expect(results).to.deep.equal(['lobby: OUTCOME_UNKNOWN.']);
    nothingLeft(a, b);
  });

  it('does not reach its node if it was under way for longer than its time', async () => {
    const { cluster, a, b, lobby } = await apart();
    b.bus.ageMs = 900;
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    const frames = (await lobby.pullIfReady()) ?? [];
    expect(frames.map(({ frame }) => frame?.$case)).to.not.include('commandRequest');
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    nothingLeft(a, b);
  });

  it('is withdrawn from its node when the coordinator of its issuer is dead', async () => {
    const { cluster, a, b, lobby } = await apart();
    issue(a, ['lobby'], { timeoutMs: 60_000 });
    const { commandId } = await lobby.next('commandRequest');
    a.die();
    await cluster.passUntil(() => b.commands.pending === 0);
    expect(await lobby.next('commandCancelled')).to.deep.equal({ commandId });
    nothingLeft(b);
  });

  it('is not delivered if the other coordinator has no stream of the node', async () => {
    const { cluster, a, b, lobby } = await apart();
    await lobby.cut();
    await cluster.settle();
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    nothingLeft(a, b);
  });

  it('follows a node that has moved on, of which this coordinator does not know yet', async () => {
    const { cluster, a, b, first } = await apart();
    const c = await cluster.start('c');
    await cluster.settle();
    a.view.hold();
    const { stream } = await join(c, first);
    await cluster.settle();
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    expect(results).to.deep.equal([]);
    a.view.release();
    await reply(stream, 'moved');
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: moved.']);
    nothingLeft(a, b, c);
  });

  it('does not go to another process that has taken the name', async () => {
    const { cluster, a, b, lobby } = await apart();
    a.view.hold();
    lobby.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await cluster.settle();
    const { stream } = await join(b, hello('lobby', HANDLES));
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    a.view.release();
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    const frames = (await stream.pullIfReady()) ?? [];
    expect(frames.map(({ frame }) => frame?.$case)).to.not.include('commandRequest');
  });

  it('has its answer though the node gives it on a newer stream, at another coordinator', async () => {
    const { cluster, a, b, lobby, first } = await apart();
    const { results } = issue(a, ['lobby']);
    const { commandId } = await lobby.next('commandRequest');
    const c = await cluster.start('c');
    const { stream } = await join(c, first);
    answer(stream, commandId, 'late');
    await stream.next('requestOk');
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: late.']);
    answer(stream, commandId, 'again');
    expect((await stream.next('requestFailed')).error?.message).to.contain('no command');
    nothingLeft(a, b, c);
  });

  it('is refused by the limits of the other coordinator, and reaches no node', async () => {
    const cluster = new TestCluster();
    const a = await cluster.start('a');
    const b = await cluster.start('b', { limits: { commands: 1 } });
    const { stream } = await join(b, hello('lobby', HANDLES));
    await cluster.settle();
    const first = issue(a, ['lobby']);
    await cluster.settle();
    const second = issue(a, ['lobby']);
    await cluster.settle();
    expect(second.results).to.deep.equal(['lobby: COMMAND_LIMIT.']);
    await reply(stream, 'pong');
    await cluster.settle();
    expect(first.results).to.deep.equal(['lobby: pong.']);
    nothingLeft(a, b);
  });

  it('is not delivered by a coordinator that does not know such messages', async () => {
    const { cluster, a, b } = await apart();
    b.bus.loses = isKind('relayCommand');
    const old = cluster.bus('b');
    old.onMessage(({ from, bytes }) => {
      const { network, question, body } = BusMessage.decode(bytes);
      if (body?.$case !== 'relayCommand') return;
      const reply = { $case: 'unimplemented', value: {} } as const;
      const message = BusMessage.encode({ network, question: 0, about: question, body: reply });
      void old.send(from, message.finish());
    });
    const { results } = issue(a, ['lobby']);
    await cluster.settle();
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    nothingLeft(a, b);
  });
});

describe('a coordinator that was frozen', () => {
  it('gives no node a command whose time is over, though the timer has not fired yet', async () => {
    const { cluster, b, lobby } = await apart();
    const { results } = issue(b, ['lobby']);
    await cluster.settle();
    const { clock } = cluster;
    const now = clock.now.bind(clock);
    clock.now = () => now() + 1000;
    const frames = (await lobby.pullIfReady()) ?? [];
    clock.now = now;
    expect(frames.map(({ frame }) => frame?.$case)).to.not.include('commandRequest');
    await cluster.pass(1000, 1000);
    expect(results).to.deep.equal(['lobby: NOT_DELIVERED.']);
    nothingLeft(b);
  });
});
