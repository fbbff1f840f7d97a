/**
 * Faults of Redis and of the way to it, under load. Each append ends, with an outcome or with a typed error; an
 * acknowledged entry is stored once, a refused one never, an unknown one at most once, and the order of calls holds.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { NotStored } from '../../../server/journal/error.js';
import type { Entry } from '../../../server/journal/journal.js';
import { BLACKHOLE, FaultProxy } from '../../support/faults/fault-proxy.js';
import { note, shown, textsOf, write } from '../../support/journal/entries.js';
import { type Coordinator, RedisJournals } from '../../support/redis/redis-journals.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { inSoak } from '../../support/soak.js';
import { rejectionOf } from '../../support/thrown.js';
import { until } from '../../support/until.js';

/** Two coordinators that store all the time, until they are stopped. */
class Load {
  readonly #journals: RedisJournals;
  readonly #writers: readonly Coordinator[];
  readonly #results = new Map<string, 'stored' | 'refused' | 'unknown'>();
  readonly #sequences = new Map<string, number>();
  readonly #running: Promise<void>[];
  readonly #start: Coordinator['journal']['head'];
  #stopping = false;

  private constructor(journals: RedisJournals, writers: readonly Coordinator[]) {
    this.#journals = journals;
    this.#writers = writers;
    this.#start = writers[0]?.journal.oldest ?? expect.fail();
    // Several appends of each writer are under way at once.
    this.#running = writers.flatMap((one, writer) =>
      [0, 1, 2, 3].map((lane) => this.#publish(one, `${writer}/${lane}`)),
    );
  }

  static async begin(journals: RedisJournals): Promise<Load> {
    const writers = [await journals.open(), await journals.open()];
    const load = new Load(journals, writers);
    await load.more(50);
    return load;
  }

  get writers(): readonly Coordinator[] {
    return this.#writers;
  }

  /** Waits until so many further appends were acknowledged: the load goes through again. */
  async more(count: number): Promise<void> {
    const wanted = this.count('stored') + count;
    await until(() => this.count('stored') >= wanted);
  }

  /** Waits until so many further appends failed in this way. */
  async failed(kind: 'refused' | 'unknown'): Promise<void> {
    const wanted = this.count(kind) + 1;
    await until(() => this.count(kind) >= wanted);
  }

