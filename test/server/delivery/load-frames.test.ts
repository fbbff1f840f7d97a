import { expect } from 'chai';
import { NodeLoad } from '../../../gen/ts/kelpie/v1/node.js';
import { ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import { TopicFilter } from '../../../server/topics/filter.js';
import { Loads } from '../../../server/nodes/loads.js';
import { LoadFrames, LoadReader } from '../../../server/delivery/load-frames.js';

function reported(count: number) {
  const loads = new Loads();
  for (let index = 0; index < count; index++) report(loads, index, 20);
  const frames = new LoadFrames(loads, (name) => `nodes.${name}`);
  frames.endInterval();
  return { loads, frames };
}

function report(loads: Loads, index: number, tps: number): void {
  loads.report(`node-${index}`, { ...NodeLoad.create(), tps });
}

function read(part: Uint8Array | undefined) {
  const [frame] = part ? ConnectResponse.decode(part).frames : [];
  return frame?.frame?.$case === 'nodeLoads' ? frame.frame.value.loads : [];
}

const all = new TopicFilter(['nodes.*', 'chat.>']);

describe('loads', () => {
  it('are encoded once for all readers whose filters match the same nodes', () => {
    const { interval } = reported(100).frames;
    const { part, upTo } = interval.share(0, all);
    expect(upTo).to.equal(100);
    expect(read(part)).to.have.length(100);
    expect(interval.share(0, all).part).to.equal(part);
    const others = [['nodes.>'], ['nodes.*', 'nodes.node-7', 'players.*']];
    for (const patterns of others) {
      expect(interval.share(0, new TopicFilter(patterns)).part).to.equal(part);
    }
    const few = interval.share(0, new TopicFilter(['nodes.node-7'])).part;
    expect(read(few).map(({ name }) => name)).to.deep.equal(['node-7']);
    expect(interval.share(0, new TopicFilter(['players.*'])).part).to.equal(undefined);
  });

  it('are sent once per interval, the newest of each node', () => {
    const { loads, frames } = reported(10);
    const reader = new LoadReader(frames);
    expect(reader.endInterval()).to.equal(true);
    expect(read(reader.take(all))).to.have.length(10);
    expect(reader.take(all), 'nothing is left').to.equal(undefined);
    report(loads, 3, 7);
    expect(reader.endInterval(), 'the interval is not over').to.equal(false);
    report(loads, 3, 5);
    frames.endInterval();
    expect(reader.endInterval()).to.equal(true);
    expect(read(reader.take(all)).map(({ name, load }) => [name, load?.tps])).to.deep.equal([
      ['node-3', 5],
    ]);
  });

  it('of very many nodes are sent in several frames, each load once', () => {
    const reader = new LoadReader(reported(10_000).frames);
    reader.endInterval();
    const names = new Set<string>();
    let count = 0;
    for (let part = reader.take(all); part; part = reader.take(all)) {
      expect(part.length).to.be.below(300 * 1024);
      for (const { name } of read(part)) names.add(name);
      count += read(part).length;
    }
    expect([names.size, count]).to.deep.equal([10_000, 10_000]);
  });
});
