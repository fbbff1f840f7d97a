/** The commands of transfers for one node that never replies. */
import { expect } from 'chai';
import type { KelpieError } from '../../../server/core/errors.js';
import { NodeCommands } from '../../../server/transfers/node-commands.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';

const COMMANDS = 500;

/** Commands without a reply; the end of each is called as the coordinator calls it. */
function open() {
  const faults: unknown[] = [];
  const unanswered = new Set<() => void>();
  const commands = new NodeCommands(
    {
      issue: (_request, _source, onResult) => {
        const end = (): void => {
          if (unanswered.delete(end)) {
            onResult({ node: 'gate', outcome: { form: { $case: 'done', value: {} } }, last: true });
          }
        };
        unanswered.add(end);
        return end;
      },
    },
    new FakeClock(),
    (error) => faults.push(error),
  );
  const results: (KelpieError | undefined)[] = [];
  const ask = () =>
    commands.ask({
      ...{ node: 'gate', bytes: 0, endsMs: 300_000, onSent: () => undefined },
      make: () => ({ form: undefined }),
      onResult: (error) => results.push(error),
    });
  return { commands, unanswered, faults, ask, results };
}

describe('the commands of transfers', () => {
  it('that a node never replies to are bounded, also after their players have arrived', async () => {
    const { commands, unanswered, faults, ask, results } = open();
    for (let round = 0; round < 4; round++) {
      const asked = Array.from({ length: COMMANDS }, ask);
      await settled(600);
      // Each player arrives before the proxy replies.
      for (const { leave } of asked) leave();
      expect(unanswered.size).to.equal(COMMANDS);
    }
    expect(results, 'nobody waits for a reply').to.deep.equal([]);
    for (const answer of unanswered) answer();
    await settled(10);
    expect(commands.pending).to.equal(0);
    expect(faults).to.deep.equal([]);
  });

  it('wait while the node has as many without a reply', async () => {
    const { commands, unanswered, ask, results } = open();
    const asked = Array.from({ length: COMMANDS + 3 }, ask);
    await settled(600);
    expect(unanswered.size).to.equal(COMMANDS);
    expect(commands.waitingFor('gate')).to.equal(3);
    const [first] = unanswered;
    first?.();
    await settled(10);
    expect(results).to.deep.equal([undefined]);
    expect(commands.waitingFor('gate')).to.equal(2);
    for (const { withdraw } of asked) withdraw();
    await settled(10);
    expect(unanswered.size).to.equal(0);
    expect(commands.pending).to.equal(0);
  });
});
