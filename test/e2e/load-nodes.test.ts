/** Many nodes, or a node that owns much, must not delay the nodes beside them. */
import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { Besieged } from '../support/process/besieged.js';
import { ListedProxy } from '../support/model/listed-proxy.js';
import { figure, inSoak } from '../support/soak.js';
import type { Stream } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

/** Much longer than the delay by other work on the machine, much shorter than all the work in a single turn. */
const WAIT_MS = 2000;

describe('nodes in a crowd', () => {
  let siege: Besieged;
  before(async () => {
    siege = await Besieged.start();
  });
  after(() => siege.stop());

  async function unharmed(what: string): Promise<void> {
    const { slowestMs } = await siege.unharmed();
    figure(`${what}: the neighbour waited ${Math.round(slowestMs)} ms`);
    expect(slowestMs).to.be.below(WAIT_MS);
  }

  it('the loss of a proxy with very many players delays no other node', async () => {
    const players = inSoak(100_000, 25_000);
    const gone = new AbortController();
    const proxy = new ListedProxy(siege.endpoint, 'gate-1', gone.signal);
    for (let from = 0; from < players; from += 1000) {
      await proxy.bring(from, 1000);
      if (from % 10_000 === 0) proxy.beat();
    }
    const startMs = performance.now();
    gone.abort();
    await siege.nobodyLeft();
    figure(`${players} players gone after ${Math.round(performance.now() - startMs)} ms`);
    await unharmed('a lost proxy');
  }).timeout(inSoak(180_000, 30_000));

  it('many nodes report their load, and each gets the load of all', async () => {
    const nodes = inSoak(1000, 100);
    const wires = Array.from({ length: Math.ceil(nodes / 100) }, () => new Wire(siege.endpoint));
    const streams: Stream[] = [];
    const beat = setInterval(() => {
      for (const stream of streams) stream.send({ heartbeat: { load: { tps: 20 } } });
    }, 2500);
    for (let index = 0; index < nodes; index++) {
      const wire = wires[Math.floor(index / 100)];
      const joined = await wire?.join(`lobby-${index}`, { topics: ['nodes.*'] });
      if (joined) streams.push(joined.stream);
    }
    for (const stream of [streams[0], streams[nodes / 2], streams[nodes - 1]]) {
      const received = new Set<string>();
      while (received.size < nodes) {
        for (const { name } of (await stream?.next('node_loads'))?.loads ?? []) received.add(name);
      }
    }
    clearInterval(beat);
    await Promise.all(wires.map((wire) => wire.leave()));
    for (const wire of wires) wire.close();
    await siege.nobodyLeft();
    await unharmed(`loads of ${nodes} nodes`);
  }).timeout(inSoak(180_000, 40_000));

  it('thousands of changes of a node in one message are applied, and cause few events', async () => {
    const changes = inSoak(20_000, 2000);
    const { stream } = await siege.wire.join('lobby-1', { topics: ['nodes.lobby-1'] });
    const frames = Array.from({ length: changes }, (_, index) => ({
      request_id: index + 1,
      update_own_node: { change: { labels: { count: String(index) } } },
    }));
    const startMs = performance.now();
    stream.send(...frames);
    for (let done = 0; done < changes;) {
      const { frame } = await stream.any();
      expect(frame).to.not.equal('request_failed');
      if (frame === 'request_ok') done += 1;
    }
    figure(`${changes} changes done after ${Math.round(performance.now() - startMs)} ms`);
    const { node } = await siege.wire.call('NodeService.GetNode', { name: 'lobby-1' });
    expect(node.labels).to.deep.equal({ count: String(changes - 1) });
    await siege.wire.leave();
    await unharmed('changes of a node');
  }).timeout(60_000);

  it('many nodes that join at once delay no other node', async () => {
    const crowd = inSoak(5000, 400);
    const wires = Array.from({ length: Math.ceil(crowd / 200) }, () => new Wire(siege.endpoint));
    const streams = Array.from({ length: crowd }, (_, index) => {
      const wire = wires[index % wires.length] ?? siege.wire;
      return wire.hello(`server-${index}`);
    });
    await Promise.all(streams.map((stream) => stream.next('welcome')));
    await Promise.all(wires.map((wire) => wire.leave()));
    for (const wire of wires) wire.close();
    await siege.nobodyLeft();
    await unharmed(`${crowd} sessions at once`);
  }).timeout(inSoak(120_000, 40_000));

  it('a coordinator that stalls ends no session, and gives no name to another node', async () => {
    const { stream } = await siege.wire.join('lobby-2');
    const other = new Wire(siege.endpoint);
    const rival = other.hello('lobby-2');
    await stream.next('heartbeat_requested');
    // Each stall is longer than the probe of a name. Together they are longer than any silence, and shorter than the
    // wait of a test.
    siege.kelpied.process.kill('SIGSTOP');
    const beat = setInterval(() => stream.send({ heartbeat: {} }), 1000);
    await pause(inSoak(17_000, 3500));
    siege.kelpied.process.kill('SIGCONT');
    expect((await rival.ended()).error?.reason).to.equal('ERROR_REASON_NODE_NAME_IN_USE');
    await pause(1500);
    clearInterval(beat);
    expect(await siege.sessions()).to.equal(2);
    other.close();
    await siege.wire.leave();
    await siege.unharmed();
  }).timeout(60_000);
});
