/** The JSON that kelpie prints is that of protobuf: its own library writes and reads the same. */
import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { Durability } from '../../../gen/ts/kelpie/v1/coordinator.js';
import { GetInfoResponse, Session } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { Event } from '../../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../../gen/ts/kelpie/v1/node.js';
import { registry } from '../../support/wire/descriptors.js';

interface MessageType<M> {
  encode(message: M): { finish(): Uint8Array };
  toJSON(message: M): unknown;
}

function check<M>(name: string, type: MessageType<M>, message: M): void {
  const schema = registry.getMessage(`kelpie.v1.${name}`);
  if (!schema) throw new Error(`the contract has no ${name}`);
  const bytes = type.encode(message).finish();
  const json = JSON.parse(JSON.stringify(type.toJSON(message))) as JsonValue;
  expect(json).to.deep.equal(toJson(schema, fromBinary(schema, bytes), { registry }));
  const read = toBinary(schema, fromJson(schema, json, { registry }));
  expect(Buffer.from(read)).to.deep.equal(Buffer.from(bytes));
}

describe('the JSON of messages', () => {
  const head = { epoch: Uint8Array.of(1, 254), sequence: 2 ** 53 - 1, tag: 0xffff_ffff };

  it('has 64-bit numbers as texts, bytes in base64, times and durations as protobuf writes them', () => {
    for (const [seconds, nanos] of [
      [90, 0],
      [1, 500_000_000],
      [0, 1000],
      [7, 1],
      [-1, -250_000_000],
    ] as const) {
      const uptime = { seconds, nanos };
      const topics = [{ topic: 'chat.global', entries: 5, bytes: 6 }];
      const sizes = { entries: 7, bytes: 8, maxEntries: 9, maxBytes: 10 };
      const retentionTopics = [{ topic: 'pos.>', ...sizes, maxAge: uptime }];
      const info = { version: '1.0.0', uptime, durability: Durability.POWER_LOSS, head, topics };
      const all = { ...info, retentionTopics, entries: 11, bytes: 12, players: 13, readOnly: true };
      const message = GetInfoResponse.fromPartial({
        ...{ coordinatorId: 'a', network: 'main', oldest: head, sessions: 1, nodes: 2 },
        ...{ ...all, engine: 'redis', warnings: [{ problem: 'p', advice: 'a' }] },
      });
      check('GetInfoResponse', GetInfoResponse, message);
    }
  });

  it('has the number of an enum value that a newer coordinator sends', () => {
    const names = {
      name: 'a',
      displayName: 'A',
      instanceId: Uint8Array.of(1),
      motd: 'm',
      ...{ drained: true, reservedSlots: 3 },
      software: 's',
    };
    const enums = { role: 9 as never, state: 77 as never, lastState: 78 as never };
    const node = Node.fromPartial({ ...names, ...enums, version: '1' });
    check('Node', Node, node);
    const body = { $case: 'nodeLeft' as const, value: { node, reason: 99 as never } };
    const time = new Date('2026-11-25T02:35:22.572Z');
    check('Event', Event, { sequence: 1, topic: 'nodes.a', source: 'a', time, body });
  });

  it('is the same for sessions and events', () => {
    const numbers = { entriesBehind: 2, unacknowledgedBytes: 3, queuedBytes: 4, wakeups: 5 };
    const names = { nodeName: 'lobby', sessionId: 's', topics: ['chat.>'] };
    check('Session', Session, { ...names, ...numbers, generation: 1, position: head });
    const content = { form: { $case: 'json' as const, value: { coins: 5, list: [1, null] } } };
    const value = { origin: 1 as const, type: 'sale', content, attributes: { shop: 'north' } };
    check('Event', Event, {
      ...{ sequence: 1795574121228004, topic: 'chat.a', source: 'lobby' },
      time: new Date('2026-11-25T02:35:22.572Z'),
      body: { $case: 'messagePublished', value },
    });
  });
});
