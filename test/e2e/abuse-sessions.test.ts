/**
 * Peers that follow the protocol and still do harm: they never read, send requests without end, or use one name twice.
 * They may slow down only themselves; memory stays bounded, and a neighbour is served.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Besieged } from '../support/process/besieged.js';
import { NodeProcess } from '../support/process/node-process.js';
import {
  Flag,
  FrameType,
  grpcMessage,
  RawPeer,
  Setting,
  WIDEST,
} from '../support/wire/raw-peer.js';
import { requestBytes } from '../support/wire/contract.js';
import { type Hello, helloOf, type NodeFrame, say, sequenceOf } from '../support/wire/frames.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** How long the neighbour may wait for its event, on a machine that is busy with the abuse itself. */
const SLOWEST_MS = 2000;
/** How long the holder of a name has to prove that it lives. */
const PROBE_MS = 3000;

describe('abuse by sessions', () => {
  let siege: Besieged;

  before(async () => {
    siege = await Besieged.start();
  });

  after(async () => {
    await siege.nobodyLeft();
    await siege.stop();
  });

  afterEach('and the neighbour has noticed nothing', async () => {
    await siege.wire.leave();
    expect((await siege.unharmed()).slowestMs).to.be.below(SLOWEST_MS);
  });

  describe('that read nothing:', () => {
    const everything = { topics: ['flood'], window: { events: 2 ** 32 - 1, bytes: 2 ** 32 - 1 } };
    /** The widest window: only the socket can stop the coordinator from sending. */
    const wide = { settings: [[Setting.initialWindow, WIDEST]] } as const;

    /** A session of a plain socket that has got its Welcome. */
    const join = async (peer: RawPeer, name: string, hello: Hello = everything) => {
      peer
        .preface()
        .grant(0, WIDEST - 65_535)
        .open(1);
      peer.message(1, requestBytes({ hello: helloOf(name, hello) }));
      await peer.until(() => peer.dataBytes > 0, 'the Welcome');
      return peer;
    };
    const flood = async () => {
      const data = Buffer.alloc(250 * KIB);
      const events = [data, data].map((bytes) => ({
        topic: 'flood',
        payload: { content: { data: bytes } },
      }));
      for (let sent = 0; sent < 100 * MIB; sent += 500 * KIB) {
        await siege.wire.call('EventService.PublishEvents', { events });
      }
    };

    /** Repeats a request until the coordinator stops reading, at most 64 MiB. Returns the bytes that it sent. */
    const askUntilUnheard = async (peer: RawPeer, bytes: Buffer) => {
      const size = bytes.length + 5;
      let sent = 0;
      for (let stalled = 0; stalled < 50 && sent < 64 * MIB;) {
        if (Math.min(peer.streamWindow, peer.connectionWindow) >= size) {
          peer.message(1, bytes);
          peer.streamWindow -= size;
          peer.connectionWindow -= size;
          sent += size;
          stalled = 0;
        } else {
          // If the coordinator granted more window, the grant would come before the answer to a PING.
          await peer.ping();
          await pause(5);
          stalled += 1;
        }
      }
      return sent;
    };

    it('100 MiB for peers that never read, or read a byte a second, do not stay in memory', async () => {
      // Fills the tail, which all readers share, before the measurement.
      await flood();
      const before = siege.memory();
      const deaf = await join(new RawPeer(siege.port, wide), 'deaf');
      deaf.socket.pause();
      const sipping = await join(new RawPeer(siege.port, { ...wide, sips: true }), 'sipping');
      sipping.sipEvery(1000);
      const shut = new RawPeer(siege.port, { settings: [[Setting.initialWindow, KIB]] });
      await join(shut, 'shut');
      await flood();
      const more = siege.memory() - before;
      console.log(`      three peers that take nothing of 100 MiB: ${more.toFixed(1)} MiB more`);
      expect(more).to.be.below(64);
      expect(await siege.sessions()).to.equal(4);
      await Promise.all([deaf, sipping, shut].map((peer) => peer.destroy()));
    });

    it('the coordinator stops reading one that sends requests and reads no answers', async () => {
      const before = siege.memory();
      const settings = [[Setting.initialWindow, KIB]] as const;
      const peer = await join(new RawPeer(siege.port, { polite: true, settings }), 'asking');
      const frames: NodeFrame[] = Array.from({ length: 500 }, (_, index) => ({
        request_id: index + 1,
        ...(index % 2 === 0 ? { heartbeat: {} } : { ack: { sequence: index } }),
      }));
      const bytes = requestBytes(...frames);
      const sent = await askUntilUnheard(peer, bytes);
      const more = siege.memory() - before;
      console.log(`      asked ${(sent / KIB).toFixed()} KiB, ${more.toFixed(1)} MiB more`);
      expect(sent).to.be.below(4 * MIB);
      expect(more).to.be.below(64);
      await peer.destroy();
    });

    it('the coordinator stops reading one that asks for snapshots and reads few of them', async () => {
      const before = siege.memory();
      const settings = [[Setting.initialWindow, KIB]] as const;
      const peer = await join(new RawPeer(siege.port, { polite: true, settings }), 'curious');
      const added_topics = Array.from({ length: 100 }, (_, index) => `nodes.${index}`);
      const ask = { update_subscription: { added_topics, start_at: 'START_AT_SNAPSHOT' } };
      const bytes = requestBytes(ask, ask);
      for (let round = 0; round < 5; round++) {
        await askUntilUnheard(peer, bytes);
        peer.grant(1, 256 * KIB);
      }
      expect(siege.memory() - before).to.be.below(64);
      await peer.destroy();
    });

    it('the coordinator cuts off one that sends more than its window', async () => {
      const peer = await join(new RawPeer(siege.port, { polite: true }), 'greedy');
      const beat = grpcMessage(requestBytes({ heartbeat: {} }));
      const beats = Buffer.concat(Array<Buffer>(1000).fill(beat));
      for (let sent = 0; sent < 16 * MIB && !peer.closed; sent += beats.length) {
        peer.send(FrameType.data, Flag.none, 1, beats);
        await pause(0);
      }
      await peer.until(() => peer.resetStreams.has(1), 'the reset');
      await peer.destroy();
    });
  });

  describe('that send requests without end:', () => {
    const changes = Array.from({ length: 10_000 }, (_, index) => ({
      request_id: index + 1,
      update_own_node: { change: { labels: { change: String(index) } } },
    }));

    for (const messages of [1, 10_000]) {
      it(`10,000 changes of a node in ${messages} message(s) are all answered`, async () => {
        const { stream } = await siege.wire.join('fickle');
        const each = changes.length / messages;
        for (let at = 0; at < changes.length; at += each) {
          stream.send(...changes.slice(at, at + each));
        }
        await stream.answer(changes.length);
        expect(stream.kinds.filter((kind) => kind === 'request_ok')).to.have.length(10_000);
        const { node } = await siege.wire.call('NodeService.GetNode', { name: 'fickle' });
        expect(node.labels).to.deep.equal({ change: '9999' });
      });
    }

    const toggles = (count: number, start: string): NodeFrame[] =>
      Array.from({ length: count }, (_, index) => [
        { update_subscription: { added_topics: ['nodes.*', 'toggled'], start_at: start } },
        { request_id: index + 1, update_subscription: { removed_topics: ['nodes.*', 'toggled'] } },
      ]).flat();

    it('10,000 subscriptions, each ended at once, leave nothing subscribed', async () => {
      const { stream } = await siege.wire.join('toggling', { topics: ['marker'] });
      stream.send(...toggles(10_000, 'START_AT_LATEST'));
      await stream.answer(10_000);
      const events = [say('toggled', 'not for it'), say('marker', 'for it')];
      await siege.wire.call('EventService.PublishEvents', { events });
      expect(await stream.texts('for it')).to.deep.equal(['for it']);
    });

    it('a session of 998 patterns changes them 3,000 times', async () => {
      // Each recent topic is one more that the coordinator must match again for a changed reader.
      for (let part = 0; part < 20; part++) {
        const events = Array.from({ length: 200 }, (_, index) => say(`t.${part}.${index}`, 'x'));
        await siege.wire.call('EventService.PublishEvents', { events });
      }
      const topics = Array.from({ length: 998 }, (_, index) => `many.${index}.*`);
      const { stream } = await siege.wire.join('greedy', { topics });
      stream.send(...toggles(1500, 'START_AT_LATEST'));
      await stream.answer(1500);
    });
  });

  describe('that use one name twice:', () => {
    const children: NodeProcess[] = [];
    const child = async (name: string, instance = randomBytes(16)) => {
      const node = new NodeProcess(siege.endpoint, name, instance, 20);
      children.push(node);
      return { node, welcome: await node.next('welcome') };
    };

    afterEach(async () => {
      await Promise.all(children.splice(0).map((node) => node.kill()));
    });

    it('a living holder keeps the name', async () => {
      const { node } = await child('contested');
      const second = new NodeProcess(siege.endpoint, 'contested');
      children.push(second);
      expect((await second.next('ended')).reason).to.equal('ERROR_REASON_NODE_NAME_IN_USE');
      const { wrong, published, received } = await node.report();
      expect(wrong).to.deep.equal([]);
      expect(received).to.equal(published);
      expect((await node.leave()).reason).to.equal('');
    });

    it('a hanging holder loses the name, and none of its later publishes is stored', async () => {
      const { node } = await child('hanging');
      await node.report();
      node.signal('SIGSTOP');
      const before = performance.now();
      const { welcome } = await siege.wire.join('hanging');
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_REPLACED');
      expect(performance.now() - before).to.be.within(PROBE_MS - 100, PROBE_MS + 2000);
      node.signal('SIGCONT');
      expect((await node.next('ended')).reason).to.equal('ERROR_REASON_SESSION_REPLACED');
      const page = await siege.wire.call('EventService.ReadEvents', {
        topics: ['hanging'],
        start: { at: 'START_AT_EARLIEST' },
      });
      expect(page.events).to.not.deep.equal([]);
      expect(Math.max(...page.events.map(sequenceOf))).to.be.below(welcome.generation);
    });

    it('a dead holder loses the name at once', async () => {
      const { node, welcome: first } = await child('dead');
      await node.report();
      await node.kill();
      const before = performance.now();
      const { welcome } = await child('dead');
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_REPLACED');
      expect(welcome.generation).to.be.above(first.generation);
      expect(performance.now() - before).to.be.below(PROBE_MS);
    });

    it('of two sessions with the same instance, the newer one gets the name', async () => {
      const instance = randomBytes(16);
      const { node } = await child('twin', instance);
      await node.report();
      const { node: second, welcome } = await child('twin', instance);
      expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
      expect((await node.next('ended')).reason).to.equal('ERROR_REASON_SESSION_REPLACED');
      expect((await second.report()).wrong).to.deep.equal([]);
      expect((await second.leave()).reason).to.equal('');
    });
  });
});
