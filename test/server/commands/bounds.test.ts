/** Commands have limits on their nodes and bytes, and each command ends exactly once for each node. */
import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Command,
  type CommandOutput,
  type CommandTarget,
  NodeSelector,
} from '../../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../../gen/ts/kelpie/v1/command_service.js';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import type { CoordinatorFrame } from '../../../gen/ts/kelpie/v1/session_service.js';
import { durationOf } from '../../../server/core/duration.js';
import { KelpieError } from '../../../server/core/errors.js';
import { PromptTurns } from '../../../server/core/prompt-turns.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  openJournal,
  openMortal,
  type TestStream,
} from '../../support/model/coordinator.js';
import { thrownBy } from '../../support/thrown.js';

type Town = Pick<Awaited<ReturnType<typeof openMortal>>, 'port' | 'commands' | 'faults'>;

const EVERY: CommandTarget = { place: { $case: 'every', value: NodeSelector.create() } };

function custom(value: Record<string, unknown>) {
  const content = { form: { $case: 'json', value } } as const;
  return { form: { $case: 'custom', value: { name: 'ping', content } } } as const;
}

function asked(partial: Partial<IssueCommandRequest> = {}): IssueCommandRequest {
  const base = { target: EVERY, command: custom({}) };
  return { ...IssueCommandRequest.create(base), timeout: durationOf(1000), ...partial };
}

function select(partial: Partial<NodeSelector>): CommandTarget {
  return { place: { $case: 'every', value: { ...NodeSelector.create(), ...partial } } };
}

function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? {} : { a: nested(levels - 1) };
}

async function nodes(town: Town, count: number): Promise<TestStream[]> {
  const names = Array.from({ length: count }, (_, at) => `node-${at}`);
  const hellos = names.map((name) => hello(name, { commands: ['ping', 'kick_players'] }));
  return Promise.all(hellos.map(async (one) => (await join(town, one)).stream));
}

function refusal({ commands }: Town, request: IssueCommandRequest): string {
  const { asks } = commands;
  const error = thrownBy(KelpieError, () => commands.issue(request, '', () => undefined));
  expect(commands.asks, 'nobody was asked').to.equal(asks);
  return error.reason;
}

function nothingLeft({ commands, faults }: Town): void {
  expect([commands.pending, commands.asks]).to.deep.equal([0, 0]);
  expect(faults).to.deep.equal([]);
}

describe('pending commands', () => {
  it('count by their nodes', async () => {
    const town = await openCoordinator({ limits: { commands: 5 } });
    await nodes(town, 3);
    const withdraw = town.commands.issue(asked(), '', () => undefined);
    expect(town.commands.asks).to.equal(3);
    expect(refusal(town, asked())).to.equal('COMMAND_LIMIT');
    withdraw();
    nothingLeft(town);
    town.commands.issue(asked(), '', () => undefined);
    town.clock.advance(1000);
    nothingLeft(town);
  });

  it('count by their bytes', async () => {
    const town = await openCoordinator({ limits: { commandBytes: 1000 } });
    await nodes(town, 1);
    const large = asked({ command: custom({ text: 'x'.repeat(600) }) });
    const withdraw = town.commands.issue(large, '', () => undefined);
    expect(refusal(town, large)).to.equal('COMMAND_LIMIT');
    withdraw();
    town.commands.issue(large, '', () => undefined);
    town.clock.advance(1000);
    nothingLeft(town);
  });

  it('of a session that reads nothing are limited, and all results arrive when it reads', async () => {
    const town = await openCoordinator();
    await nodes(town, 100);
    const { stream } = await join(town, hello('shop'));
    // No node got them: they end at once when they are withdrawn, and all results wait.
    let requestId = 0;
    const flood = async () => {
      for (let round = 0; round < 50; round++) {
        const frame = { $case: 'issueCommand', value: asked() } as const;
        stream.send({ requestId: ++requestId, frame });
        const cancel = { issuedRequestId: requestId };
        stream.send({ requestId: 0, frame: { $case: 'cancelCommand', value: cancel } });
      }
      await settled();
    };
    for (let round = 0; round < 6; round++) await flood();
    const report = town.registry.report('shop');
    expect(report?.queuedBytes).to.be.below(4 * 1024 * 1024);
    const counts = await resultsOf(stream, requestId);
    const answered = [...counts.values()].filter((count) => count > 0);
    expect(answered).to.have.length(100);
    expect(answered.every((count) => count === 100)).to.equal(true);
    // Results that the session has read make room again.
    await flood();
    expect([...(await resultsOf(stream, 50)).values()]).to.deep.equal(Array(50).fill(100));
    nothingLeft(town);
  });
});

