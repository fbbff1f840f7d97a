/** The lines of `kelpie top` that fit on a terminal of a given height. */
import { expect } from 'chai';
import {
  entriesPerSecond,
  linesOf,
  type View,
  worstFirst,
} from '../../../client/cli/output/top-screen.js';
import { GetInfoResponse, Session } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { NodeLoad } from '../../../gen/ts/kelpie/v1/node.js';

const session = (nodeName: string, entriesBehind = 0, queuedBytes = 0): Session =>
  Session.create({ nodeName, entriesBehind, queuedBytes });

const view = (info: Partial<GetInfoResponse>, sessions: Session[] = []): View => ({
  info: GetInfoResponse.create(info),
  sessions,
  loads: new Map(),
});

/** The state of a coordinator after this many milliseconds, with the head of its journal. */
const at = (ms: number, sequence: number, epoch = 1, coordinatorId = 'one'): View =>
  view({
    coordinatorId,
    uptime: { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 },
    head: { epoch: Buffer.alloc(16, epoch), sequence, tag: 0 },
  });

describe('the screen of top', () => {
  it('has who is furthest behind first, then who has most waiting, then by name', () => {
    const sessions = [
      session('b'),
      session('a'),
      session('queues', 0, 10),
      session('behind', 2),
      session('behind-and-queues', 2, 5),
    ];
    expect(worstFirst(sessions).map(({ nodeName }) => nodeName)).to.deep.equal([
      'behind-and-queues',
      'behind',
      'queues',
      'a',
      'b',
    ]);
  });

  describe('says how many entries a second', () => {
    it('by what the head moved in the time of the coordinator', () => {
      expect(entriesPerSecond(at(3500, 1000 + 75), at(2000, 1000))).to.equal(50);
      expect(entriesPerSecond(at(3500, 1000), at(2000, 1000))).to.equal(0);
    });

    it('but not at the first look, nor over another process or epoch, where sequences jump', () => {
      expect(entriesPerSecond(at(2000, 1000), undefined)).to.equal(undefined);
      expect(entriesPerSecond(at(3000, 9e15, 2), at(2000, 1000, 1))).to.equal(undefined);
      expect(entriesPerSecond(at(3000, 2000, 1, 'two'), at(2000, 1000))).to.equal(undefined);
    });

    it('in the line of the journal, if it is known', () => {
      const lines = linesOf(at(1000, 1), 12.345).join('\n');
      expect(lines).to.match(/journal: 0 entries, 0 B, 12\.3 entries\/s/);
      expect(linesOf(at(1000, 1), undefined).join('\n')).to.not.include('entries/s');
    });
  });

  describe('on a terminal of some height', () => {
    const many = view(
      {},
      Array.from({ length: 100 }, (_, index) => session(`node-${index}`)),
    );

    it('never has more lines than fit, and says how many are left out', () => {
      for (let rows = 6; rows <= 110; rows++) {
        const lines = linesOf(many, undefined, rows);
        expect(lines.length).to.be.at.most(rows);
        const shown = lines.filter((line) => line.startsWith('node-')).length;
        const left = /^and (\d+) more$/.exec(lines.at(-1) ?? '')?.[1] ?? '0';
        expect(shown + Number(left)).to.equal(100);
      }
    });

    it('has all that fit, without a line for nothing', () => {
      expect(linesOf(many, undefined, 105)).to.have.length(105);
      expect(linesOf(many, undefined, 105).at(-1)).to.match(/^node-99 /);
      expect(linesOf(many, undefined)).to.have.length(105);
    });
  });

  it('shows how a node does, 0 among it, and a dash for what it does not report', () => {
    const sessions = [session('silent'), session('stalled'), session('tells')];
    const load = NodeLoad.create({ tps: 19.96, memoryUsedBytes: 2 ** 30, roundTripMs: 7 });
    const zero = NodeLoad.create({ tps: 0, memoryUsedBytes: 0, roundTripMs: 0 });
    const loads = new Map([
      ['tells', load],
      ['stalled', zero],
    ]);
    const [silent, stalled, tells] = linesOf({ ...view({}, sessions), loads }, 1)
      .slice(-3)
      .map((line) => line.split(/ {2,}/));
    expect(silent?.slice(-3)).to.deep.equal(['-', '-', '-']);
    expect(stalled?.slice(-3)).to.deep.equal(['0.0', '0 B', '0 ms']);
    expect(tells?.slice(-3)).to.deep.equal(['20.0', '1.0 GiB', '7 ms']);
  });
});
