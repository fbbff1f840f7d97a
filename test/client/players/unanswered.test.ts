import { expect } from 'chai';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { changed, changeOf } from '../../../client/players/facts.js';
import {
  changeAgain,
  type UnansweredChange,
  withUnanswered,
} from '../../../client/players/unanswered.js';

describe('the changes of a player without an answer', () => {
  it('have at most 128 names; names of removed properties go first, the oldest of them', () => {
    let player = Player.create({ id: '1', xuid: '1', name: 'Alex' });
    let unanswered: UnansweredChange | undefined;
    const change = (given: Parameters<typeof changeOf>[0]): void => {
      const value = changeOf(given);
      player = changed(player, value);
      unanswered = withUnanswered(unanswered, value, player);
    };
    change({ properties: { rank: 'bronze' } });
    for (let index = 0; index < 1000; index++) {
      change({ properties: { [`effect-${index}`]: 'on' } });
      change({ removedProperties: [`effect-${index}`] });
    }
    const again = unanswered && changeAgain(unanswered, player);
    expect(again?.properties).to.deep.equal({ rank: 'bronze' });
    expect(again?.removedProperties).to.have.lengthOf(127).and.include('effect-999');
  });
});
