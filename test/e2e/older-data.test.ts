/**
 * A data directory that the version before wrote, with the contract before its last revision: its rows and
 * events keep their bytes, so this version reads all of them.
 *
 * `data-of-0.1.0.json.gz` holds the files of the directory in base64, by their names. kelpied of commit
 * fde6038 wrote them, and was killed while its nodes were connected.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { apiAt } from '../../client/api/index.js';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { startCoordinator } from '../../server/coordinator.js';

/** The compiled file lies one folder deeper, in dist. */
const FIXTURE = fileURLToPath(new URL('../../../test/e2e/data-of-0.1.0.json.gz', import.meta.url));

/** The directory, as it was when kelpied was killed. */
function unpacked(): string {
  const folder = dataFolder();
  const files = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString()) as Record<string, string>;
  for (const [name, bytes] of Object.entries(files))
    writeFileSync(join(folder, name), Buffer.from(bytes, 'base64'));
  return folder;
}

describe('the data of the version before', () => {
  after(removeDataFolders);

  it('has its nodes, its players and its history', async () => {
    const coordinator = await startCoordinator({
      ...{ journal: 'file', data: unpacked(), port: 0 },
      // However old the directory is by now, nothing in it is too old, and no node of it leaves.
      retention: { ageMs: Number.MAX_SAFE_INTEGER },
      times: { graceMs: 60_000 },
    });
    const api = apiAt(`127.0.0.1:${coordinator.port}`);

    const { nodes } = await api.nodes.list();
    expect(nodes.map(({ name, role }) => [name, role])).to.deep.equal([
      ['bot', 'SERVICE'],
      ['gate-1', 'PROXY'],
      ['lobby-1', 'DOWNSTREAM'],
    ]);
    const [bot, , lobby] = nodes;
    expect(bot?.maxPlayers, 'not reported').to.equal(undefined);
    expect(lobby).to.deep.include({
      ...{ displayName: 'Lobby-1', maxPlayers: 80, motd: 'Hello', state: 'DRAINING' },
      labels: { arena: '3', mode: 'lobby' },
      address: { host: '10.0.0.7', port: 19132 },
      commands: ['shop.open'],
    });

    const { players } = await api.players.list({ includeContext: true });
    expect(players.map(({ name, proxy, server }) => [name, proxy, server])).to.deep.equal([
      ['Alex the Great', 'gate-1', 'hub'],
      ['Steve', 'gate-1', 'lobby-1'],
    ]);
    const [alex, steve] = players;
    expect(alex).to.include({ serverUnregistered: true, latencyMs: undefined });
    expect(steve).to.deep.include({
      ...{ xuid: '2535400000000001', language: 'en_GB', properties: { rank: 'vip' } },
      context: Buffer.from([1, 2, 3]),
    });

    const topics = ['>', 'nodes.>', 'players.>'];
    const { events } = await api.events.read(topics);
    const messages = events.filter(({ content }) => content !== undefined);
    expect(messages.map(({ topic, origin, content }) => [topic, origin, content])).to.deep.equal([
      ['chat.global', 'UNSPECIFIED', 'hello'],
      ['chat.global', 'UNSPECIFIED', 'from a client'],
      ['shop.sold', 'UNSPECIFIED', { coins: 5 }],
      ['shop.data', 'UNSPECIFIED', new Uint8Array([0, 255])],
    ]);
    expect(events.map(({ body }) => body?.kind)).to.include.members([
      ...['nodeJoined', 'nodeUpdated', 'playerJoined', 'playerMoved'],
    ]);
    api.close();
    await coordinator.stop();
  });
});
