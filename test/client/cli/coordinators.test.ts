import { expect } from 'chai';
import { stateOf } from '../../../client/cli/coordinators.js';
import { Coordinator } from '../../../gen/ts/kelpie/v1/coordinator_service.js';

describe('kelpie coordinators', () => {
  const shown = (facts: Partial<Coordinator>): string =>
    stateOf(Coordinator.create({ endpoint: '127.0.0.1:50051', ...facts }));
  const silent = (seconds: number): Partial<Coordinator> => ({ silence: { seconds, nanos: 0 } });

  it('shows a coordinator as serving only if it listens, stays, and has reported a moment ago', () => {
    expect(shown({})).to.equal('serving');
    expect(shown(silent(4))).to.equal('serving');
    expect(shown({ endpoint: '' })).to.equal('starting');
    expect(shown({ draining: true })).to.equal('draining');
    expect(shown({ draining: true, ...silent(7) })).to.equal('silent for 7 s');
    expect(shown({ endpoint: '', ...silent(7) })).to.equal('silent for 7 s');
  });
});
