/** A command that a node issues: its request, its results, and every way in which it ends. */
import { expect } from 'chai';
import type { CommandResult, KelpieClient } from '../../../client/index.js';
import { KelpieError } from '../../../client/errors.js';
import type { CommandOutput } from '../../../gen/ts/kelpie/v1/command.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf, thrownBy } from '../../support/thrown.js';
import { errorOf, Scripted } from '../../support/wire/scripted.js';

type Given = Parameters<KelpieClient['issue']>[0];

const target = { every: { roles: ['SERVICE'] } } as const;
const command = { custom: { name: 'shop.open', content: 'apples' } } as const;

const text = (value: string): CommandOutput => ({
  form: { $case: 'custom', value: { form: { $case: 'text', value } } },
});

/** A command that is read to its end: its results in short, and the reason of its error. */
function read(results: AsyncIterable<CommandResult<unknown>>) {
  const seen = { results: [] as string[], ended: false, error: undefined as string | undefined };
  const run = async (): Promise<void> => {
    for await (const { node, reply, error } of results)
      seen.results.push(`${node}: ${error ? error.reason : String(reply)}`);
  };
  void run()
    .catch((error: unknown) => void (seen.error = (error as KelpieError).reason))
    .finally(() => (seen.ended = true));
  return seen;
}

