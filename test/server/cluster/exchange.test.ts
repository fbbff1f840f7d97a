/** The questions and answers of coordinators, over a bus in memory. */
import { expect } from 'chai';
import { BusMessage, Exchange } from '../../../server/cluster/exchange.js';
import { MemoryCluster } from '../../../server/cluster/memory/memory-cluster.js';
import { TestCluster } from '../../support/cluster/test-cluster.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { until } from '../../support/until.js';

describe('a message on the bus', () => {
  it('of a kind that a coordinator does not know is ignored, or answered if somebody waits', async () => {
    const cluster = new TestCluster();
    const b = await cluster.start('b');
    const other = cluster.bus('newer');
    const answers: (string | undefined)[] = [];
    other.onMessage(({ bytes }) => answers.push(BusMessage.decode(bytes).body?.$case));
    const unknown = BusMessage.encode({ network: 'main', question: 0, about: 0, body: undefined });
    await other.send('b', unknown.finish());
    const asked = BusMessage.encode({ network: 'main', question: 7, about: 0, body: undefined });
    await other.send('b', asked.finish());
    const foreign = BusMessage.encode({ network: 'mini', question: 8, about: 0, body: undefined });
    await other.send('b', foreign.finish());
    await cluster.settle();
    expect(answers).to.deep.equal(['unimplemented']);
    expect(b.faults).to.deep.equal([]);
  });

  it('about a question that was asked before the network began anew ends no newer question', async () => {
    const clock = new FakeClock();
    const cluster = new MemoryCluster(clock);
    const onFault = (error: unknown): void => expect.fail(String(error));
    const members = { onView: () => () => undefined, all: new Map(), alive: () => true };
    const open = (id: string): Exchange => {
      const bus = cluster.bus(id);
      return new Exchange({ network: 'main', bus, members, clock, onFault });
    };
    const late: (() => void)[] = [];
    const other = open('b');
    other.handle('verifyPlayer', ({ playerId }, asker) => {
      const body = { $case: 'playerVerdict', value: { connected: playerId === 'here' } } as const;
      late.push(() => asker.answer(body));
    });
    const ask = (asker: Exchange, playerId: string) =>
      asker.answerOf(
        'b',
        { $case: 'verifyPlayer', value: { playerId, generation: 1 } },
        { kind: 'playerVerdict', timeoutMs: 1000 },
      );
    const former = open('a');
    const lost = ask(former, 'gone');
    await until(() => late.length === 1);
    former.close();
    expect(await lost).to.equal(undefined);
    const verdict = ask(open('a'), 'here');
    await until(() => late.length === 2);
    for (const answer of late) answer();
    expect((await verdict)?.connected).to.equal(true);
  });
});
