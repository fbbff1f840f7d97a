import { expect } from 'chai';
import { CallTurns } from '../../../server/edge/grpc/call-turns.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { until } from '../../support/until.js';

describe('calls that arrive at once', () => {
  const clock = new FakeClock();

  it('begin for one turn, and then other work runs', async () => {
    const turns = new CallTurns(clock);
    const begun: number[] = [];
    for (let call = 0; call < 20; call++) {
      turns.take('peer', () => {
        begun.push(call);
        clock.advance(2);
      });
    }
    const turnsSeen: number[] = [];
    while (begun.length < 20) {
      turnsSeen.push(begun.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A turn ends after 5 ms: with the third call of 2 ms.
    expect(turnsSeen).to.deep.equal([3, 6, 9, 12, 15, 18]);
    expect(begun).to.deep.equal(Array.from({ length: 20 }, (_, call) => call));
  });

  it('take turns by peer, so that a peer with many calls delays only its own', async () => {
    const turns = new CallTurns(clock);
    const begun: string[] = [];
    const take = (peer: string): void =>
      turns.take(peer, () => {
        begun.push(peer);
        clock.advance(6);
      });
    for (let call = 0; call < 50; call++) take('greedy');
    take('modest');
    take('humble');
    await until(() => begun.length === 52);
    expect(begun.slice(0, 4).sort()).to.deep.equal(['greedy', 'greedy', 'humble', 'modest']);
  });

  it('do not wait if there are no others', () => {
    const turns = new CallTurns(clock);
    let begun = false;
    turns.take('peer', () => (begun = true));
    expect(begun).to.equal(true);
    expect(turns.size).to.equal(0);
  });
});
