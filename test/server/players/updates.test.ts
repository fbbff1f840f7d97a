/** Changes of a player by a node that does not hold them. */
import { expect } from 'chai';
import { ErrorReason } from '../../../gen/ts/kelpie/v1/error.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { PlayerChange } from '../../../gen/ts/kelpie/v1/player.js';
import { UpdatePlayer } from '../../../gen/ts/kelpie/v1/presence.js';
import type { Hello } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { KelpieError } from '../../../server/core/errors.js';
import { NOTHING } from '../../../server/players/others.js';
import { historyOf } from '../../support/journal/history.js';
import {
  hello,
  join,
  openCoordinator,
  type TestCoordinator,
  type TestStream,
} from '../../support/model/coordinator.js';
import { about, joined, steve, TestProxy } from '../../support/model/proxy.js';

const STEVE = '2535400000000001';

/** A proxy that has Steve, and a server. */
async function open(partial: Partial<Hello> = {}) {
  const town = await openCoordinator();
  const proxy = await TestProxy.join(town, 'gate-1', partial);
  const { stream } = await join(town, hello('lobby'));
  const properties = { rank: 'none', brand: 'phone' };
  const facts = steve({ properties, language: 'en_GB', server: 'lobby' });
  const generation = await proxy.granted(facts);
  await proxy.report(joined(facts, generation));
  return { town, proxy, server: stream, facts: { ...facts, generation }, generation };
}

/** `ok`, or the name of the reason. */
async function update(
  stream: TestStream,
  generation: number,
  partial: Partial<PlayerChange>,
  playerId = STEVE,
): Promise<string> {
  const change = { ...PlayerChange.create(), ...partial };
  const value = UpdatePlayer.create({ playerId, generation, change });
  stream.send({ requestId: 7, frame: { $case: 'updatePlayer', value } });
  for (;;) {
    for (const { requestId, frame } of (await stream.pull()) ?? []) {
      if (requestId !== 7) continue;
      if (frame?.$case !== 'requestFailed') return frame?.$case ?? '';
      const reason = frame.value.error?.reason;
      return Object.entries(ErrorReason).find(([, one]) => one === reason)?.[0] ?? '';
    }
  }
}

function factsOf({ playerRows }: TestCoordinator) {
  const { properties, context, language } = playerRows.onlineOf(STEVE)?.player ?? steve();
  return { properties, context: Buffer.from(context).toString(), language };
}

