/** Commands: their nodes, and the one end of each. */
import { expect } from 'chai';
import { Command, type CommandTarget, NodeSelector } from '../../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { type CommandResult } from '../../../gen/ts/kelpie/v1/command.js';
import { GoodbyeReason } from '../../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { thrownBy } from '../../support/thrown.js';
import { steve, TestProxy } from '../../support/model/proxy.js';

const PING: Command = {
  form: {
    $case: 'custom',
    value: { name: 'ping', content: { form: { $case: 'text', value: '' } } },
  },
};

function node(name: string): CommandTarget {
  return { place: { $case: 'node', value: name } };
}

function nodes(...names: string[]): CommandTarget {
  return { place: { $case: 'nodes', value: { names } } };
}

function every(partial: Partial<NodeSelector> = {}): CommandTarget {
  return { place: { $case: 'every', value: { ...NodeSelector.create(), ...partial } } };
}

function any(partial: Partial<NodeSelector> = {}): CommandTarget {
  return { place: { $case: 'any', value: { ...NodeSelector.create(), ...partial } } };
}

function asked(target: CommandTarget, partial: Partial<IssueCommandRequest> = {}) {
  const timeout = durationOf(1000);
  return { ...IssueCommandRequest.create({ target, command: PING }), timeout, ...partial };
}

/** A server that handles `ping`. */
async function server(town: TestCoordinator, name: string, labels: Record<string, string> = {}) {
  const { stream } = await join(town, hello(name, { commands: ['ping'], labels }));
  return stream;
}

async function reply(stream: TestStream, text: string): Promise<void> {
  const { commandId } = await stream.next('commandRequest');
  answer(stream, commandId, text);
}

function answer(stream: TestStream, commandId: number, text: string): void {
  const form = { $case: 'custom', value: { form: { $case: 'text', value: text } } } as const;
  const outcome = { $case: 'output', value: { form } } as const;
  stream.send({ requestId: 9, frame: { $case: 'commandReply', value: { commandId, outcome } } });
}

/** The results of an issuer, as `pong` or the name of the reason. */
class Told {
  readonly results: string[] = [];
  #last = (): void => undefined;
  readonly last = new Promise<void>((resolve) => (this.#last = resolve));

  readonly take = (result: { node: string; outcome: unknown; last: boolean }): void => {
    const { node, outcome, last } = result;
    const form = (outcome as { form?: { value: { form: { value: string } } } }).form;
    const said = outcome instanceof KelpieError ? outcome.reason : form?.value.form.value;
    this.results.push(`${node}: ${said}`);
    if (last) this.#last();
  };
}

function issue(town: TestCoordinator, request: IssueCommandRequest) {
  const told = new Told();
  const withdraw = town.commands.issue(request, '', told.take);
  return { told, withdraw };
}

function refusal(town: TestCoordinator, request: IssueCommandRequest): string {
  const error = thrownBy(KelpieError, () => town.commands.issue(request, '', () => undefined));
  expect(town.commands.pending, 'nothing was begun').to.equal(0);
  return error.reason;
}

describe('a command', () => {
  it('goes to a node and comes back with its answer', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('LOBBY'), { attributes: { traceparent: 'x' } }));
    const request = await lobby.next('commandRequest');
    expect(request).to.deep.include({
      source: '',
      command: PING,
      attributes: { traceparent: 'x' },
    });
    expect(request.timeLeft).to.deep.equal({ seconds: 1, nanos: 0 });
    answer(lobby, request.commandId, 'pong');
    await told.last;
    expect(told.results).to.deep.equal(['lobby: pong']);
    await lobby.next('requestOk');
    nothingLeft(town);
  });

