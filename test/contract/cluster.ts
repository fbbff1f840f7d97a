/** The contract of the ports of a cluster: the list of coordinators, and the messages between them. */
import { expect } from 'chai';
import type { Bus } from '../../server/cluster/bus.js';
import type { CoordinatorFacts, Membership } from '../../server/cluster/membership.js';
import { until } from '../support/until.js';

/** One engine, as several coordinators see it. */
export interface ClusterEngine {
  membership(): Promise<Membership>;
  bus(id: string): Promise<Bus>;
  /** Lets time pass for the engine. */
  pass(ms: number): Promise<void>;
}

/** Adds the tests for one engine. `make` makes a new one for each test. */
export function clusterContract(make: () => Promise<ClusterEngine>): void {
  let engine: ClusterEngine;
  let opened: { close(): Promise<void> }[];

  beforeEach(async () => {
    opened = [];
    engine = await make();
  });
  afterEach(async () => {
    for (const one of opened) await one.close();
  });

  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };

  describe('membership', () => {
    const open = async (): Promise<Membership> => keep(await engine.membership());

    it('has nobody at first', async () => {
      expect(await (await open()).alive()).to.deep.equal([]);
    });

    it('shows each coordinator to all, with what it says about itself', async () => {
      const [one, two] = [await open(), await open()];
      await one.beat(factsOf('a', { sessions: 3, lagEntries: 7, draining: true }), 10_000);
      await two.beat(factsOf('b', { version: '1.2.3', endpoint: '[::1]:50051' }), 10_000);
      for (const membership of [one, two]) {
        const found = [...(await membership.alive())].sort((x, y) => (x.id < y.id ? -1 : 1));
        expect(found).to.deep.equal([
          factsOf('a', { sessions: 3, lagEntries: 7, draining: true }),
          factsOf('b', { version: '1.2.3', endpoint: '[::1]:50051' }),
        ]);
      }
    });

    it('shows what a coordinator said last', async () => {
      const one = await open();
      await one.beat(factsOf('a', { sessions: 1 }), 10_000);
      await one.beat(factsOf('a', { sessions: 2 }), 10_000);
      expect(await one.alive()).to.deep.equal([factsOf('a', { sessions: 2 })]);
    });

    it('drops a coordinator whose beat has run out, and shows it again when it beats again', async () => {
      const one = await open();
      await one.beat(factsOf('a'), 300);
      await one.beat(factsOf('b'), 60_000);
      expect(await idsOf(one)).to.deep.equal(['a', 'b']);
      await engine.pass(400);
      expect(await idsOf(one)).to.deep.equal(['b']);
      await one.beat(factsOf('a'), 60_000);
      expect(await idsOf(one)).to.deep.equal(['a', 'b']);
    });

    it('keeps a coordinator that beats in time', async () => {
      const one = await open();
      for (let round = 0; round < 4; round++) {
        await one.beat(factsOf('a'), 600);
        await engine.pass(300);
      }
      expect(await idsOf(one)).to.deep.equal(['a']);
    });

    it('takes a coordinator that leaves off the list', async () => {
      const one = await open();
      await one.beat(factsOf('a'), 60_000);
      await one.beat(factsOf('b'), 60_000);
      await one.leave('a');
      await one.leave('nobody');
      expect(await idsOf(one)).to.deep.equal(['b']);
    });
  });

  describe('bus', () => {
    interface Reached {
      readonly bus: Bus;
      readonly heard: string[];
    }
    const open = async (id: string): Promise<Reached> => {
      const bus = keep(await engine.bus(id));
      const heard: string[] = [];
      bus.onMessage(({ from, bytes }) => heard.push(`${from}: ${Buffer.from(bytes).toString()}`));
      return { bus, heard };
    };
    const text = (words: string): Uint8Array => Buffer.from(words);

    it('brings a message to the one coordinator that it is for', async () => {
      const [a, b, c] = [await open('a'), await open('b'), await open('c')];
      await a.bus.send('b', text('hello'));
      await c.bus.send('b', text('hello too'));
      await a.bus.send('c', text('last'));
      await until(() => b.heard.length === 2 && c.heard.length === 1);
      expect(b.heard).to.have.members(['a: hello', 'c: hello too']);
      expect(c.heard).to.deep.equal(['a: last']);
      expect(a.heard).to.deep.equal([]);
    });

    it('brings a message for all to all others', async () => {
      const [a, b, c] = [await open('a'), await open('b'), await open('c')];
      await a.bus.broadcast(text('all'));
      await b.bus.send('a', text('end'));
      await until(() => a.heard.length === 1 && b.heard.length === 1 && c.heard.length === 1);
      expect([a.heard, b.heard, c.heard]).to.deep.equal([['b: end'], ['a: all'], ['a: all']]);
    });

    it('brings the messages of one coordinator to another in order', async () => {
      const [a, b] = [await open('a'), await open('b')];
      const sent: Promise<void>[] = [];
      const expected = Array.from({ length: 1000 }, (_, index) => {
        sent.push(
          index % 3 === 0
            ? a.bus.broadcast(text(String(index)))
            : a.bus.send('b', text(String(index))),
        );
        return `a: ${index}`;
      });
      await Promise.all(sent);
      await until(() => b.heard.length === expected.length);
      expect(b.heard).to.deep.equal(expected);
    });

    it('brings any bytes, none too, whatever the sender does with them afterwards', async () => {
      const [a, b] = [keep(await engine.bus('a')), keep(await engine.bus('b'))];
      const heard: Uint8Array[] = [];
      b.onMessage(({ bytes }) => heard.push(bytes));
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 256);
      const sent = [a.send('b', bytes), a.broadcast(new Uint8Array())];
      const expected = bytes.slice();
      await Promise.all(sent);
      bytes.fill(0);
      await until(() => heard.length === 2);
      expect(Buffer.compare(heard[0] ?? new Uint8Array(), expected)).to.equal(0);
      expect(heard[1]).to.have.length(0);
    });

    it('loses a message for nobody', async () => {
      const { bus } = await open('a');
      await bus.send('nobody', text('?'));
      await bus.broadcast(text('?'));
    });

    it('calls no listener that was removed, and none of a bus that is closed', async () => {
      const [a, b, c] = [await open('a'), await open('b'), await open('c')];
      const heard: string[] = [];
      b.bus.onMessage(() => heard.push('removed'))();
      await c.bus.close();
      await a.bus.broadcast(text('all'));
      await until(() => b.heard.length === 1);
      expect(heard).to.deep.equal([]);
      expect(c.heard).to.deep.equal([]);
    });
  });
}

function factsOf(id: string, facts: Partial<CoordinatorFacts> = {}): CoordinatorFacts {
  const base = { version: '0.0.0', endpoint: '', sessions: 0, lagEntries: 0, draining: false };
  return { id, ...base, ...facts };
}

async function idsOf(membership: Membership): Promise<string[]> {
  return (await membership.alive()).map(({ id }) => id).sort();
}