describe('a command that a node issues', () => {
  let scripted: Scripted;

  const issue = (more: Partial<Given> = {}) =>
    scripted.client.issue({ target, command, timeoutMs: 2000, ...more });

  const requests = () => scripted.stream.requests('issueCommand');
  const lastId = () => requests().at(-1)?.id ?? 0;
  const withdrawn = () =>
    scripted.stream.values('cancelCommand').map(({ issuedRequestId }) => issuedRequestId);

  /** The reply of a node, or its error, for the newest command. */
  const give = async (
    node: string,
    given: CommandOutput | 'CANCELLED' | 'COMMAND_FAILED',
    last = false,
  ): Promise<void> => {
    const outcome =
      typeof given === 'string'
        ? ({ $case: 'error', value: errorOf(given) } as const)
        : ({ $case: 'output', value: given } as const);
    const value = { node, outcome, last };
    await scripted.stream.answer(lastId(), { $case: 'commandResult', value });
  };

  beforeEach(async () => {
    scripted = await Scripted.welcomed();
  });

  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  it('is sent at once, also before a reader reads its results', async () => {
    issue({ maxReplies: 3, attributes: { trace: 't1' }, timeoutMs: 2500 });
    await settled(10);
    const [{ value }] = requests() as [ReturnType<typeof requests>[number]];
    expect(value).to.deep.include({
      timeout: { seconds: 2, nanos: 500_000_000 },
      maxReplies: 3,
      attributes: { trace: 't1' },
    });
    expect(value.command?.form?.value).to.deep.include({ name: 'shop.open' });
    expect(value.target?.place?.$case).to.equal('every');
  });

  it('gives the results in their order, errors too, and ends after the last one', async () => {
    const seen = read(issue());
    await settled(10);
    await give('shop-1', text('one'));
    await give('shop-2', 'COMMAND_FAILED');
    expect(seen).to.deep.equal({
      results: ['shop-1: one', 'shop-2: COMMAND_FAILED'],
      ended: false,
      error: undefined,
    });
    expect(scripted.client.pending).to.equal(1);
    await give('shop-3', text('three'), true);
    expect(seen.ended).to.equal(true);
    expect(seen.error).to.equal(undefined);
    expect(seen.results).to.have.lengthOf(3);
    expect(scripted.client.pending).to.equal(0);
    expect(withdrawn(), 'it has ended by itself').to.deep.equal([]);
  });

  it('keeps results until they are read, also those before an error', async () => {
    const results = issue();
    await settled(10);
    await give('shop-1', text('one'));
    await scripted.stream.break(new Error('the connection broke'));
    const seen = read(results);
    await settled(10);
    expect(seen).to.deep.equal({ results: ['shop-1: one'], ended: true, error: 'OUTCOME_UNKNOWN' });
  });

  it('ends with OUTCOME_UNKNOWN if its stream breaks, and is not sent again', async () => {
    const seen = read(issue());
    await settled(10);
    await scripted.stream.break(new Error('the connection broke'));
    expect(seen).to.include({ ended: true, error: 'OUTCOME_UNKNOWN' });
    await scripted.pass(0);
    await scripted.stream.welcome();
    expect(requests()).to.deep.equal([]);
  });

  it('ends with the refusal of the coordinator', async () => {
    const seen = read(issue());
    await settled(10);
    await scripted.stream.refuse(lastId(), 'NO_TARGET', 5);
    expect(seen).to.deep.equal({ results: [], ended: true, error: 'NO_TARGET' });
    expect(withdrawn()).to.deep.equal([]);
    expect(scripted.all('refused'), 'its reader has the error').to.deep.equal([]);
  });

  it('ends with UNAVAILABLE while no session is open', async () => {
    await scripted.stream.break(new Error('the connection broke'));
    const seen = read(issue());
    await settled(10);
    expect(seen).to.deep.equal({ results: [], ended: true, error: 'UNAVAILABLE' });
    await scripted.pass(0);
    const early = read(issue());
    await settled(10);
    expect(early.error, 'before Welcome').to.equal('UNAVAILABLE');
    await scripted.stream.welcome();
    expect(requests(), 'it is not sent later').to.deep.equal([]);
  });

  it('is withdrawn by its signal, and its nodes still give their results', async () => {
    const abort = new AbortController();
    const seen = read(issue({ signal: abort.signal }));
    await settled(10);
    await give('shop-1', text('one'));
    abort.abort();
    await settled(10);
    expect(withdrawn()).to.deep.equal([lastId()]);
    expect(seen.ended).to.equal(false);
    await give('shop-2', 'CANCELLED', true);
    expect(seen).to.deep.equal({
      results: ['shop-1: one', 'shop-2: CANCELLED'],
      ended: true,
      error: undefined,
    });
  });

  it('is not sent if its signal is aborted already', async () => {
    const seen = read(issue({ signal: AbortSignal.abort() }));
    await settled(10);
    expect(seen).to.deep.equal({ results: [], ended: true, error: 'CANCELLED' });
    expect(requests()).to.deep.equal([]);
  });

  it('is withdrawn when its reader stops, and not after its end', async () => {
    const results = issue();
    await settled(10);
    await give('shop-1', text('one'));
    for await (const { node } of results) {
      expect(node).to.equal('shop-1');
      break;
    }
    await settled(10);
    const first = lastId();
    expect(withdrawn()).to.deep.equal([first]);
    await give('shop-2', 'CANCELLED', true);

    const abort = new AbortController();
    const seen = read(issue({ signal: abort.signal }));
    await settled(10);
    await give('shop-1', text('one'), true);
    expect(seen.ended).to.equal(true);
    abort.abort();
    await settled(10);
    expect(withdrawn()).to.deep.equal([first]);
  });

  it('is refused at once with an invalid time limit or number of replies', () => {
    for (const timeoutMs of [0, -1, NaN, 300_001, Infinity, '5' as unknown as number]) {
      const { reason } = thrownBy(KelpieError, () => issue({ timeoutMs }));
      expect(reason).to.equal('DEADLINE_INVALID');
    }
    for (const maxReplies of [-1, 1.5, 2 ** 32]) {
      const { reason } = thrownBy(KelpieError, () => issue({ maxReplies }));
      expect(reason).to.equal('OUT_OF_RANGE');
    }
    expect(requests()).to.deep.equal([]);
  });

  describe('by call', () => {
    const call = () => scripted.client.call(target, 'shop.open', 'apples', { timeoutMs: 2000 });

    it('asks for one reply, and resolves with it', async () => {
      const reply = call();
      await settled(10);
      expect(requests()[0]?.value.maxReplies).to.equal(1);
      await give('shop-1', 'COMMAND_FAILED');
      await give('shop-2', text('two'));
      expect(await reply).to.equal('two');
      await settled(10);
      expect(withdrawn(), 'it needs no other reply').to.deep.equal([lastId()]);
    });

    it('rejects with the first error if no node replies', async () => {
      const failed = rejectionOf(KelpieError, call());
      await settled(10);
      await give('shop-1', 'COMMAND_FAILED');
      await give('shop-2', 'CANCELLED', true);
      expect((await failed).reason).to.equal('COMMAND_FAILED');
    });
  });
});
