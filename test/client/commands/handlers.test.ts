/** The commands that a node handles: the coordinator asks, the handler works, and the node replies once. */
import { expect } from 'chai';
import type { CommandContext } from '../../../client/index.js';
import { Command, type CommandReply, CommandRequest } from '../../../gen/ts/kelpie/v1/command.js';
import { Limits } from '../../../gen/ts/kelpie/v1/coordinator.js';
import { settled } from '../../support/journal/history.js';
import { Scripted } from '../../support/wire/scripted.js';

const lost = new Error('the connection broke');
const timeLeft = { seconds: 5, nanos: 0 };

/** A command of a plugin, with a text. */
const shop = (text: string, name = 'shop.open'): Command => ({
  form: { $case: 'custom', value: { name, content: { form: { $case: 'text', value: text } } } },
});

/** A reply in short: the text of its output, or its failure. */
const shortly = ({ commandId, outcome }: CommandReply): [id: number, said: unknown] => {
  if (outcome?.$case === 'failure') return [commandId, `failed: ${outcome.value.message}`];
  const { form } = outcome?.value ?? {};
  return [commandId, form?.$case === 'custom' ? form.value.form?.value : form?.value];
};

describe('the handlers of a node', () => {
  let scripted: Scripted;

  /** The coordinator asks on the newest stream. */
  const ask = (commandId: number, more: Partial<CommandRequest> = {}): Promise<void> => {
    const value = CommandRequest.create({ commandId, command: shop('x'), timeLeft, ...more });
    return scripted.stream.send({ $case: 'commandRequest', value });
  };

  const replies = () => scripted.stream.values('commandReply').map(shortly);

  /** The request number of the newest reply. */
  const lastReply = () => scripted.stream.requests('commandReply').at(-1)?.id ?? 0;
  const confirm = () => scripted.stream.answer(lastReply(), { $case: 'requestOk', value: {} });

  /** A handler that ends when the test says so, with the contexts that it got. */
  const slow = () => {
    const contexts: CommandContext[] = [];
    const ends: ((said: string) => void)[] = [];
    scripted.client.handle('shop.open', (_content, context) => {
      contexts.push(context);
      return new Promise<string>((resolve) => ends.push(resolve));
    });
    return { contexts, ends };
  };

  beforeEach(async () => {
    scripted = await Scripted.welcomed();
  });

  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('get the request with its source, its time and its attributes, and return the reply', async () => {
    let seen: unknown;
    scripted.client.handle('shop.open', (content, { source, timeLeftMs, attributes, signal }) => {
      seen = { content, source, timeLeftMs, attributes, aborted: signal.aborted };
      return `you asked for ${content as string}`;
    });
    await ask(7, { command: shop('apples'), source: 'lobby-2', attributes: { trace: 't1' } });
    expect(seen).to.deep.equal({
      content: 'apples',
      source: 'lobby-2',
      timeLeftMs: 5000,
      attributes: { trace: 't1' },
      aborted: false,
    });
    expect(replies()).to.deep.equal([[7, 'you asked for apples']]);
    expect(scripted.client.pending, 'until the coordinator confirms the reply').to.be.above(0);
    await confirm();
    expect(scripted.client.pending).to.equal(0);
  });

  it('work at the same time, and each reply names its own command', async () => {
    const { ends } = slow();
    await ask(1);
    await ask(2);
    ends[1]?.('two');
    await settled(10);
    ends[0]?.('one');
    await settled(10);
    expect(replies()).to.deep.equal([
      [2, 'two'],
      [1, 'one'],
    ]);
  });

  it('fail alone if they throw: the reply is the message of the error', async () => {
    let error: unknown = new Error('the shop is closed');
    scripted.client.handle('shop.open', () => {
      throw error;
    });
    scripted.client.handle('shop.close', async () => {
      throw new Error('it is closed');
    });
    await ask(1);
    error = 'no error at all';
    await ask(2);
    error = new Error('ä'.repeat(5000));
    await ask(3);
    await ask(4, { command: shop('x', 'shop.close') });
    expect(replies()).to.deep.equal([
      [1, 'failed: the shop is closed'],
      [2, 'failed: no error at all'],
      [3, `failed: ${'ä'.repeat(1024)}`],
      [4, 'failed: it is closed'],
    ]);
    expect(scripted.stream.aborted).to.equal(false);
  });

  it('fail if their result cannot be sent, or is above the limit of the coordinator', async () => {
    scripted.client.handle('shop.open', (content) => (content as string).repeat(60));
    scripted.client.handle('shop.close', () => new Map() as never);
    await scripted.stream.break(lost);
    await scripted.pass(0);
    const limits = { payloadBytes: 100, publishBytes: 1000, messageBytes: 10_000 };
    await scripted.stream.welcome({ limits: Limits.create(limits) });
    await ask(1, { command: shop('a') });
    await ask(2, { command: shop('ab') });
    await ask(3, { command: shop('x', 'shop.close') });
    const [small, large, odd] = replies();
    expect(small).to.deep.equal([1, 'a'.repeat(60)]);
    expect(large?.[1]).to.match(/^failed: .* bytes; the limit is 100$/);
    expect(odd?.[1]).to.match(/^failed: /);
  });

  it('are aborted when their time is over, and a late result is no reply', async () => {
    const { contexts, ends } = slow();
    await ask(1, { timeLeft: { seconds: 2, nanos: 0 } });
    await scripted.pass(1999);
    expect(contexts[0]?.signal.aborted).to.equal(false);
    await scripted.pass(1);
    expect(contexts[0]?.signal.aborted).to.equal(true);
    expect(scripted.client.pending).to.equal(0);
    ends[0]?.('too late');
    await settled(10);
    expect(replies()).to.deep.equal([]);
  });

  it('are aborted when the issuer withdraws the command, and the others go on', async () => {
    const { contexts, ends } = slow();
    await ask(1);
    await ask(2);
    await scripted.stream.send({ $case: 'commandCancelled', value: { commandId: 1 } });
    expect(contexts.map(({ signal }) => signal.aborted)).to.deep.equal([true, false]);
    for (const end of ends) end('done');
    await settled(10);
    expect(replies()).to.deep.equal([[2, 'done']]);
    // The node does not know this command.
    await scripted.stream.send({ $case: 'commandCancelled', value: { commandId: 99 } });
    expect(scripted.stream.aborted).to.equal(false);
  });

  it('are aborted when the client is closed', async () => {
    const { contexts } = slow();
    await ask(1, { timeLeft: { seconds: 60, nanos: 0 } });
    await scripted.close();
    expect(contexts[0]?.signal.aborted).to.equal(true);
    expect(contexts[0]?.signal.reason).to.have.property('reason', 'CLOSED');
  });

  it('reply on the next stream if theirs breaks before the result', async () => {
    const { ends } = slow();
    await ask(1);
    await scripted.stream.break(lost);
    ends[0]?.('between two streams');
    await scripted.pass(0);
    expect(scripted.stream.kinds, 'not before Welcome').to.deep.equal(['hello']);
    await scripted.stream.welcome();
    expect(replies()).to.deep.equal([[1, 'between two streams']]);
  });

  it('reply again on the next stream if the coordinator has not confirmed the reply', async () => {
    const { ends } = slow();
    await ask(1);
    await ask(2);
    ends[0]?.('one');
    await settled(10);
    await confirm();
    ends[1]?.('two');
    await settled(10);
    expect(replies()).to.have.lengthOf(2);
    await scripted.stream.break(lost);
    await scripted.pass(0);
    await scripted.stream.welcome();
    expect(replies()).to.deep.equal([[2, 'two']]);
    await confirm();
    await scripted.stream.break(lost);
    await scripted.pass(0);
    await scripted.stream.welcome();
    expect(replies()).to.deep.equal([]);
  });

  it('cause a status if the coordinator refuses a reply, unless the command has ended', async () => {
    const { ends } = slow();
    await ask(1);
    await ask(2);
    ends[0]?.('too late');
    await settled(10);
    await scripted.stream.refuse(lastReply(), 'COMMAND_NOT_FOUND', 5);
    expect(scripted.all('refused')).to.deep.equal([]);
    ends[1]?.('wrong');
    await settled(10);
    await scripted.stream.refuse(lastReply(), 'COMMAND_INVALID', 3);
    expect(scripted.all('refused').map(({ error }) => error.reason)).to.deep.equal([
      'COMMAND_INVALID',
    ]);
    expect(scripted.client.pending, 'neither reply is sent again').to.equal(0);
  });

  it('are not called for a command of another name: the node replies with a failure', async () => {
    const { contexts } = slow();
    await ask(1, { command: shop('x', 'shop.burn') });
    await ask(2, { command: undefined });
    expect(replies().map(([id, said]) => [id, String(said).startsWith('failed: ')])).to.deep.equal([
      [1, true],
      [2, true],
    ]);
    expect(contexts).to.deep.equal([]);
  });

  it('work on at most 1000 commands at a time', async () => {
    const { ends } = slow();
    for (let id = 1; id <= 1000; id++) void ask(id);
    await settled(20);
    expect(ends).to.have.lengthOf(1000);
    await ask(1001);
    expect(replies().map(([id]) => id)).to.deep.equal([1001]);
    expect(replies()[0]?.[1]).to.match(/^failed: this node works on 1000 commands /);
    await scripted.stream.send({ $case: 'commandCancelled', value: { commandId: 1 } });
    await ask(1002);
    expect(ends).to.have.lengthOf(1001);
  });

  it('are named to the coordinator when they come and when they close', async () => {
    const changes = () =>
      scripted.stream.values('updateOwnNode').map(({ change }) => ({
        added: change?.addedCommands,
        removed: change?.removedCommands,
      }));
    const handling = scripted.client.handle('shop.open', () => 'open');
    await settled(10);
    handling.close();
    handling.close();
    await settled(10);
    expect(changes()).to.deep.equal([
      { added: ['shop.open'], removed: [] },
      { added: [], removed: ['shop.open'] },
    ]);
    await ask(1);
    expect(replies()[0]?.[1]).to.match(/^failed: /);
    scripted.client.handle('shop.open', () => 'open again');
    await scripted.stream.break(lost);
    await scripted.pass(0);
    expect(scripted.stream.hello?.commands).to.deep.equal(['shop.open']);
  });
});

