/** Watches of shared values, with a coordinator that loses events, begins anew and breaks off. */
import { expect } from 'chai';
import { StateEndReason } from '../../../gen/ts/kelpie/v1/event.js';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { GapReason } from '../../../gen/ts/kelpie/v1/stream.js';
import { settled } from '../../support/journal/history.js';
import { Scripted } from '../../support/wire/scripted.js';
import { change, end, gap, part } from '../../support/wire/scripted-state.js';

const MAPS = 'state.maps.*';

describe('watches of shared values', () => {
  let scripted: Scripted;
  let seen: string[];

  beforeEach(async () => {
    scripted = await Scripted.welcomed();
    seen = [];
  });
  afterEach(async () => {
    await scripted.close();
    expect(scripted.client.pending, 'requests after the end').to.equal(0);
    expect(scripted.clock.pending, 'timers after the end').to.equal(0);
  });

  const watch = (key = '*', bucket = 'maps') =>
    scripted.client.state.watch(bucket, key, ({ key: name, sequence, ended }) => {
      seen.push(`${name} ${ended ?? sequence}`);
    });
  /** The changes that the handler got since the last call. */
  const taken = () => seen.splice(0);
  /** Watches a bucket with the values `a` and `b`. */
  const loaded = async () => {
    const watched = watch();
    await settled(10);
    await part(
      scripted.stream,
      [
        ['a', 3],
        ['b', 5],
      ],
      { begins: [9, MAPS] },
    );
    expect(taken()).to.deep.equal(['a 3', 'b 5']);
    return watched;
  };
  /** The patterns that the newest stream asked a Snapshot of. */
  const requested = () =>
    scripted.stream
      .values('updateSubscription')
      .filter(({ startAt }) => startAt === StartAt.SNAPSHOT)
      .flatMap(({ addedTopics }) => addedTopics)
      .filter((topic) => topic.startsWith('state.'));
  const reconnect = async () => {
    await scripted.stream.break(new Error('broken'));
    await scripted.pass(5000);
    await scripted.stream.welcome({ cursor: undefined });
  };

  it('report what is there, each change once, and each end with its reason', async () => {
    await loaded();
    await change(scripted.stream, ['a', 10]);
    await change(scripted.stream, ['c', 11]);
    await end(scripted.stream, 'a', 12, StateEndReason.EXPIRED);
    await end(scripted.stream, 'b', 13, StateEndReason.OWNER_LEFT);
    await end(scripted.stream, 'c', 14);
    await end(scripted.stream, 'never', 15);
    expect(taken()).to.deep.equal(['a 10', 'c 11', 'a EXPIRED', 'b OWNER_LEFT', 'c DELETED']);
  });

  it('report no event that is older than a row of the Snapshot', async () => {
    watch();
    await settled(10);
    await part(scripted.stream, [['a', 13]], { begins: [9, MAPS] });
    await change(scripted.stream, ['a', 10]);
    await end(scripted.stream, 'a', 11);
    await change(scripted.stream, ['a', 13]);
    await end(scripted.stream, 'a', 14);
    expect(taken()).to.deep.equal(['a 13', 'a DELETED']);
  });

  it('report only what is different after a Gap', async () => {
    await loaded();
    await gap(scripted.stream, GapReason.TRIMMED, 20);
    await part(scripted.stream, [['a', 3]], { begins: [20, MAPS], complete: false });
    expect(taken()).to.deep.equal([]);
    await part(scripted.stream, [['c', 12]], {});
    expect(taken()).to.deep.equal(['c 12', 'b UNKNOWN']);
  });

  it('take the values of a new epoch, whose sequences are lower', async () => {
    await loaded();
    await gap(scripted.stream, GapReason.EPOCH_CHANGED, 2);
    await part(scripted.stream, [['a', 1]], { begins: [2, MAPS] });
    expect(taken()).to.deep.equal(['a 1', 'b UNKNOWN']);
    await end(scripted.stream, 'a', 3);
    expect(taken()).to.deep.equal(['a DELETED']);
  });

  it('continue over a new stream, and ask again for a Snapshot that broke in the middle', async () => {
    watch();
    await settled(10);
    await part(scripted.stream, [['a', 3]], { begins: [9, MAPS], complete: false });
    await reconnect();
    expect(requested()).to.deep.equal([MAPS]);
    await part(
      scripted.stream,
      [
        ['a', 3],
        ['b', 5],
      ],
      { begins: [9, MAPS] },
    );
    await reconnect();
    expect(requested(), 'the events continue').to.deep.equal([]);
    await change(scripted.stream, ['b', 10]);
    expect(taken()).to.deep.equal(['a 3', 'b 5', 'b 10']);
  });

  it('take no end from a Snapshot that broke in the middle', async () => {
    await loaded();
    const second = watch();
    await settled(10);
    await part(scripted.stream, [['a', 3]], { begins: [9, MAPS], complete: false });
    second.close();
    await reconnect();
    watch('*', 'other');
    await settled(10);
    await part(scripted.stream, [], { begins: [9, 'state.other.*'] });
    expect(taken().filter((one) => one !== 'a 3')).to.deep.equal([]);
  });

  it('report nothing once they are closed, also what waits for a slow handler', async () => {
    let go = (): void => undefined;
    const slow = new Promise<void>((resolve) => (go = resolve));
    const watched = scripted.client.state.watch('maps', 'a', ({ sequence }) => {
      seen.push(String(sequence));
      return slow;
    });
    await settled(10);
    await part(scripted.stream, [['a', 3]], { begins: [9, 'state.maps.a'] });
    await watched.loaded;
    for (const sequence of [10, 11]) await change(scripted.stream, ['a', sequence]);
    watched.close();
    go();
    await settled(10);
    expect(taken()).to.deep.equal(['3']);
    const { removedTopics } = scripted.stream.values('updateSubscription').at(-1) ?? {};
    expect(removedTopics).to.deep.equal(['state.maps.a']);
  });

  it('resolve `loaded` at the end of the client', async () => {
    const { loaded: isLoaded } = watch();
    await scripted.close();
    await isLoaded;
  });
});