describe('a change of a player by another node', () => {
  it('is stored, and its event names the node that made it', async () => {
    const { town, server, generation } = await open();
    const history = historyOf(town.journal);
    const change = {
      properties: { rank: 'vip', party: '7' },
      removedProperties: ['brand', 'never'],
      context: Buffer.from('spawn'),
      language: 'de_DE',
    };
    expect(await update(server, generation, change)).to.equal('requestOk');
    const after = { properties: { party: '7', rank: 'vip' }, context: 'spawn', language: 'de_DE' };
    expect(factsOf(town)).to.deep.equal(after);
    const event = Event.decode(history.entries.at(-1)?.event ?? new Uint8Array());
    expect(event).to.include({ topic: `players.${STEVE}`, source: 'lobby' });
    expect(event.body?.$case).to.equal('playerUpdated');
    const head = town.journal.head.sequence;
    expect(await update(server, generation, change), 'the same again').to.equal('requestOk');
    expect(town.journal.head.sequence, 'is no event').to.equal(head);
  });

  it('stays after a list and a join of the proxy, but not after a change by the proxy', async () => {
    const { town, proxy, server, facts, generation } = await open();
    const change = { properties: { rank: 'vip', party: '7' }, removedProperties: ['brand'] };
    await update(server, generation, { ...change, context: Buffer.from('spawn') });
    const kept = { properties: { party: '7', rank: 'vip' }, context: 'spawn', language: 'en_GB' };
    await proxy.sync([facts], generation);
    expect(factsOf(town), 'after a list').to.deep.equal(kept);
    const [result] = await proxy.report(joined({ ...facts, language: 'fr_FR' }, generation));
    expect(result).to.deep.include({ playerId: STEVE, generation, error: undefined });
    expect(factsOf(town), 'after a join').to.deep.equal({ ...kept, language: 'fr_FR' });
    const own = { ...PlayerChange.create(), properties: { rank: 'mod', brand: 'pad' } };
    await proxy.report(about(STEVE, generation, { $case: 'changed', value: own }));
    expect(factsOf(town).properties).to.deep.equal({ brand: 'pad', party: '7', rank: 'mod' });
    const newest = { ...facts, properties: { rank: 'admin', brand: 'tv' } };
    await proxy.sync([newest], generation);
    expect(factsOf(town)).to.deep.equal({
      ...{ properties: { brand: 'tv', party: '7', rank: 'admin' } },
      ...{ context: 'spawn', language: 'en_GB' },
    });
  });

  it('ends for a fact that the proxy sets to the same value, and no reader gets an event', async () => {
    const { town, proxy, server, facts, generation } = await open();
    const change = { properties: { rank: 'vip', party: '7' }, language: 'de_DE' };
    await update(server, generation, { ...change, context: Buffer.from('spawn') });
    const { stream: reader } = await join(town, hello('reader', { topics: ['players.*'] }));
    const own = { ...PlayerChange.create(), ...change, context: Buffer.from('spawn') };
    await proxy.report(about(STEVE, generation, { $case: 'changed', value: own }));
    const { properties, context, language } = town.playerRows.get(STEVE)?.others ?? NOTHING;
    expect({ properties, context, language }).to.deep.equal(NOTHING);
    const newest = { ...facts, properties: { rank: 'admin' }, language: 'fr_FR' };
    await proxy.report(joined(newest, generation));
    expect(factsOf(town)).to.deep.equal({
      ...{ properties: { rank: 'admin' }, context: '', language: 'fr_FR' },
    });
    const { events } = await reader.next('eventBatch');
    expect(events.map(({ body }) => body?.$case)).to.deep.equal(['playerUpdated']);
  });

  it('stays also if it has the value that the proxy has reported', async () => {
    const { town, proxy, server, facts, generation } = await open();
    const change = { properties: { rank: 'none' }, removedProperties: ['never'] };
    expect(await update(server, generation, change)).to.equal('requestOk');
    await proxy.sync([{ ...facts, properties: { rank: 'admin', brand: 'tv' } }], generation);
    expect(factsOf(town).properties).to.deep.equal({ brand: 'tv', rank: 'none' });
  });

  it('ends for a fact that the proxy reports again after its stream broke, and only on the new stream', async () => {
    const instanceId = new Uint8Array(16).fill(7);
    const { town, proxy: former, server, facts, generation } = await open({ instanceId });
    await update(server, generation, { properties: { rank: 'vip' } });
    const proxy = await TestProxy.join(town, 'gate-1', { instanceId });
    const value = { ...PlayerChange.create(), properties: { rank: 'mod' } };
    const changed = about(STEVE, generation, { $case: 'changed', value });
    former.stream.send({ $case: 'reportPlayers', value: { reports: [changed] } });
    expect(((await former.stream.ended()) as KelpieError).reason).to.equal('SESSION_REPLACED');
    const listed = { ...facts, properties: { ...facts.properties, rank: 'mod' } };
    await proxy.sync([listed], generation);
    expect(factsOf(town).properties, 'the list does not replace it').to.include({ rank: 'vip' });
    expect((await proxy.report(changed))[0]).to.include({ generation, error: undefined });
    expect(factsOf(town).properties).to.include({ rank: 'mod' });
    const { sequence } = town.journal.head;
    expect((await proxy.report(changed))[0], 'again').to.include({ generation, error: undefined });
    expect(town.journal.head, 'nothing more is stored').to.include({ sequence });
  });

  it('ends with the presence: a new login has only the facts of its proxy', async () => {
    const { town, proxy, server, facts, generation } = await open();
    await update(server, generation, { properties: { rank: 'vip' } });
    const next = await proxy.granted(facts);
    expect(await update(server, generation, { language: 'xx' })).to.equal('PLAYER_NOT_FOUND');
    expect(await update(server, next, { language: 'xx' }), 'they log in').to.equal(
      'PLAYER_NOT_FOUND',
    );
    await proxy.report(joined(facts, next));
    expect(factsOf(town).properties).to.deep.equal({ brand: 'phone', rank: 'none' });
    expect(await update(server, generation, { language: 'xx' })).to.equal('STALE_GENERATION');
  });

  it('is refused without an online player, or with invalid facts', async () => {
    const { town, server, generation } = await open();
    const head = town.journal.head.sequence;
    const many = Array.from({ length: 65 }, (_, n) => [`p${n}`, ''] as const);
    expect(await update(server, generation, {}, '404')).to.equal('PLAYER_NOT_FOUND');
    expect(await update(server, generation, {}, '')).to.equal('PLAYER_INVALID');
    expect(await update(server, generation, { properties: Object.fromEntries(many) })).to.equal(
      'LABELS_INVALID',
    );
    expect(await update(server, generation, { language: 'x'.repeat(33) })).to.equal(
      'TEXT_TOO_LONG',
    );
    expect(await update(server, generation, { context: new Uint8Array(16_385) })).to.equal(
      'PLAYER_INVALID',
    );
    expect(town.journal.head.sequence).to.equal(head);
  });

  it('is not lost when many servers send changes at the same time', async () => {
    const { town, generation } = await open();
    const servers = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => (await join(town, hello(`s-${n}`))).stream),
    );
    const done = servers.map((stream, n) =>
      update(stream, generation, { properties: { [`p-${n}`]: String(n) } }),
    );
    expect(new Set(await Promise.all(done))).to.deep.equal(new Set(['requestOk']));
    const { properties } = factsOf(town);
    for (let n = 0; n < 30; n++) expect(properties[`p-${n}`]).to.equal(String(n));
  });

  it('stores a bounded number of names, the newest', async () => {
    const { town, server, proxy, facts, generation } = await open();
    for (let n = 0; n < 200; n++) {
      await update(server, generation, { properties: { [`p-${n}`]: '' } });
      await update(server, generation, { removedProperties: [`p-${n}`] });
    }
    expect(town.playerRows.get(STEVE)?.others.properties).to.have.length(128);
    await proxy.sync([{ ...facts, properties: { 'p-0': 'old', 'p-199': 'new' } }], generation);
    expect(factsOf(town).properties).to.deep.equal({ 'p-0': 'old' });
  });
});
