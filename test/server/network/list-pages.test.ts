/** Pages of lists belong to one filter, whatever the list is of. */
import { expect } from 'chai';
import { ListPlayersRequest } from '../../../gen/ts/kelpie/v1/player_service.js';
import { ListValuesRequest, PutValueRequest } from '../../../gen/ts/kelpie/v1/state_service.js';
import { KelpieError } from '../../../server/core/errors.js';
import { openCoordinator } from '../../support/model/coordinator.js';
import { joined, player, TestProxy } from '../../support/model/proxy.js';
import { rejectionOf } from '../../support/thrown.js';

describe('pages of lists', () => {
  it('of values go on with the same bucket and prefix alone', async () => {
    const { values } = await openCoordinator();
    const content = { form: { $case: 'text', value: 'x' } } as const;
    for (const bucket of ['maps', 'shops'])
      for (const key of ['a', 'b', 'c'])
        await values.put(PutValueRequest.create({ bucket, key, content }));
    const list = (more: Partial<ListValuesRequest>) => values.list(ListValuesRequest.create(more));
    const { nextPageToken: pageToken } = await list({ bucket: 'maps', pageSize: 1 });
    for (const filter of [{ bucket: 'shops' }, { bucket: 'maps', keyPrefix: 'b' }, {}]) {
      const refused = list({ ...filter, pageSize: 1, pageToken });
      expect((await rejectionOf(KelpieError, refused)).reason).to.equal('PAGE_TOKEN_INVALID');
    }
    const rest = await list({ bucket: 'maps', pageSize: 100, pageToken });
    expect(rest.items.map(({ key }) => key)).to.deep.equal(['b', 'c']);
  });

  it('of players take the properties in any order, and with or without the context', async () => {
    const town = await openCoordinator();
    const gate = await TestProxy.join(town, 'gate');
    const properties = { rank: 'vip', team: 'red' };
    for (const number of [1, 2]) await gate.report(joined(player(number, { properties })));
    const list = (more: Partial<ListPlayersRequest>) =>
      town.playerQueries.list(ListPlayersRequest.create({ pageSize: 1, ...more }));
    const { nextPageToken: pageToken } = await list({ properties });
    const turned = { team: 'red', rank: 'vip' };
    const second = await list({ properties: turned, includeContext: true, pageToken });
    expect(second.items.map(({ id }) => id)).to.deep.equal([player(2).xuid]);
    const refused = list({ properties: { rank: 'vip' }, pageToken });
    expect((await rejectionOf(KelpieError, refused)).reason).to.equal('PAGE_TOKEN_INVALID');
  });
});