  count(kind: 'stored' | 'refused' | 'unknown'): number {
    return [...this.#results.values()].filter((one) => one === kind).length;
  }

  async #publish({ journal }: Coordinator, lane: string): Promise<void> {
    for (let index = 0; !this.#stopping; index++) {
      const text = `${lane} ${`${index}`.padStart(6, '0')}`;
      try {
        const [outcome] = await journal.append([
          { entries: [note(text), write(`lanes/${lane}`, text)] },
        ]);
        if (outcome?.kind !== 'stored') throw new Error('a refusal without a condition');
        this.#results.set(text, 'stored');
        this.#sequences.set(text, outcome.first);
      } catch (error) {
        this.#results.set(text, error instanceof NotStored ? 'refused' : 'unknown');
        // A publisher that is refused waits before it tries again.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Ends the load, and checks all that was acknowledged against the log. */
  async check(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#running);
    const reader = await this.#journals.open();
    const entries: Entry[] = [];
    for (let at = this.#start; at.sequence < reader.journal.head.sequence;) {
      const page = await reader.journal.read(at, 1000);
      if (page.kind === 'gap') throw new Error(page.reason);
      entries.push(...page.entries);
      at = page.upTo;
    }
    expect(entries.map(({ sequence }) => sequence)).to.deep.equal(
      entries.map((_, index) => this.#start.sequence + 1 + index),
    );
    const places = new Map<string, number>();
    for (const [index, { event, key, sequence }] of entries.entries()) {
      const text = Buffer.from(event).toString();
      if (key !== undefined) continue;
      expect(places.has(text), `${text} twice`).to.equal(false);
      places.set(text, sequence);
      // Nothing partial: the row's entry comes directly after it.
      expect(entries[index + 1]?.key).to.equal(`lanes/${text.split(' ', 1)[0] ?? ''}`);
    }
    for (const [text, result] of this.#results) {
      if (result === 'stored') expect(places.get(text), text).to.equal(this.#sequences.get(text));
      if (result === 'refused') expect(places.has(text), text).to.equal(false);
    }
    for (const lane of new Set([...places.keys()].map((text) => text.split(' ', 1)[0]))) {
      const own = [...places.keys()].filter((text) => text.startsWith(`${lane} `));
      expect(own).to.deep.equal(own.toSorted());
    }
    for (const one of this.#writers) {
      await until(() => one.journal.head.sequence >= reader.journal.head.sequence);
      expect(one.received.map(shown)).to.deep.equal(entries.map(shown));
      expect(one.ends).to.be.empty;
    }
  }
}

describe('the journal in Redis under faults', () => {
  let server: RedisServer;
  let journals: RedisJournals;
  let networks = 0;

  before(async () => {
    server = await RedisServer.start();
  });
  after(() => server.stop());
  beforeEach(() => {
    journals = new RedisJournals(server.url, `f${++networks}`);
  });
  afterEach(() => journals.close());

  it('loads its script again after SCRIPT FLUSH, and keeps the order', async () => {
    const load = await Load.begin(journals);
    for (let time = 0; time < 10; time++) {
      await server.command('SCRIPT', 'FLUSH');
      await load.more(20);
    }
    expect([load.count('refused'), load.count('unknown')]).to.deep.equal([0, 0]);
    await load.check();
  });

  for (const type of ['normal', 'pubsub']) {
    it(`survives CLIENT KILL TYPE ${type}: no publisher sees it`, async () => {
      const load = await Load.begin(journals);
      for (let time = 0; time < 10; time++) {
        await server.command('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        await load.more(20);
      }
      expect([load.count('refused'), load.count('unknown')]).to.deep.equal([0, 0]);
      await load.check();
    });
  }

  it('waits through a short CLIENT PAUSE, and reports unknown outcomes of a long one', async () => {
    const load = await Load.begin(journals);
    await server.command('CLIENT', 'PAUSE', '300');
    await load.more(20);
    expect([load.count('refused'), load.count('unknown')]).to.deep.equal([0, 0]);
    await server.command('CLIENT', 'PAUSE', '3000');
    await load.failed('unknown');
    await load.more(20);
    await load.check();
  });

  it('reports unknown outcomes, then refusals, of a Redis that stands still, and goes on with it', async () => {
    const load = await Load.begin(journals);
    server.pause();
    await load.failed('unknown');
    await load.failed('refused');
    server.resume();
    await load.more(20);
    await load.check();
  });

  it('stores once, although answers were lost', async () => {
    const proxy = await FaultProxy.before(server.port);
    journals = new RedisJournals(`redis://127.0.0.1:${proxy.port}`, `f${++networks}`);
    const load = await Load.begin(journals);
    for (let time = 0; time < 10; time++) {
      // Redis gets the calls and carries them out; the connection ends before the answers come.
      proxy.set({ toClient: { drop: true } });
      await new Promise((resolve) => setTimeout(resolve, 20));
      proxy.cut();
      proxy.set({});
      await load.more(20);
    }
    expect([load.count('refused'), load.count('unknown')]).to.deep.equal([0, 0]);
    await load.check();
    await journals.close();
    await proxy.close();
  });

  it('finds a connection that takes everything and answers nothing', async () => {
    const proxy = await FaultProxy.before(server.port);
    journals = new RedisJournals(`redis://127.0.0.1:${proxy.port}`, `f${++networks}`);
    const load = await Load.begin(journals);
    proxy.set(BLACKHOLE);
    await load.failed('unknown');
    proxy.set({});
    proxy.cut();
    await load.more(20);
    await load.check();
    await journals.close();
    await proxy.close();
  });

  const noMemory = {
    plant: () => server.command('CONFIG', 'SET', 'maxmemory', '1mb'),
    end: () => server.command('CONFIG', 'SET', 'maxmemory', '0'),
  };
  /** Plants a refusal of Redis, and ends it. */
  const refusals: Record<string, { plant: () => Promise<unknown>; end: () => Promise<unknown> }> = {
    OOM: noMemory,
    NOREPLICAS: {
      plant: () => server.command('CONFIG', 'SET', 'min-replicas-to-write', '1'),
      end: () => server.command('CONFIG', 'SET', 'min-replicas-to-write', '0'),
    },
    MISCONF: {
      plant: async () => {
        // The file cannot be replaced, because a folder has its name.
        await mkdir(join(server.folder, 'dump.rdb'), { recursive: true });
        await server.command('CONFIG', 'SET', 'save', '3600 1000000');
        await server.command('BGSAVE');
        await server.until(async () =>
          (await server.info('persistence')).includes('bgsave_status:err'),
        );
      },
      end: () => server.command('CONFIG', 'SET', 'save', ''),
    },
    BUSY: {
      plant: async () => {
        await server.command('CONFIG', 'SET', 'busy-reply-threshold', '1');
        void server.command('EVAL', 'while true do end', '0').catch(() => undefined);
        await server.until(async () => {
          const answer = await server.command('PING').catch((error: unknown) => String(error));
          return answer.includes('BUSY');
        });
      },
      end: () => server.command('SCRIPT', 'KILL'),
    },
  };

  for (const [code, { plant, end }] of Object.entries(refusals)) {
    it(`refuses while Redis refuses with ${code}, and stores nothing of that`, async () => {
      const load = await Load.begin(journals);
      await plant();
      try {
        await load.failed('refused');
      } finally {
        await end();
      }
      await load.more(20);
      await load.check();
    });
  }

  it('keeps its promises under any sequence of short faults', async () => {
    const proxy = await FaultProxy.before(server.port);
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const faults: Record<string, () => Promise<unknown>> = {
      flush: () => server.command('SCRIPT', 'FLUSH'),
      kill: () => server.command('CLIENT', 'KILL', 'TYPE', 'normal'),
      deafen: () => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      pause: () => server.command('CLIENT', 'PAUSE', '50'),
      cut: async () => proxy.cut(),
      stop: async () => {
        server.pause();
        await pause(50);
        server.resume();
      },
      loseAnswers: async () => {
        proxy.set({ toClient: { drop: true } });
        await pause(10);
        proxy.cut();
        proxy.set({});
      },
      loseCalls: async () => {
        proxy.set({ toServer: { drop: true } });
        await pause(10);
        proxy.cut();
        proxy.set({});
      },
      wait: () => pause(30),
    };
    const sequence = fc.array(fc.constantFrom(...Object.keys(faults)), {
      minLength: 4,
      maxLength: 12,
    });
    const property = fc.asyncProperty(sequence, async (names) => {
      journals = new RedisJournals(`redis://127.0.0.1:${proxy.port}`, `f${++networks}`);
      try {
        const load = await Load.begin(journals);
        for (const name of names) await faults[name]?.();
        await load.more(20);
        await load.check();
      } finally {
        await journals.close();
      }
    });
    await fc.assert(property, { numRuns: inSoak(200, 5), endOnFailure: true });
    await proxy.close();
  });

  it('can be read while Redis has no memory for more', async () => {
    const one = await journals.open();
    await one.journal.append([{ entries: [note('a')] }]);
    await noMemory.plant();
    try {
      const refused = await rejectionOf(NotStored, one.journal.append([{ entries: [note('b')] }]));
      expect(refused.message).to.include('OOM');
      const page = await one.journal.read(one.journal.oldest, 10);
      expect(page.kind === 'page' && textsOf(page)).to.deep.equal(['a']);
      expect(await one.journal.newest()).to.deep.equal(one.journal.head);
    } finally {
      await noMemory.end();
    }
  });

  it('finds entries whose messages were lost', async () => {
    const [one, two] = [await journals.open(), await journals.open()];
    const key = `kelpie:{f${networks}}:bell`;
    await until(() => one.journal.head.sequence > 0);
    // A message that never comes, and one that is none.
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await two.journal.append([{ entries: [note('a')] }]);
    await until(() => textsOf({ entries: one.received }).join() === 'a');
    await server.command('PUBLISH', key, 'no message of ours');
    await two.journal.append([{ entries: [note('b')] }]);
    await until(() => textsOf({ entries: one.received }).join() === 'a,b');
  });
});

describe('a Redis that still loads its data', () => {
  it('is no Redis yet: appends are refused until it has them', async () => {
    const server = await RedisServer.start({ persistent: true });
    const journals = new RedisJournals(server.url);
    const one = await journals.open();
    await one.journal.append([
      { entries: Array.from({ length: 500 }, (_, at) => write(`rows/${at}`, 'x')) },
    ]);
    const filling = ['EVAL', "for i = 1, 30000 do redis.call('SET', i, 'x') end", '0'];
    await server.command(...filling);
    const slow = ['--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024'];
    await server.restart(slow);
    const error = await rejectionOf(Error, one.journal.append([{ entries: [note('b')] }]));
    expect(error).to.be.instanceOf(NotStored);
    expect(error.message).to.include('LOADING');
    await server.command('CONFIG', 'SET', 'key-load-delay', '0');
    await until(() => one.ends.length === 1);
    await journals.close();
    await server.stop();
  });
});
