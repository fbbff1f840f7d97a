import { expect } from 'chai';
import { KelpieError } from '../../client/errors.js';
import { type Status, StatusBoard } from '../../client/status.js';

const connecting = (attempt: number): Status => ({
  type: 'connecting',
  endpoint: '127.0.0.1:50051',
  attempt,
});
const draining: Status = { type: 'draining' };
const closed: Status = { type: 'closed', error: undefined };

async function allOf(statuses: AsyncIterable<Status>): Promise<Status[]> {
  const all: Status[] = [];
  for await (const status of statuses) all.push(status);
  return all;
}

/** Begins to read, and waits for the first status. */
async function begin(
  board: StatusBoard,
): Promise<{ first: Status; rest: AsyncIterableIterator<Status> }> {
  const rest = board.read();
  const { value } = (await rest.next()) as IteratorYieldResult<Status>;
  return { first: value, rest };
}

describe('the status of a client', () => {
  let board: StatusBoard;

  beforeEach(() => {
    board = new StatusBoard();
  });

  it('begins with the present state of the connection, also if other statuses came after it', async () => {
    board.post(connecting(0));
    board.post(connecting(1));
    board.post(draining);
    expect((await begin(board)).first).to.deep.equal(connecting(1));
  });

  it('begins with the next status if there is none yet', async () => {
    const first = board.read().next();
    board.post(draining);
    expect(await first).to.deep.equal({ value: draining, done: false });
  });

  it('gives every status in order and ends after closed', async () => {
    board.post(connecting(0));
    const { rest } = await begin(board);
    const happened: Status[] = [
      { type: 'disconnected', error: undefined, retryInMs: 10 },
      connecting(1),
      draining,
      { type: 'refused', error: new KelpieError('TOPIC_RESERVED', 'no') },
      { type: 'handlerFailed', pattern: 'a.*', error: 'thrown' },
      closed,
    ];
    for (const status of happened) board.post(status);
    board.post(draining);
    expect(await allOf(rest)).to.deep.equal(happened);
  });

  it('gives every reader the same', async () => {
    board.post(connecting(0));
    const readers = [await begin(board), await begin(board)];
    board.post(draining);
    board.post(closed);
    for (const { rest } of readers) expect(await allOf(rest)).to.deep.equal([draining, closed]);
  });

  it('gives only the end to a reader that begins after it', async () => {
    board.post(connecting(0));
    board.post(closed);
    expect(await allOf(board.read())).to.deep.equal([closed]);
  });

  it('wakes a reader that waits', async () => {
    board.post(connecting(0));
    const { rest } = await begin(board);
    const next = rest.next();
    board.post(draining);
    expect(await next).to.deep.equal({ value: draining, done: false });
  });

  it('keeps the newest 1000 for a slow reader, and names the number of skipped ones', async () => {
    board.post(connecting(0));
    const { rest } = await begin(board);
    for (let attempt = 1; attempt <= 1500; attempt++) board.post(connecting(attempt));
    board.post(closed);
    const [skipped, ...others] = await allOf(rest);
    expect(skipped).to.deep.equal({ type: 'skipped', count: 501 });
    expect(others).to.have.length(1000);
    expect(others[0]).to.deep.equal(connecting(502));
    expect(others.at(-1)).to.deep.equal(closed);
  });

  it('skips nothing of the first 1000', async () => {
    board.post(connecting(0));
    const { rest } = await begin(board);
    for (let attempt = 1; attempt < 1000; attempt++) board.post(connecting(attempt));
    board.post(closed);
    const all = await allOf(rest);
    expect(all).to.have.length(1000);
    expect(all[0]).to.deep.equal(connecting(1));
  });

  it('does not delay a reader because another one does not read', async () => {
    board.post(connecting(0));
    await begin(board);
    const { rest } = await begin(board);
    for (let attempt = 1; attempt <= 5000; attempt++) {
      board.post(connecting(attempt));
      expect((await rest.next()).value).to.deep.equal(connecting(attempt));
    }
  });

  it('keeps nothing for iterators that nobody reads, and ends abandoned ones', async () => {
    board.post(connecting(0));
    const left = Array.from({ length: 10_000 }, () => board.read());
    const before = process.memoryUsage().heapUsed;
    for (let attempt = 1; attempt <= 2000; attempt++) board.post(connecting(attempt));
    expect(process.memoryUsage().heapUsed - before).to.be.below(50 * 1024 ** 2);
    const waiting = board.read();
    await waiting.next();
    const next = waiting.next();
    expect(await waiting.return?.()).to.deep.equal({ done: true, value: undefined });
    expect(await next, 'what waited').to.deep.equal({ done: true, value: undefined });
    expect(await waiting.next()).to.deep.equal({ done: true, value: undefined });
    expect((await left[0]?.next())?.value).to.deep.equal(connecting(0));
    expect((await left[0]?.next())?.value).to.deep.equal({ type: 'skipped', count: 1000 });
  });

  it('gives each status once, also to several calls of next at once', async () => {
    const reader = board.read();
    const asked = [reader.next(), reader.next(), reader.next()];
    for (const attempt of [1, 2, 3]) board.post(connecting(attempt));
    expect((await Promise.all(asked)).map(({ value }) => value)).to.deep.equal(
      [1, 2, 3].map(connecting),
    );
  });
});
