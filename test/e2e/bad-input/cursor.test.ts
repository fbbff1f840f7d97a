/** A reader starts at a cursor that does not belong to the history: it gets a Gap and reads on. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Cursor, textOf } from '../../support/wire/frames.js';
import { withNeighbour } from './neighbour.js';

describe('bad input in a cursor', () => {
  const suite = withNeighbour();

  const wrong: [string, string, (head: Cursor) => Cursor][] = [
    ['ahead of the newest entry', 'CURSOR_AHEAD', (h) => ({ ...h, sequence: h.sequence + 10_000 })],
    ['of another epoch', 'EPOCH_CHANGED', (h) => ({ ...h, epoch: randomBytes(16) })],
    ['with the tag of another history', 'HISTORY_REWRITTEN', (h) => ({ ...h, tag: h.tag ^ 1 })],
  ];
  for (const [what, reason, spoil] of wrong) {
    const topic = `cursor.${reason}`;
    const spoilt = async () => {
      const { head } = await suite.wire.call('CoordinatorService.GetInfo', {});
      const cursor = spoil(head);
      return { ...cursor, tag: cursor.tag >>> 0 };
    };
    /** The event before the mistake. Only some mistakes let delivery go on before it. */
    const again = reason === 'CURSOR_AHEAD' ? [] : ['before'];

    it(`answers a cursor ${what} with a Gap, a Snapshot and the events after them`, async () => {
      await suite.tell(topic, 'before');
      const cursor = await spoilt();
      const { stream } = await suite.wire.join('lost', {
        topics: [topic, 'nodes.lost'],
        start: { after: cursor },
      });
      const gap = await stream.next('gap');
      expect(gap.reason).to.equal(`GAP_REASON_${reason}`);
      expect(gap.lost_after).to.deep.equal(cursor);
      const snapshot = await stream.next('snapshot');
      expect(snapshot.topics).to.deep.equal(['nodes.lost']);
      expect(snapshot.cursor).to.deep.equal(gap.resumes_at);
      expect(snapshot.rows.map(({ node }) => node.name)).to.deep.equal(['lost']);
      await suite.tell(topic, 'after');
      const events = await stream.until((event) => textOf(event) === 'after');
      expect(stream.kinds.slice(0, 3)).to.deep.equal(['welcome', 'gap', 'snapshot']);
      const texts = events.filter((event) => event.topic === topic).map(textOf);
      expect(texts).to.deep.equal([...again, 'after']);
      expect(events[0]?.sequence).to.be.above(gap.resumes_at.sequence);
    });

    it(`answers a cursor ${what} with a Gap alone if the session has no resource topics`, async () => {
      const { stream } = await suite.wire.join('lost', {
        topics: ['cursor.none'],
        start: { after: await spoilt() },
      });
      expect((await stream.next('gap')).reason).to.equal(`GAP_REASON_${reason}`);
      await suite.expectAlive(stream);
      expect(stream.kinds).to.deep.equal(['welcome', 'gap', 'heartbeat_ack']);
    });

    it(`answers a cursor ${what} with a Gap in ReadEvents and WatchEvents`, async () => {
      const cursor = await spoilt();
      const start = { after: cursor };
      const page = await suite.wire.call('EventService.ReadEvents', { topics: ['nodes.*'], start });
      expect(page.gap?.reason).to.equal(`GAP_REASON_${reason}`);
      expect(page.gap?.lost_after).to.deep.equal(cursor);
      expect(page.cursor.sequence).to.be.at.least(page.gap?.resumes_at.sequence ?? Infinity);
      const watch = suite.wire.watch(['nodes.*'], start);
      expect((await watch.next('gap')).reason).to.equal(`GAP_REASON_${reason}`);
      const rows = (await watch.next('snapshot')).rows.map(({ node }) => node.name);
      expect(rows).to.deep.equal([suite.neighbourName]);
    });
  }
});
