/**
 * Planted faults: the simulation finds each of them within a bounded number of schedules. A fault wraps the journal, the
 * list or the engine of the coordinators, or replaces one method; shipped code has no switch for it.
 */
import { expect } from 'chai';
import { Exchange } from '../../server/cluster/exchange.js';
import { Feed } from '../../server/delivery/feed.js';
import type { Journal, Outcome, Transaction } from '../../server/journal/journal.js';
import { figure } from '../support/soak.js';
import type { Planting } from './place.js';
import { faultsOf, simulate } from './simulate.js';
import { rejectionOf } from '../support/thrown.js';
import type { FaultName, Plan } from './world.js';

const PLAN = { coordinators: 2, nodes: 3, proxies: 1, players: 2, acts: 80 };
/** More than any of the faults needs. */
const SCHEDULES = 150;

interface Planted {
  /** The faults under which it shows. */
  readonly under: readonly FaultName[];
  readonly planting?: Planting;
  /** Replaces a method. Returns how to end that. */
  readonly replace?: () => () => void;
  /** The promise that the fault breaks. */
  readonly breaks: RegExp;
}

/** A journal with some of its methods replaced. */
function instead(journal: Journal, methods: Partial<Journal>): Journal {
  return new Proxy(journal, {
    get: (target, name) => {
      const from = name in methods ? methods : target;
      const found: unknown = Reflect.get(from, name, from);
      return typeof found === 'function' ? (found.bind(from) as unknown) : found;
    },
  });
}

/** A journal that appends in another way. */
function appending(
  append: (real: Journal['append'], transactions: readonly Transaction[]) => Promise<Outcome[]>,
): Planting {
  const planted = (view: Journal): Journal =>
    instead(view, {
      append: (transactions) => append((some) => view.append(some), transactions),
    });
  return { journal: planted };
}

const isNoValue = ({ key }: { readonly key: string }): boolean => !key.startsWith('state/');
const isPublish = ([one]: readonly Transaction[]): boolean => one?.producer !== undefined;

