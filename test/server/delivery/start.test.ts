import { expect } from 'chai';
import type { StartAt } from '../../../gen/ts/kelpie/v1/cursor.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { hello, openCoordinator, TestStream } from '../../support/model/coordinator.js';

describe('a start of a later contract', () => {
  it('is refused, and the error names it and the starts that this coordinator knows', async () => {
    const town = await openCoordinator();
    const stream = new TestStream(town.port);
    const start = { place: { $case: 'at', value: 9 as StartAt } } as const;
    stream.send({ $case: 'hello', value: hello('lobby-1', { start }) });
    const { reason, message, metadata } = (await stream.ended()) as KelpieError;
    expect({ reason, metadata }).to.deep.equal({
      reason: 'START_INVALID',
      metadata: { start: '9' },
    });
    expect(message).to.contain('start at SNAPSHOT, EARLIEST or LATEST');
  });
});
