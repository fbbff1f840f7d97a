/** protos/README.md: the walk through a transfer goes as it stands there. */
import { type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { JsonPeer } from '../support/wire/json-peer.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { Document } from './document.js';

const nodes = {
  gate: ['NODE_ROLE_PROXY', ['transfer_player']],
  lobby: ['NODE_ROLE_DOWNSTREAM', ['prepare_departure', 'transfer_ended']],
  arena: ['NODE_ROLE_DOWNSTREAM', ['prepare_arrival', 'confirm_arrival', 'transfer_ended']],
} as const;

/** The fields whose values differ from run to run. */
const OWN = ['commandId', 'generation', 'transferId'];

/** The real values of these fields, by their values in the page. */
function learn(shown: JsonValue, real: JsonValue | undefined, values: Map<string, string>): void {
  if (typeof shown !== 'object' || typeof real !== 'object' || !shown || !real) return;
  for (const [key, value] of Object.entries(shown)) {
    const own = (real as JsonObject)[key];
    if (OWN.includes(key) && typeof value === 'string' && typeof own === 'string')
      values.set(value, own);
    else learn(value, own, values);
  }
}

/** A frame with the values of this run, and without its time. */
function inThisRun(json: string, values: ReadonlyMap<string, string>): string {
  let text = json;
  for (const [shown, real] of values) text = text.replaceAll(`"${shown}"`, `"${real}"`);
  return text.replaceAll(/"timeLeft": ?"[\d.]+s"/g, '"timeLeft": "1s"');
}

describe('the walk through a transfer in the manual of the contract', () => {
  let kelpied: Kelpied;
  const peers = new Map<string, JsonPeer>();

  const ask = async (name: string, frame: JsonValue): Promise<JsonObject> => {
    peers.get(name)?.send(frame);
    return (await peers.get(name)?.next()) ?? {};
  };

  before(async () => {
    kelpied = await startKelpied(['--drain-seconds', '0']);
    for (const [name, [role, commands]] of Object.entries(nodes)) {
      peers.set(name, new JsonPeer(kelpied.endpoint));
      const instanceId = Buffer.alloc(16, name).toString('base64');
      const start = { at: 'START_AT_LATEST' };
      await ask(name, { hello: { name, role, instanceId, commands: [...commands], start } });
    }
  });
  after(async () => {
    for (const peer of peers.values()) peer.close();
    await kelpied.stop();
  });

  it('has the frames that each node sends and gets, in their order', async () => {
    const player = { xuid: '25354', name: 'Maja' };
    const { playerAcquired } = await ask('gate', { requestId: 1, acquirePlayer: { player } });
    const { generation = '' } = playerAcquired as { generation?: string };
    const report = { playerId: player.xuid, generation };
    for (const what of [{ joined: player }, { movedTo: 'lobby' }])
      await ask('gate', { requestId: 2, reportPlayers: { reports: [{ ...report, ...what }] } });

    const walk = new Document('protos/README.md').block('text', '→').trimEnd().split('\n');
    expect(walk).to.have.length.greaterThan(15);
    const values = new Map<string, string>();
    for (const line of walk) {
      const [, name = '', arrow, json = ''] = /^(\w+) +(→|←) (.*)$/.exec(line) ?? [];
      if (arrow === '→') {
        peers.get(name)?.send(JSON.parse(inThisRun(json, values)) as JsonValue);
        continue;
      }
      const real = await peers.get(name)?.next();
      learn(JSON.parse(json) as JsonValue, real, values);
      const got: unknown = JSON.parse(inThisRun(JSON.stringify(real), values));
      expect(got, line).to.deep.equal(JSON.parse(inThisRun(json, values)));
    }
  });
});