/** Reads until all requests have ended. Returns the number of results of each; a refused one has none. */
async function resultsOf(stream: TestStream, requests: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  let ended = 0;
  while (ended < requests) {
    const frames: CoordinatorFrame[] = (await stream.pull()) ?? [];
    for (const { requestId, frame } of frames) {
      if (frame?.$case === 'requestFailed') {
        expect(frame.value.error?.reason).to.equal(ErrorReason.COMMAND_LIMIT);
        counts.set(requestId, 0);
        ended += 1;
      }
      if (frame?.$case !== 'commandResult') continue;
      counts.set(requestId, (counts.get(requestId) ?? 0) + 1);
      if (frame.value.last) ended += 1;
    }
  }
  return counts;
}

describe('a command that would harm its readers', () => {
  it('is refused with too many roles, states or labels', async () => {
    const town = await openCoordinator();
    await nodes(town, 1);
    const many = Array.from({ length: 65 }, (_, at) => `label-${at}`);
    const labels = Object.fromEntries(many.map((name) => [name, '']));
    const roles = Array<0>(65).fill(0);
    expect(refusal(town, asked({ target: select({ roles }) }))).to.equal('OUT_OF_RANGE');
    expect(refusal(town, asked({ target: select({ states: roles }) }))).to.equal('OUT_OF_RANGE');
    expect(refusal(town, asked({ target: select({ labels }) }))).to.equal('LABELS_INVALID');
  });

  it('is refused if it is too deep', async () => {
    const town = await openCoordinator();
    await nodes(town, 1);
    town.commands.issue(asked({ command: custom(nested(30)) }), '', () => undefined)();
    expect(refusal(town, asked({ command: custom(nested(31)) }))).to.equal('CONTENT_TOO_DEEP');
  });

  const players = [{ playerId: '1', generation: 1 }];
  const kick: Command = { form: { $case: 'kickPlayers', value: { players, message: '' } } };
  const console = { form: { $case: 'runConsoleCommand', value: { line: 'list' } } } as const;
  const outcomes = Array.from({ length: 131_000 }, () => ({ playerId: '', error: undefined }));
  const lines = Array<string>(100_000).fill('');
  const answers: [string, IssueCommandRequest['command'], CommandOutput, string][] = [
    ['deep', custom({}), { form: { $case: 'custom', value: contentOf(31) } }, 'CONTENT_TOO_DEEP'],
    ['outcomes', kick, { form: { $case: 'players', value: { outcomes } } }, 'COMMAND_INVALID'],
    [
      'lines',
      console,
      { form: { $case: 'console', value: { success: true, lines } } },
      'COMMAND_INVALID',
    ],
  ];
  for (const [what, command, answer, reason] of answers) {
    it(`or an answer of too many ${what} ends it for both nodes with the reason`, async () => {
      const town = await openCoordinator();
      const commands = ['ping', 'kick_players', 'run_console_command'];
      const { stream } = await join(town, hello('lobby', { commands }));
      const results: unknown[] = [];
      town.commands.issue(asked({ command }), '', ({ outcome }) => results.push(outcome));
      const { commandId } = await stream.next('commandRequest');
      const value = { commandId, outcome: { $case: 'output', value: answer } } as const;
      stream.send({ $case: 'commandReply', value });
      const { error } = await stream.next('requestFailed');
      expect(error?.reason).to.equal(ErrorReason[reason as keyof typeof ErrorReason]);
      expect(results).to.have.length(1);
      expect((results[0] as KelpieError).reason).to.equal(reason);
      nothingLeft(town);
    });
  }
});

