/** Results of a command that its issuer does not read: their bytes have a limit. */
import { expect } from 'chai';
import { KelpieError } from '../../../client/errors.js';
import { settled } from '../../support/journal/history.js';
import { rejectionOf } from '../../support/thrown.js';
import { Scripted } from '../../support/wire/scripted.js';

const BYTES = 512 * 1024;

describe('results that nobody reads', () => {
  it('end the command above 16 MiB: the reader gets those that came, then the error', async () => {
    const scripted = await Scripted.welcomed();
    const command = { custom: { name: 'dump', content: '' } };
    const results = scripted.client.issue({ target: { every: {} }, command, timeoutMs: 2000 });
    await settled(10);
    const [{ id } = { id: 0 }] = scripted.stream.requests('issueCommand');
    const content = { form: { $case: 'data', value: new Uint8Array(BYTES) } } as const;
    const output = { form: { $case: 'custom', value: content } } as const;
    for (let index = 0; index < 50; index++) {
      const outcome = { $case: 'output', value: output } as const;
      const value = { node: `node-${index}`, outcome, last: false };
      await scripted.stream.answer(id, { $case: 'commandResult', value });
    }
    expect(scripted.stream.values('cancelCommand'), 'it is withdrawn once').to.deep.equal([
      { issuedRequestId: id },
    ]);
    const read: string[] = [];
    const all = async (): Promise<void> => {
      for await (const { node } of results) read.push(node);
    };
    const { reason } = await rejectionOf(KelpieError, all());
    expect(reason).to.equal('RESULTS_UNREAD');
    expect(read.length).to.be.within(32, 34);
    await scripted.close();
  });
});
