/** An error that a listener throws is reported, and affects nothing else. */
import { expect } from 'chai';
import { defaultLimits } from '../../../server/network/limits.js';
import { Network } from '../../../server/network/network.js';
import type { SessionObserver } from '../../../server/session/observer.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { note } from '../../support/journal/entries.js';
import { hello, join, openCoordinator, openJournal } from '../../support/model/coordinator.js';

function broken(): never {
  throw new Error('a full disk, under the log');
}

describe('a listener that throws', () => {
  it('for entries or commits affects neither the writes nor other listeners', async () => {
    const clock = new FakeClock();
    const faults: unknown[] = [];
    const onFault = (error: unknown): number => faults.push(error);
    const journal = openJournal(clock);
    const limits = defaultLimits;
    const network = new Network({ journal, clock, limits, onFault, onCommit: broken });
    const counts: number[] = [];
    network.onEntries(broken);
    network.onEntries((entries) => counts.push(entries.length));
    for (const text of ['a', 'b']) {
      const outcome = await network.commit({ entries: [note(text)] });
      expect(outcome.kind).to.equal('stored');
    }
    expect(counts).to.deep.equal([1, 1]);
    expect(faults).to.have.length(4);
    expect(network.head).to.deep.equal(journal.head);
  });

  it('for sessions ends no session', async () => {
    const names = ['opened', 'refused', 'ended', 'requestFailed', 'presenceDiffers', 'draining'];
    const observer = Object.fromEntries(names.map((name) => [name, broken]));
    const observers = [observer as unknown as SessionObserver];
    const town = await openCoordinator({ observers });
    const { stream } = await join(town, hello('lobby'));
    stream.send(undefined);
    expect((await stream.next('requestFailed')).error?.message).to.include('empty');
    await stream.cut();
    expect(town.faults).to.have.length(3);
  });
});