  it('has the time that is left when it is sent, not when it was issued', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    issue(town, asked(node('lobby')));
    town.clock.advance(400);
    const { timeLeft } = await lobby.next('commandRequest');
    expect(timeLeft).to.deep.equal({ seconds: 0, nanos: 600_000_000 });
  });

  it('can be issued on a session, and has its answers under the request id', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { stream: shop } = await join(town, hello('shop'));
    shop.send({ requestId: 5, frame: { $case: 'issueCommand', value: asked(node('lobby')) } });
    const request = await lobby.next('commandRequest');
    expect(request.source).to.equal('shop');
    answer(lobby, request.commandId, 'pong');
    const result = await resultOf(shop);
    expect(result).to.deep.include({ requestId: 5 });
    expect(result.value).to.deep.include({ node: 'lobby', last: true });
  });

  it('goes on if a second command has its request id, which is refused under this id', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { stream: shop } = await join(town, hello('shop'));
    const command = { $case: 'issueCommand', value: asked(node('lobby')) } as const;
    shop.send({ requestId: 5, frame: command });
    shop.send({ requestId: 5, frame: command });
    const { error } = await shop.next('requestFailed');
    expect(error?.metadata).to.deep.equal({ field: 'request_id', limit: '1' });
    expect(error?.message).to.contain('request_id 5 is in use');
    await reply(lobby, 'pong');
    expect(await resultOf(shop)).to.deep.include({ requestId: 5 });
  });

  it('goes to every matching node that handles it, and ends when all have answered', async () => {
    const town = await openCoordinator();
    const labels = { game: 'bedwars' };
    const one = await server(town, 'bedwars-1', labels);
    const two = await server(town, 'bedwars-2', labels);
    await server(town, 'lobby');
    await join(town, hello('dumb', { labels }));
    const { told } = issue(town, asked(every({ labels })));
    await Promise.all([reply(two, 'b'), reply(one, 'a')]);
    await told.last;
    expect(told.results).to.have.members(['bedwars-1: a', 'bedwars-2: b']);
    nothingLeft(town);
  });

  it('ends after max_replies answers, and is withdrawn from the other nodes', async () => {
    const town = await openCoordinator();
    const [one, two, three] = await Promise.all(['a', 'b', 'c'].map((name) => server(town, name)));
    const { told } = issue(town, asked(every(), { maxReplies: 2 }));
    if (!one || !two || !three) throw new Error('there are three');
    const { commandId } = await three.next('commandRequest');
    await reply(one, '1');
    await reply(two, '2');
    await told.last;
    expect(told.results).to.deep.equal(['a: 1', 'b: 2']);
    expect(await three.next('commandCancelled')).to.deep.equal({ commandId });
    nothingLeft(town);
  });

  it('goes to one of several nodes in rotation, and to a READY one if there is one', async () => {
    const town = await openCoordinator();
    const ready = await Promise.all(['a', 'b'].map((name) => server(town, name)));
    await join(town, hello('z', { commands: ['ping'], state: NodeState.MAINTENANCE }));
    const told = [1, 2, 3, 4].map(() => issue(town, asked(any())).told);
    for (const stream of [...ready, ...ready]) await reply(stream, '-');
    await Promise.all(told.map(({ last }) => last));
    const names = told.map(({ results }) => results[0]?.[0]).sort();
    expect(names).to.deep.equal(['a', 'a', 'b', 'b']);
  });

  it("goes to a player's proxy and to their server", async () => {
    const town = await openCoordinator();
    const proxy = await TestProxy.join(town, 'gate-1', { commands: ['ping'] });
    const lobby = await server(town, 'lobby');
    await proxy.bring(steve({ server: 'lobby' }));
    const id = steve().xuid;
    const there = issue(town, asked({ place: { $case: 'playerProxy', value: id } }));
    await reply(proxy.stream, 'proxy');
    const here = issue(town, asked({ place: { $case: 'playerServer', value: id } }));
    await reply(lobby, 'server');
    await Promise.all([there.told.last, here.told.last]);
    expect([...there.told.results, ...here.told.results]).to.deep.equal([
      'gate-1: proxy',
      'lobby: server',
    ]);
  });
});

