/** A fault of a listener is reported, and is nobody else's. */
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
  it('of stored entries or of commits leaves each write as it is, and its neighbours too', async () => {
    const clock = new FakeClock();
    const faults: unknown[] = [];
    const onFault = (error: unknown): number => faults.push(error);
    const journal = openJournal(clock);
    const limits = defaultLimits;
    const network = new Network({ journal, clock, limits, onFault, onCommit: broken });
    const heard: number[] = [];
    network.onEntries(broken);
    network.onEntries((entries) => heard.push(entries.length));
    for (const text of ['a', 'b']) {
      const outcome = await network.commit({ entries: [note(text)] });
      expect(outcome.kind).to.equal('stored');
    }
    expect(heard).to.deep.equal([1, 1]);
    expect(faults).to.have.length(4);
    expect(network.head).to.deep.equal(journal.head);
  });

  it('of sessions ends none', async () => {
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
