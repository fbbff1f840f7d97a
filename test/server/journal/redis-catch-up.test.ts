/** Missing entries come from the stream only if no other way brings them at once. */
import { expect } from 'chai';
import { CatchUp } from '../../../server/journal/redis/catch-up.js';
import { Follower } from '../../../server/journal/redis/follower.js';
import type { Run } from '../../../server/journal/redis/run.js';
import type { RedisStore } from '../../../server/journal/redis/store.js';
import { FakeClock } from '../../support/clock/fake-clock.js';

const TAG = 7;

describe('a follower of the journal in Redis', () => {
  let reads: number;
  let follower: Follower;
  let catchUp: CatchUp;

  beforeEach(() => {
    reads = 0;
    const epoch = new Uint8Array(16);
    const head = { sequence: 10, tag: TAG };
    const effects = { floor: head, entries: 0, bytes: 0, own: new Map() };
    follower = new Follower(
      { epoch, head, effects, groups: new Map() },
      {
        onEntries: () => undefined,
        onAdvance: () => undefined,
        onHole: (upTo) => catchUp.soon(upTo),
        onBroken: () => expect.fail('the chain is whole'),
      },
    );
    const read = (): ReturnType<RedisStore['read']> => {
      reads += 1;
      return Promise.resolve({ newest: follower.head, runs: [] });
    };
    catchUp = new CatchUp({
      store: { read } as unknown as RedisStore,
      ...{ epoch, follower, clock: new FakeClock(), checkMs: 1000 },
      onEnd: (reason) => expect.fail(reason),
      onFound: () => undefined,
    });
  });
  afterEach(() => catchUp.stop());

  const run = (sequence: number, isWhole = true): Run => ({
    ...{ first: sequence, last: sequence, tag: TAG, previousTag: TAG, topic: '' },
    entries: isWhole ? () => [] : undefined,
    uses: () => [],
    effects: undefined,
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const turns = async (): Promise<void> => {
    for (let count = 0; count < 5; count++) await turn();
  };

  it('does not read the stream for an entry that comes in the next turn', async () => {
    follower.offer(run(12));
    await turn();
    follower.offer(run(11));
    await turns();
    expect(follower.head.sequence).to.equal(12);
    expect(reads).to.equal(0);
  });

  it('reads it if the entry does not come, or if a message had no room for it', async () => {
    follower.offer(run(12));
    await turns();
    expect(reads).to.equal(1);
    follower.offer(run(11));
    follower.offer(run(13, false));
    await turns();
    expect(reads).to.equal(2);
  });
});
