/** Changes of credentials that another process makes, as `kelpied token` does, have records too. */
import { expect } from 'chai';
import { Credentials } from '../../../server/access/credentials.js';
import { machineOf } from '../../../server/access/draft.js';
import type { MachineAct } from '../../../server/access/machine-acts.js';
import { requestOf } from '../../../server/access/token-options.js';
import { defaultLimits } from '../../../server/network/limits.js';
import {
  MemoryCredentialStore,
  MemoryRecords,
} from '../../../server/journal/memory/memory-credential-store.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { settled } from '../../support/journal/history.js';

describe('the acts of another process upon credentials', () => {
  it('are reported once each, and those of this process are not', async () => {
    const records = new MemoryRecords();
    const openOn = (more: object = {}) =>
      Credentials.open(new MemoryCredentialStore(records), { ...options, ...more });
    const acts: MachineAct[] = [];
    const clock = new FakeClock();
    const options = {
      clock,
      limits: defaultLimits,
      onFault: (error: unknown) => {
        throw error;
      },
    };
    const granter = machineOf('main');
    const make = (name: string) => requestOf({ name, preset: 'server' });
    const other = await openOn();
    await other.create(make('before'), granter);
    const own = await openOn({ onMachine: (act: MachineAct) => acts.push(act) });
    await own.create(make('own'), granter);
    const { credential } = await other.create(make('lobby-1'), granter);
    const id = credential?.id ?? '';
    await settled();
    await other.rotate({ id, overlap: undefined }, granter);
    await settled();
    await other.revoke(id, granter);
    await settled();
    expect(acts.map(({ action, credential: { name } }) => [action, name])).to.deep.equal([
      ['CREATE_CREDENTIAL', 'lobby-1'],
      ['ROTATE_CREDENTIAL', 'lobby-1'],
      ['REVOKE_CREDENTIAL', 'lobby-1'],
    ]);
    await own.close();
    await other.close();
  });
});