describe('a command that no node can get', () => {
  it('is refused at once', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    await join(town, hello('dumb'));
    expect(refusal(town, asked(node('nowhere')))).to.equal('NO_TARGET');
    expect(refusal(town, asked(node('dumb')))).to.equal('COMMAND_NOT_HANDLED');
    expect(refusal(town, asked(every({ labels: { a: 'b' } })))).to.equal('NO_TARGET');
    expect(refusal(town, asked(any({ labels: { a: 'b' } })))).to.equal('NO_TARGET');
    const player = { place: { $case: 'playerProxy', value: '7' } } as const;
    expect(refusal(town, asked(player))).to.equal('PLAYER_NOT_FOUND');
    expect(refusal(town, { ...asked(node('lobby')), target: undefined })).to.equal(
      'COMMAND_INVALID',
    );
    expect(refusal(town, asked(node('lobby'), { command: undefined }))).to.equal('COMMAND_INVALID');
  });

  it('is refused for a time of 0, a negative one, a year, or more than 2^31 ms', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    const day = 24 * 60 * 60;
    for (const seconds of [0, -1, 301, 365 * day, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      const timeout = { seconds, nanos: 0 };
      expect(refusal(town, asked(node('lobby'), { timeout })), `${seconds} s`).to.equal(
        'DEADLINE_INVALID',
      );
    }
  });

  it('has 10 s without a timeout', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby'), { timeout: undefined }));
    await lobby.next('commandRequest');
    town.clock.advance(9999);
    await settled();
    expect(told.results).to.deep.equal([]);
    town.clock.advance(1);
    await told.last;
    expect(told.results).to.deep.equal(['lobby: OUTCOME_UNKNOWN']);
  });

  it('goes to each named node, and has an error for each node that cannot get it', async () => {
    const town = await openCoordinator();
    const [north, south] = [await server(town, 'north'), await server(town, 'south')];
    await join(town, hello('deaf'));
    const target = nodes('North', 'gone', 'south', 'deaf', 'NORTH', 'x'.repeat(70));
    const { told } = issue(town, asked(target));
    await Promise.all([reply(north, 'pong'), reply(south, 'pong')]);
    await told.last;
    expect(told.results.sort()).to.deep.equal([
      'deaf: COMMAND_NOT_HANDLED',
      'gone: NODE_NOT_FOUND',
      'north: pong',
      'south: pong',
      `${'x'.repeat(64)}: NODE_NOT_FOUND`,
    ]);
  });

  it('has one result for each named node, also if the real node answers before all errors are sent', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const names = ['lobby', ...Array.from({ length: 199 }, (_, n) => `gone-${n}`)];
    const told = new Told();
    town.commands.issue(asked(nodes(...names)), '', (result) => {
      told.take(result);
      // Each result takes time, so the errors need many turns of the event loop.
      town.clock.advance(1);
    });
    await reply(lobby, 'pong');
    await told.last;
    expect(told.results.indexOf('lobby: pong'), 'before all errors').to.be.below(190);
    expect(told.results.map((result) => result.split(':')[0])).to.have.members(names);
    nothingLeft(town);
  });

  it('is refused if none of the named nodes can get it, or if it names none or too many', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    await join(town, hello('deaf'));
    expect(refusal(town, asked(nodes('gone', 'deaf')))).to.equal('NO_TARGET');
    expect(refusal(town, asked(nodes()))).to.equal('COMMAND_INVALID');
    const many = Array.from({ length: 1001 }, () => 'lobby');
    expect(refusal(town, asked(nodes(...many)))).to.equal('OUT_OF_RANGE');
  });

  it('is refused when too many commands are pending', async () => {
    const town = await openCoordinator({ limits: { commands: 2 } });
    await server(town, 'lobby');
    const { withdraw } = issue(town, asked(node('lobby')));
    issue(town, asked(node('lobby')));
    const more = () => town.commands.issue(asked(node('lobby')), '', () => undefined);
    expect(thrownBy(KelpieError, more).reason).to.equal('COMMAND_LIMIT');
    withdraw();
    more();
  });

  it('is refused for an issuer with a session too, which may have 256 commands', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    const { stream: shop } = await join(town, hello('shop'));
    for (let requestId = 1; requestId <= 257; requestId++) {
      shop.send({ requestId, frame: { $case: 'issueCommand', value: asked(node('lobby')) } });
    }
    const { error } = await shop.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.COMMAND_LIMIT);
    expect(town.commands.pending).to.equal(256);
    await shop.cut();
    nothingLeft(town);
  });
});

describe('a command that is not answered', () => {
  it('ends at its timeout with an unknown outcome', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby')));
    const { commandId } = await lobby.next('commandRequest');
    town.clock.advance(999);
    expect(told.results).to.deep.equal([]);
    town.clock.advance(1);
    expect(told.results).to.deep.equal(['lobby: OUTCOME_UNKNOWN']);
    await lobby.next('commandCancelled');
    answer(lobby, commandId, 'late');
    const { error } = await lobby.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.COMMAND_NOT_FOUND);
    nothingLeft(town);
  });

  it('was not delivered if the node never read it', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby')));
    town.clock.advance(1000);
    expect(told.results).to.deep.equal(['lobby: NOT_DELIVERED']);
    nothingLeft(town);
  });

  it('and that the node never read is not sent later', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    issue(town, asked(node('lobby')));
    town.clock.advance(1000);
    const { told } = issue(town, asked(node('lobby'), { attributes: { number: '2' } }));
    const { attributes } = await lobby.next('commandRequest');
    expect(attributes).to.deep.equal({ number: '2' });
    expect(told.results).to.deep.equal([]);
  });

  it('was not delivered to a node whose stream is gone', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const before = issue(town, asked(node('lobby')));
    await lobby.cut();
    expect(before.told.results, 'it was still queued').to.deep.equal(['lobby: NOT_DELIVERED']);
    const after = issue(town, asked(node('lobby')));
    expect(after.told.results).to.deep.equal(['lobby: NOT_DELIVERED']);
    nothingLeft(town);
  });

  it('has an unknown outcome at once when the node leaves', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby')));
    await lobby.next('commandRequest');
    lobby.send({ $case: 'goodbye', value: { reason: GoodbyeReason.STOP } });
    await told.last;
    expect(told.results).to.deep.equal(['lobby: OUTCOME_UNKNOWN']);
    nothingLeft(town);
  });

  it('may be answered on the next stream of the same process', async () => {
    const town = await openCoordinator();
    const first = hello('lobby', { commands: ['ping'] });
    const { stream } = await join(town, first);
    const { told } = issue(town, asked(node('lobby')));
    const { commandId } = await stream.next('commandRequest');
    await stream.cut();
    const { stream: next } = await join(town, first);
    answer(next, commandId, 'pong');
    await told.last;
    expect(told.results).to.deep.equal(['lobby: pong']);
  });

  it('is withdrawn by its issuer, and when the issuer leaves', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { stream: shop } = await join(town, hello('shop'));
    shop.send({ requestId: 5, frame: { $case: 'issueCommand', value: asked(node('lobby')) } });
    shop.send({ requestId: 6, frame: { $case: 'issueCommand', value: asked(node('lobby')) } });
    const first = await lobby.next('commandRequest');
    const second = await lobby.next('commandRequest');
    shop.send({ $case: 'cancelCommand', value: { issuedRequestId: 5 } });
    const { value } = await resultOf(shop);
    expect(value.outcome?.$case === 'error' && value.outcome.value.reason).to.equal(
      ErrorReason.CANCELLED,
    );
    expect(await lobby.next('commandCancelled')).to.deep.equal({ commandId: first.commandId });
    await shop.cut();
    expect(await lobby.next('commandCancelled')).to.deep.equal({ commandId: second.commandId });
    nothingLeft(town);
  });
});

