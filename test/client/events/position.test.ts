import { expect } from 'chai';
import { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import { Position } from '../../../client/events/position.js';

const epoch = new Uint8Array(16);
const cursor = (sequence: number) => ({ epoch, sequence, tag: sequence * 7 });
const part = (first: number | undefined, complete: boolean) => ({
  cursor: first === undefined ? undefined : cursor(first),
  topics: [],
  rows: [],
  complete,
});
const gap = (from: number, to: number) => ({
  lostAfter: cursor(from),
  resumesAt: cursor(to),
  reason: 1 as const,
  topics: [],
});
const after = (sequence: number) => ({ place: { $case: 'after', value: cursor(sequence) } });

describe('the position of a client', () => {
  it('asks for the snapshot again when a stream broke before its complete part', () => {
    const position = new Position('SNAPSHOT');
    const snapshot = { place: { $case: 'at', value: StartAt.SNAPSHOT } };
    expect(position.restart()).to.deep.equal(snapshot);
    position.reach(cursor(10));
    position.load(part(10, false));
    expect(position.sequence, 'batches are held against what was received').to.equal(10);
    expect(position.restart()).to.deep.equal(snapshot);
    position.load(part(12, false));
    position.load(part(undefined, true));
    expect(position.restart()).to.deep.equal(after(12));
  });

  it('stays before a gap until the next snapshot is complete', () => {
    const position = new Position('LATEST');
    position.restart();
    position.reach(cursor(5));
    position.lose(gap(5, 40));
    position.load(part(40, false));
    expect(position.sequence).to.equal(40);
    expect(position.restart()).to.deep.equal(after(5));
    position.lose(gap(5, 50));
    position.load(part(50, true));
    expect(position.restart()).to.deep.equal(after(50));
  });

  it('starts a second stream where the first began if no event came', () => {
    const position = new Position('LATEST');
    position.restart();
    position.reach(cursor(5));
    expect(position.restart()).to.deep.equal(after(5));
  });

  it('goes back only by a gap', () => {
    const position = new Position({ after: cursor(5) });
    position.restart();
    position.reach(cursor(9));
    position.reach(cursor(7));
    expect(position.sequence).to.equal(9);
    position.lose(gap(9, 3));
    expect(position.sequence).to.equal(3);
  });
});
