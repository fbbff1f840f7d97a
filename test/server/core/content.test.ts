/** Every reader can decode the content that the coordinator accepts, whatever its keys. */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { expect } from 'chai';
import fc from 'fast-check';
import { MessageOrigin, type Content, type EventDraft } from '../../../gen/ts/kelpie/v1/event.js';
import { Event, Payload } from '../../../gen/ts/kelpie/v1/event.js';
import { Hello } from '../../../gen/ts/kelpie/v1/session_service.js';
import { ConnectResponse } from '../../../gen/ts/kelpie/v1/session_service.js';
import { Player } from '../../../gen/ts/kelpie/v1/player.js';
import { KelpieError } from '../../../server/core/errors.js';
import { draftEntry, encodeDrafts } from '../../../server/events/drafts.js';
import { nodeOf } from '../../../server/nodes/node.js';
import { changedNode } from '../../../server/nodes/change.js';
import { NodeChange } from '../../../gen/ts/kelpie/v1/node.js';
import { playerOf } from '../../../server/players/player.js';
import { labelsOf } from '../../../server/network/labels.js';
import { defaultLimits } from '../../../server/network/limits.js';
import { hello } from '../../support/model/coordinator.js';
import { thrownBy } from '../../support/thrown.js';

const { jsonDepth } = defaultLimits;

type Json = Record<string, unknown>;

/** An object that contains the given levels: true is a list, false is another object. */
function nested(levels: readonly boolean[], leaf: unknown): Json {
  const inner = levels.reduceRight((value, list) => (list ? [value, 1] : { a: value, b: 1 }), leaf);
  return { a: inner };
}

function jsonDraft(value: Json): EventDraft {
  const content: Content = { form: { $case: 'json', value } };
  return { topic: 'a', payload: { type: '', content, attributes: {}, origin: MessageOrigin.NODE } };
}

function entryOf(draft: EventDraft): Uint8Array {
  const [encoded] = encodeDrafts([draft], defaultLimits);
  if (!encoded) throw new Error('nothing was encoded');
  return draftEntry(encoded, 'lobby-1', new Date(0), defaultLimits).event;
}

/** A decoder that stops at 100 levels of messages, as the decoders of Java and C++ do. */
function strict(bytes: Uint8Array): BinaryReader {
  // Our own decoder stops at 1000 levels, and counts them in this property.
  return Object.assign(new BinaryReader(bytes), { __tsProtoDecodeDepth: 900 });
}

const kinds = (levels: number) => fc.array(fc.boolean(), { minLength: levels, maxLength: levels });

describe('JSON content', () => {
  it('with the most allowed levels can be read by decoders that stop at 100 levels', () => {
    const frame = (event: Event) =>
      ConnectResponse.create({
        frames: [{ frame: { $case: 'eventBatch', value: { events: [event] } } }],
      });
    fc.assert(
      fc.property(kinds(jsonDepth - 1), fc.constantFrom(null, 'x', {}, []), (levels, leaf) => {
        // An empty object or list is a level too.
        const fit = typeof leaf === 'object' && leaf !== null ? levels.slice(1) : levels;
        const value = nested(fit, leaf);
        const event = Event.decode(strict(entryOf(jsonDraft(value))));
        const bytes = ConnectResponse.encode(frame(event)).finish();
        const [read] = ConnectResponse.decode(strict(bytes)).frames;
        expect(read?.frame).to.deep.equal(frame(event).frames[0]?.frame);
        expect(JSON.stringify(read)).to.include(JSON.stringify(value));
      }),
    );
  });

  it('with one level more is refused with CONTENT_TOO_DEEP', () => {
    fc.assert(
      fc.property(kinds(jsonDepth), fc.integer({ min: 0, max: 200 }), (levels, more) => {
        const deep = [...levels, ...Array<boolean>(more).fill(true)];
        const error = thrownBy(KelpieError, () => entryOf(jsonDraft(nested(deep, 1))));
        expect(error.reason).to.equal('CONTENT_TOO_DEEP');
        expect(error.metadata).to.deep.equal({ limit: String(jsonDepth) });
      }),
    );
  });
});

describe('the keys of a map', () => {
  const odd = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '', ' ', 'é', '🐴'];
  // Like JSON.parse: each key becomes an own property, whatever its name.
  const mapOf = (value: string): Record<string, string> =>
    Object.fromEntries(odd.filter((key) => key !== '').map((key) => [key, value]));

  it('survive in attributes and in nested JSON', () => {
    const attributes = Object.fromEntries(odd.map((key) => [key, 'x']));
    const value = JSON.parse('{"__proto__":{"__proto__":[{"__proto__":1}],"b":2}}') as Json;
    const content: Content = { form: { $case: 'json', value } };
    const sent = Payload.encode({
      type: '',
      content,
      attributes,
      origin: MessageOrigin.NODE,
    }).finish();
    const payload = Payload.decode(sent);
    const { body } = Event.decode(entryOf({ topic: 'a', payload }));
    const read = body?.$case === 'messagePublished' ? body.value : undefined;
    expect(Object.keys(read?.attributes ?? {})).to.have.members(odd);
    expect(Object.getPrototypeOf(read?.attributes)).to.equal(Object.prototype);
    const form = read?.content?.form;
    expect(JSON.stringify(form?.$case === 'json' && form.value)).to.equal(JSON.stringify(value));
  });

  it('survive in labels and properties, and in the nodes and players made from these', () => {
    const own = Hello.decode(Hello.encode(hello('lobby', { labels: mapOf('x') })).finish());
    const node = nodeOf(own, '10.0.0.1');
    const keys = Object.keys(mapOf(''));
    expect(Object.keys(node.labels)).to.have.members(keys);
    const change = NodeChange.create({ labels: mapOf('y'), removedLabels: ['constructor'] });
    const changed = changedNode(node, change);
    expect(Object.keys(changed.labels)).to.have.members(
      keys.filter((key) => key !== 'constructor'),
    );
    expect(Object.values(changed.labels)).to.include('y').and.not.include('x');
    const sent = Player.create({ xuid: '1', name: 'Steve', properties: mapOf('z') });
    const read = Player.decode(Player.encode(sent).finish());
    const place = {
      proxy: 'gate',
      server: '',
      serverUnregistered: false,
      generation: 1,
      joinTime: undefined,
    };
    expect(Object.keys(playerOf(read, place).properties)).to.have.members(keys);
  });

  it('are refused if they are too many', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, '']));
    expect(thrownBy(KelpieError, () => labelsOf(many)).reason).to.equal('LABELS_INVALID');
  });
});
