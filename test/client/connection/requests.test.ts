/** Requests without an answer: their number and their bytes have a limit, and an error of their own. */
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import { Scripted } from '../../support/wire/scripted.js';
import { settled } from '../../support/journal/history.js';

const MIB = 1024 * 1024;

describe('requests that the coordinator does not answer', () => {
  let scripted: Scripted;
  const refusals: string[] = [];

  const ask = (bytes: number): void => {
    const command = { custom: { name: 'shop.open', content: 'x'.repeat(bytes) } };
    const results = scripted.client.issue({ target: { node: 'shop' }, command, timeoutMs: 2000 });
    results.next().catch((error: unknown) => refusals.push((error as KelpieError).reason));
  };

  beforeEach(async () => {
    refusals.length = 0;
    scripted = await Scripted.welcomed();
  });

  afterEach(() => scripted.close());

  it('have at most 16 MiB together, and leave room after their answers', async () => {
    for (let count = 0; count < 40; count++) ask(MIB / 2);
    await settled(100);
    expect(scripted.client.pending).to.equal(32);
    expect(refusals).to.deep.equal(Array(8).fill('REQUEST_QUEUE_FULL'));
    for (const { id } of scripted.stream.requests('issueCommand'))
      await scripted.stream.refuse(id, 'NO_TARGET');
    expect(scripted.client.pending).to.equal(0);
    ask(MIB / 2);
    expect(scripted.client.pending).to.equal(1);
  });

  it('are at most 10,000', async () => {
    for (let count = 0; count < 10_001; count++) ask(1);
    await settled(10);
    expect(scripted.client.pending).to.equal(10_000);
    expect(refusals).to.deep.equal(['REQUEST_QUEUE_FULL']);
  });
});