function contentOf(levels: number) {
  return { form: { $case: 'json', value: nested(levels) } } as const;
}

/** Each read of this clock takes a while, so every turn ends soon. */
class TiredClock extends FakeClock {
  #tiredMs = 0;

  override now(): number {
    return super.now() + (this.#tiredMs += 2);
  }
}

describe('works in prompt turns', () => {
  it('run in order, each piece once, and yield if they are long', async () => {
    const faults: unknown[] = [];
    const turns = new PromptTurns(new TiredClock(), (error) => faults.push(error));
    const done: string[] = [];
    function* work(name: string, pieces: number) {
      for (let piece = 0; piece < pieces; piece++) {
        if (name === 'bad') throw new Error('a bad work');
        // A piece may add more work.
        if (name === 'a' && piece === 0) turns.add(work('nested', 1));
        done.push(`${name}${piece}`);
        yield;
      }
    }
    for (const name of ['a', 'bad', 'b']) turns.add(work(name, 4));
    expect(done.length).to.be.greaterThan(0).and.below(9);
    await settled(20);
    const wanted = ['a0', 'a1', 'a2', 'a3', 'nested0', 'b0', 'b1', 'b2', 'b3'];
    expect(done).to.deep.equal(wanted);
    expect(faults).to.have.length(1);
    expect(turns.pending).to.equal(0);
  });
});

describe('each command', () => {
  const step = fc.record({
    does: fc.constantFrom('issue', 'answer', 'withdraw', 'replace', 'wait', 'leave'),
    node: fc.nat(3),
    maxReplies: fc.nat(3),
  });

  for (const [pace, clockOf] of [
    ['at once', () => new FakeClock()],
    ['in many turns', () => new TiredClock()],
  ] as const) {
    it(`ends once for each node, or after enough answers, ${pace}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const clock = clockOf();
          const town = await openMortal(openJournal(clock), clock);
          const streams = await nodes(town, 4);
          const runs: { results: string[]; lasts: number; withdraw: () => void }[] = [];
          for (const { does, node, maxReplies } of steps) {
            const stream = streams[node];
            if (does === 'issue') {
              const run = { results: [] as string[], lasts: 0, withdraw: () => undefined };
              runs.push(run);
              const withdraw = town.commands.issue(asked({ maxReplies }), '', (result) => {
                expect(run.lasts, 'nothing follows the last').to.equal(0);
                run.results.push(result.node);
                if (result.last) run.lasts += 1;
              });
              Object.assign(run, { withdraw });
            }
            if (does === 'withdraw') runs[node]?.withdraw();
            if (does === 'wait') clock.advance(300);
            if (does === 'answer') await answerAll(stream);
            if (does === 'leave') await stream?.cut();
            if (does === 'replace' || does === 'leave') {
              const next = hello(`node-${node}`, { commands: ['ping'] });
              if (does === 'replace') await stream?.cut();
              streams[node] = (await join(town, next)).stream;
            }
          }
          clock.advance(5000);
          await settled(50);
          for (const { results, lasts } of runs) {
            expect(lasts).to.equal(1);
            expect(new Set(results).size, 'each node once').to.equal(results.length);
          }
          nothingLeft(town);
        }),
        { numRuns: 40 },
      );
    });
  }
});

async function answerAll(stream: TestStream | undefined): Promise<void> {
  for (const { frame } of (await stream?.pullIfReady()) ?? []) {
    if (frame?.$case !== 'commandRequest') continue;
    const form = { $case: 'custom', value: contentOf(1) } as const;
    const outcome = { $case: 'output', value: { form } } as const;
    const { commandId } = frame.value;
    stream?.send({ $case: 'commandReply', value: { commandId, outcome } });
  }
  await settled();
}