describe('an answer', () => {
  it('counts once', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby')));
    const { commandId } = await lobby.next('commandRequest');
    answer(lobby, commandId, 'one');
    answer(lobby, commandId, 'two');
    const { error } = await lobby.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.COMMAND_NOT_FOUND);
    expect(told.results).to.deep.equal(['lobby: one']);
  });

  it("to another node's command is refused", async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const thief = await server(town, 'thief');
    const { told } = issue(town, asked(node('lobby')));
    const { commandId } = await lobby.next('commandRequest');
    answer(thief, commandId, 'mine');
    const { error } = await thief.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.COMMAND_NOT_FOUND);
    answer(lobby, commandId, 'pong');
    await told.last;
    expect(told.results).to.deep.equal(['lobby: pong']);
  });

  it('that is too big ends the command for its issuer and its node', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const { told } = issue(town, asked(node('lobby')));
    await reply(lobby, 'x'.repeat(256 * 1024));
    const { error } = await lobby.next('requestFailed');
    expect(error?.reason).to.equal(ErrorReason.PAYLOAD_TOO_LARGE);
    expect(told.results).to.deep.equal(['lobby: PAYLOAD_TOO_LARGE']);
    nothingLeft(town);
  });

  it('of another form, and a failure, reach the issuer as errors', async () => {
    const town = await openCoordinator();
    const lobby = await server(town, 'lobby');
    const wrong = issue(town, asked(node('lobby')));
    const first = await lobby.next('commandRequest');
    const verified = { $case: 'verified', value: { connected: true, silence: undefined } } as const;
    lobby.send({
      $case: 'commandReply',
      value: {
        commandId: first.commandId,
        outcome: { $case: 'output', value: { form: verified } },
      },
    });
    await wrong.told.last;
    const { error } = await lobby.next('requestFailed');
    expect(error?.metadata).to.deep.equal({ field: 'output' });
    const failing = issue(town, asked(node('lobby')));
    const second = await lobby.next('commandRequest');
    const failure = { $case: 'failure', value: { message: 'no arena is free' } } as const;
    const value = { commandId: second.commandId, outcome: failure };
    lobby.send({ $case: 'commandReply', value });
    await failing.told.last;
    expect([...wrong.told.results, ...failing.told.results]).to.deep.equal([
      'lobby: COMMAND_INVALID',
      'lobby: COMMAND_FAILED',
    ]);
  });
});

describe('a node that does not read', () => {
  it('gets a limited number of commands', async () => {
    const town = await openCoordinator();
    await server(town, 'lobby');
    const all = Array.from({ length: 1001 }, () => issue(town, asked(node('lobby'))));
    await settled();
    expect(all.at(-1)?.told.results).to.deep.equal(['lobby: COMMAND_LIMIT']);
    expect(town.commands.pending).to.equal(1000);
    town.clock.advance(1000);
    expect(all.flatMap(({ told }) => told.results)).to.have.length(1001);
    nothingLeft(town);
  });
});

async function resultOf(stream: TestStream): Promise<{ requestId: number; value: CommandResult }> {
  for (;;) {
    const frames = await stream.pull();
    if (!frames) throw new Error('the stream ended');
    for (const { requestId, frame } of frames) {
      if (frame?.$case === 'commandResult') return { requestId, value: frame.value };
    }
  }
}

function nothingLeft(town: TestCoordinator): void {
  expect(town.commands.pending).to.equal(0);
}
