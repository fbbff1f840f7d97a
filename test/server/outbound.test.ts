import { expect } from 'chai';
import { Outbound } from '../../server/session/outbound.js';
import { settled } from '../support/history.js';
import { rejectionOf } from '../support/thrown.js';

describe('what goes out to a peer', () => {
  const unhandled: unknown[] = [];
  const take = (reason: unknown) => void unhandled.push(reason);
  before(() => process.on('unhandledRejection', take));
  after(() => process.off('unhandledRejection', take));
  afterEach('and no rejection is left that ends the process', () => {
    expect(unhandled).to.deep.equal([]);
  });

  /** A disk that fails while the peer takes frames. */
  function failing(): AsyncGenerator<Uint8Array> {
    const outbound = new Outbound(() => []);
    outbound.follow({ next: () => Promise.reject(new Error('the disk is broken')) });
    outbound.send({ $case: 'requestOk', value: {} });
    return outbound.messages();
  }

  it('ends with the fault of the reading that it did not wait for', async () => {
    const messages = failing();
    expect((await messages.next()).done).to.equal(false);
    await settled();
    const fault = await rejectionOf(Error, messages.next());
    expect(fault.message).to.equal('the disk is broken');
  });

  it('leaves no promise behind when its stream ends meanwhile', async () => {
    const messages = failing();
    await messages.next();
    await messages.return(undefined);
    await settled();
  });
});
