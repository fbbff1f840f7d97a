import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { idOf, playerOf } from '../../../client/players/facts.js';
import { digestOf, PlayerList } from '../../../client/players/list.js';
import { KelpieError } from '../../../client/index.js';
import { SyncPlayers } from '../../../gen/ts/kelpie/v1/presence.js';
import { vectors } from '../../support/model/digest-vectors.js';
import { thrownBy } from '../../support/thrown.js';

const player = (number: number, context?: Uint8Array) =>
  playerOf({ xuid: String(number), name: `Player ${number}`, ...(context && { context }) });

describe("a proxy's list of players", () => {
  it('has the digest of the test vectors, in any order', () => {
    for (const { players, digest } of vectors) {
      expect(digestOf(players).toString('hex')).to.equal(digest);
      expect(digestOf(players.toReversed()).toString('hex')).to.equal(digest);
      const list = new PlayerList();
      for (const { id, generation, server } of players) {
        list.add({ ...player(1), id, server }, generation, 0);
      }
      expect(list.digest().players).to.equal(players.length);
      expect(Buffer.from(list.digest().digest).toString('hex')).to.equal(digest);
    }
  });

  it('goes in parts of at most 1,000 players, each for a range of ids, that cover all', () => {
    const list = new PlayerList();
    for (let number = 3000; number > 500; number--) list.add(player(number), number, 0);
    const parts = list.parts(0);
    expect(parts.map(({ listed }) => listed.length)).to.deep.equal([1000, 1000, 500]);
    const ids = parts.flatMap(({ value }) => value.players.map(({ id }) => id));
    expect(ids).to.deep.equal([...ids].sort());
    expect(parts.map(({ value: { afterId } }) => afterId)).to.deep.equal([
      '',
      ...parts.slice(0, -1).map(({ value: { upToId } }) => upToId),
    ]);
    expect(parts.at(-1)?.value.upToId).to.equal('');
    for (const { value } of parts.slice(0, -1)) {
      expect(value.upToId).to.equal(value.players.at(-1)?.id);
    }
  });

  it('goes in parts of at most 512 KiB', () => {
    const list = new PlayerList();
    for (let number = 1; number <= 100; number++)
      list.add(player(number, randomBytes(16_000)), 1, 0);
    const sizes = list.parts(0).map(({ value }) => SyncPlayers.encode(value).finish().length);
    expect(sizes.length).to.equal(4);
    for (const size of sizes) expect(size).to.be.at.most(512 * 1024);
  });

  it('has the age of each login that no coordinator has granted', () => {
    const list = new PlayerList();
    list.add(player(1), 0, 1000);
    list.add(player(2), 7, 1500);
    list.add(player(3), 0, 2000);
    expect(list.parts(3500)[0]?.value.loginAges).to.deep.equal({
      [player(1).id]: { seconds: 2, nanos: 5e8 },
      [player(3).id]: { seconds: 1, nanos: 5e8 },
    });
  });

  it('is one empty part if it has no players, so that all earlier players leave', () => {
    expect(new PlayerList().parts(0).map(({ value }) => value)).to.deep.equal([
      { asOf: 0, afterId: '', upToId: '', players: [], loginAges: {} },
    ]);
  });

  it('has the newest generation that is below the generations of all logins', () => {
    const list = new PlayerList();
    const asOf = () => list.parts(0)[0]?.value.asOf;
    list.saw(90);
    expect(asOf()).to.equal(90);
    list.grant('1', 100, 0);
    list.grant('2', 110, 0);
    list.grant('3', 0, 0);
    expect(asOf()).to.equal(99);
    list.endLogin('1');
    expect(asOf()).to.equal(109);
  });

  it('drops logins that take longer than a minute', () => {
    const list = new PlayerList();
    list.grant('1', 1, 0);
    list.grant('2', 2, 30_000);
    list.grant('1', 3, 31_000);
    list.grant('3', 4, 90_500);
    expect(['1', '2', '3'].map((id) => list.login(id)?.generation)).to.deep.equal([
      3,
      undefined,
      4,
    ]);
  });
});

describe('a player as a proxy reports them', () => {
  it('has the XUID as id, else the UUID in lower case', () => {
    expect(idOf({ xuid: '25', uuid: 'A' })).to.equal('25');
    expect(idOf({ xuid: '0', uuid: 'AB-C' })).to.equal('ab-c');
    expect(thrownBy(KelpieError, () => idOf({})).reason).to.equal('PLAYER_INVALID');
  });

  it('is refused at once if a field cannot be sent', () => {
    const odd = { xuid: '1', name: 'Steve', protocolVersion: Number.NaN };
    expect(thrownBy(KelpieError, () => playerOf(odd)).reason).to.equal('OUT_OF_RANGE');
  });
});