describe('the handlers of a proxy', () => {
  it('get the players who are here with the same generation; the others are failures', async () => {
    const onEvicted = (): void => undefined;
    const scripted = await Scripted.welcomed({ role: 'PROXY', players: { onEvicted } });
    const { stream, client } = scripted;
    const [sync] = stream.requests('syncPlayers');
    const synced = { results: [], kickedPlayerIds: [] };
    await stream.answer(sync?.id ?? 0, { $case: 'playersSynced', value: synced });
    for (const [xuid, generation] of [
      ['1', 7],
      ['2', 9],
    ] as const) {
      const joined = client.players.joined({ xuid, name: `Player${xuid}` });
      await settled(10);
      const report = stream.requests('reportPlayers').at(-1);
      const results = [{ playerId: xuid, generation, error: undefined }];
      await stream.answer(report?.id ?? 0, { $case: 'playersReported', value: { results } });
      await joined;
    }
    const asked: unknown[] = [];
    client.handle('kick_players', ({ players }) => void asked.push(players));
    const kick = async (commandId: number, ...refs: [id: string, generation: number][]) => {
      const players = refs.map(([playerId, generation]) => ({ playerId, generation }));
      const form = { $case: 'kickPlayers', value: { players, message: 'bye' } } as const;
      const value = CommandRequest.create({ commandId, command: { form }, timeLeft });
      await stream.send({ $case: 'commandRequest', value });
    };
    await kick(1, ['1', 7], ['2', 8], ['3', 10]);
    await kick(2, ['3', 10]);
    expect(asked, 'nobody of the second command is here').to.deep.equal([
      [{ id: '1', generation: 7 }],
    ]);
    const outcomes = stream.values('commandReply').map(({ commandId, outcome }) => {
      const form = outcome?.$case === 'output' ? outcome.value.form : undefined;
      const players = form?.$case === 'players' ? form.value.outcomes : [];
      return [commandId, players.map(({ playerId, error }) => [playerId, error === undefined])];
    });
    expect(outcomes.sort()).to.deep.equal([
      [
        1,
        [
          ['1', true],
          ['2', false],
          ['3', false],
        ],
      ],
      [2, [['3', false]]],
    ]);
    await scripted.close();
  });
});