const planted: Record<string, Planted> = {
  'publishes of an older generation are stored': {
    under: ['cutStream', 'stallLink'],
    breaks: /was never sent by the generation|publishes without an answer/,
    planting: appending((real, all) =>
      real(all.map((one) => (one.producer ? { ...one, require: [] } : one))),
    ),
  },
  'a publish is acknowledged before it is stored': {
    under: ['loseAnswers', 'cutLink', 'cutStream'],
    breaks: /was acknowledged and is gone/,
    planting: appending(async (real, all) => {
      if (!isPublish(all)) return real(all);
      real(all).catch(() => undefined);
      return all.map(() => ({ kind: 'stored', first: 1 }));
    }),
  },
  'a write whose answer is lost is made again': {
    under: ['loseAnswers', 'cutStream'],
    breaks: /is at \d+ and at \d+/,
    planting: appending(async (real, all) =>
      real(all).catch(async (error: unknown) => {
        if (!isPublish(all) || String(error).includes('epoch')) throw error;
        return real(all.map(({ entries }) => ({ entries })));
      }),
    ),
  },
  'a shared value is written whatever its sequence is': {
    under: ['stallLink'],
    breaks: /the shared number is \d+, after/,
    planting: appending((real, all) =>
      real(
        all.map((one) =>
          one.producer ? one : { ...one, require: one.require?.filter(isNoValue) ?? [] },
        ),
      ),
    ),
  },
  'entries that came while topics changed are lost': {
    under: ['stallStream'],
    breaks: /never got/,
    replace: () => {
      const real = (name: string): unknown =>
        Object.getOwnPropertyDescriptor(Feed.prototype, name)?.value;
      const update = real('update') as Feed['update'];
      const notify = real('notify') as Feed['notify'];
      const changed = new WeakSet<Feed>();
      Object.assign(Feed.prototype, {
        update(this: Feed, ...args: Parameters<Feed['update']>) {
          changed.add(this);
          return update.apply(this, args);
        },
        notify(this: Feed, sequence: number) {
          if (!changed.delete(this)) notify.call(this, sequence);
        },
      });
      return () => Object.assign(Feed.prototype, { update, notify });
    },
  },
  'entries that came while a message was lost are skipped': {
    under: ['cutLink', 'cutStream'],
    breaks: /never got|never in the table|the table of|the players are/,
    planting: {
      journal: (view) =>
        instead(view, {
          onAppend: (listener) =>
            view.onAppend((entries) => {
              const tag = entries.at(-1)?.tag;
              listener(entries.filter((one) => one.tag === tag));
            }),
        }),
    },
  },
  'a cursor of a former epoch is taken as a place in this one': {
    under: ['failOver', 'cutStream'],
    breaks: /without a Gap|never got/,
    planting: {
      journal: (view) =>
        instead(view, {
          read: async (after, limit, bytes) => {
            const found = await view.read(after, limit, bytes);
            return found.kind === 'gap' ? view.read(found.resumesAt, limit, bytes) : found;
          },
        }),
    },
  },
  'nobody notices that an epoch has ended': {
    under: ['failOver', 'cutStream'],
    breaks: /the table of|the players are|has not caught up|has no session/,
    planting: { engine: ({ store }) => Object.assign(store, { check: () => undefined }) },
  },
  'coordinators are dead if the list of them cannot be had': {
    under: ['steal', 'loseAnswers', 'cutLink'],
    breaks: /was there, and left as/,
    planting: {
      membership: (list, id) => {
        const self = { id, version: '', endpoint: '', sessions: 0, lagEntries: 0, draining: false };
        return { ...list, alive: () => list.alive().catch(() => [self]) };
      },
    },
  },
  'a node is dead if the answer to a probe is lost': {
    under: ['steal', 'loseAnswers'],
    breaks: /was there, and left as REPLACED/,
    replace: () => {
      const real = Object.getOwnPropertyDescriptor(Exchange.prototype, 'answerOf');
      const answerOf = real?.value as (...args: unknown[]) => Promise<unknown>;
      Object.assign(Exchange.prototype, {
        async answerOf(this: Exchange, ...args: unknown[]) {
          return (await answerOf.apply(this, args)) ?? { alive: false };
        },
      });
      return () => Object.defineProperty(Exchange.prototype, 'answerOf', real ?? {});
    },
  },
};

describe('a simulation', () => {
  for (const [name, { under, planting, replace, breaks }] of Object.entries(planted)) {
    it(`finds that ${name}`, async () => {
      const end = replace?.();
      try {
        for (let seed = 1; seed <= SCHEDULES; seed++) {
          const plan = { ...PLAN, only: under, ...(planting && { planting }) };
          const faults = await faultsOf(seed, plan);
          const found = faults.find((fault) => breaks.test(fault));
          if (found === undefined) continue;
          figure(`seed ${seed}: ${found}`);
          return;
        }
        expect.fail(`${SCHEDULES} schedules do not find it`);
      } finally {
        end?.();
      }
    }).timeout(60_000);
  }

  it('prints the seed of a broken promise, which breaks it again', async () => {
    const planting = planted['a publish is acknowledged before it is stored']?.planting ?? {};
    const plan: Plan = { ...PLAN, only: ['cutLink', 'cutStream', 'loseAnswers'], planting };
    const [seed, message] = await firstBroken(plan);
    expect(message).to.match(new RegExp(`^SEED=${seed} npx mocha .* repeats this:\n.+`));
    expect((await rejectionOf(Error, simulate(seed, plan))).message).to.equal(message);
  }).timeout(60_000);
});

/** The first seed with a broken promise, and the message about it. */
async function firstBroken(plan: Plan): Promise<[number, string]> {
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const broken = await simulate(seed, plan).then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
    if (broken !== undefined) return [seed, broken];
  }
  return expect.fail('no schedule breaks a promise');
}
