/** A script sends bad requests: each call fails with its reason. */
import { randomBytes } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { say, type Start } from '../../support/wire/frames.js';
import { withNeighbour } from './neighbour.js';
import { expectEnd, failureOf, type Facts } from './refusal.js';

const KIB = 1024;
const RESOURCES = { at: 'START_AT_SNAPSHOT' };
const LATEST = { at: 'START_AT_LATEST' };

describe('bad input in a call', () => {
  const suite = withNeighbour();

  const good = say('call.publish', 'good');
  const large = {
    topic: 'call.publish',
    payload: { content: { data: Buffer.alloc(200 * KIB) } },
  };
  const manyTopics = Array.from({ length: 1001 }, (_, index) => `many.${index}`);
  const shortEpoch = { after: { epoch: randomBytes(3), sequence: 1, tag: 1 } };
  const instance = { instance_id: randomBytes(16) };

  const publishes: [string, object, string, Facts][] = [
    ['no event', { events: [] }, 'BATCH_INVALID', { events: '0', limit: '256' }],
    [
      '257 events',
      { events: Array.from({ length: 257 }, () => good) },
      'BATCH_INVALID',
      { events: '257', limit: '256' },
    ],
    [
      'more than 512 KiB',
      { events: [large, large, large] },
      'BATCH_INVALID',
      { bytes: String(3 * (200 * KIB + 8)), limit: String(512 * KIB) },
    ],
    [
      'a reserved topic',
      { events: [good, say('nodes.x', 'x')] },
      'TOPIC_RESERVED',
      { topic: 'nodes.x' },
    ],
    ['a malformed topic', { events: [good, say('a b', 'x')] }, 'TOPIC_INVALID', { topic: 'a b' }],
    ['an empty event', { events: [good, { topic: 'call.publish' }] }, 'EVENT_EMPTY', {}],
    ...[2, -1, 2 ** 31 - 1].map((origin): [string, object, string, Facts] => [
      `the origin ${origin}`,
      { events: [good, { ...good, payload: { content: { text: 'x' }, origin } }] },
      'OUT_OF_RANGE',
      { field: 'payload.origin', limit: '1' },
    ]),
    [
      'an event over 256 KiB',
      { events: [good, { ...large, payload: { content: { data: Buffer.alloc(300 * KIB) } } }] },
      'PAYLOAD_TOO_LARGE',
      { bytes: String(300 * KIB + 8), limit: String(256 * KIB) },
    ],
    [
      'a short instance id',
      { events: [good], instance_id: randomBytes(15), first_publish_sequence: 1 },
      'INSTANCE_ID_INVALID',
      {},
    ],
    [
      'a publish sequence without an instance id',
      { events: [good], first_publish_sequence: 1 },
      'INSTANCE_ID_INVALID',
      {},
    ],
    [
      'an instance id without a publish sequence',
      { events: [good], ...instance },
      'OUT_OF_RANGE',
      { field: 'first_publish_sequence', limit: '1' },
    ],
  ];
  for (const [what, request, reason, facts] of publishes) {
    it(`PublishEvents refuses ${what} with ${reason}, and stores none of it`, async () => {
      const call = suite.wire.call('EventService.PublishEvents', { events: [], ...request });
      expectEnd(await failureOf(call), reason, facts, status.INVALID_ARGUMENT);
      expect(await suite.history('call.publish')).to.deep.equal([]);
    });
  }

  it('PublishEvents refuses a hole, and stores a repeat and an overlap once', async () => {
    const topic = 'call.numbered';
    const publish = (first_publish_sequence: number, ...texts: string[]) =>
      suite.wire.call('EventService.PublishEvents', {
        events: texts.map((text) => say(topic, text)),
        first_publish_sequence,
        ...instance,
      });
    expect(await publish(1, 'one', 'two')).to.have.property('stored', 2);
    const hole = await failureOf(publish(4, 'four'));
    expectEnd(hole, 'PUBLISH_SEQUENCE_HOLE', { expected: '3' }, status.OUT_OF_RANGE);
    expect(await publish(1, 'one', 'two')).to.deep.equal({
      first_sequence: 0,
      stored: 0,
    });
    expect(await publish(2, 'two', 'three')).to.have.property('stored', 1);
    expect(await suite.history(topic)).to.deep.equal(['one', 'two', 'three']);
  });

  it('PublishEvents refuses a message over 1 MiB', async () => {
    const events = [say('call.publish', 'x'.repeat(1024 * KIB))];
    const end = await failureOf(suite.wire.call('EventService.PublishEvents', { events }));
    expect(end.code).to.equal(status.RESOURCE_EXHAUSTED);
    expect(await suite.history('call.publish')).to.deep.equal([]);
  });

  const readings: [string, { topics: string[]; start?: Start }, string, Facts, number][] = [
    ['no topic', { topics: [], start: LATEST }, 'TOPIC_INVALID', {}, status.INVALID_ARGUMENT],
    [
      'a malformed topic',
      { topics: ['chat.>', 'a..b'], start: LATEST },
      'TOPIC_INVALID',
      { topic: 'a..b' },
      status.INVALID_ARGUMENT,
    ],
    [
      'an inbox',
      { topics: ['inbox.hub'], start: LATEST },
      'TOPIC_RESERVED',
      { topic: 'inbox.hub' },
      status.INVALID_ARGUMENT,
    ],
    [
      "the coordinators' own topics",
      { topics: ['kelpie.sessions'], start: LATEST },
      'TOPIC_RESERVED',
      { topic: 'kelpie.sessions' },
      status.INVALID_ARGUMENT,
    ],
    [
      'more than 1,000 patterns',
      { topics: manyTopics, start: LATEST },
      'PATTERN_LIMIT',
      { limit: '1000' },
      status.RESOURCE_EXHAUSTED,
    ],
    ['no start', { topics: ['a'] }, 'START_MISSING', {}, status.INVALID_ARGUMENT],
    ['an empty start', { topics: ['a'], start: {} }, 'START_MISSING', {}, status.INVALID_ARGUMENT],
    [
      'a cursor with a short epoch',
      { topics: ['a'], start: shortEpoch },
      'CURSOR_INVALID',
      {},
      status.INVALID_ARGUMENT,
    ],
    [
      'a start in the future',
      { topics: ['a'], start: { since: { seconds: -5 } } },
      'OUT_OF_RANGE',
      { field: 'start.since', limit: '0' },
      status.INVALID_ARGUMENT,
    ],
  ];
  for (const [what, request, reason, facts, code] of readings) {
    it(`ReadEvents and WatchEvents refuse ${what} with ${reason}`, async () => {
      const page = await failureOf(suite.wire.call('EventService.ReadEvents', request));
      expectEnd(page, reason, facts, code);
      const watch = suite.wire.watch(request.topics, request.start);
      expectEnd(await watch.ended(), reason, facts, code);
      expect(watch.frames).to.deep.equal([]);
    });
  }

  const pages: [string, object, string, Facts][] = [
    ['to start at SNAPSHOT', { start: RESOURCES }, 'START_INVALID', { start: 'SNAPSHOT' }],
    [
      'a page of 257 events',
      { start: LATEST, page_size: 257 },
      'OUT_OF_RANGE',
      { field: 'page_size', limit: '256' },
    ],
    [
      'to wait for more than 60 s',
      { start: LATEST, wait: { seconds: 61 } },
      'OUT_OF_RANGE',
      { field: 'wait', limit: '60000' },
    ],
    [
      'to wait for a negative time',
      { start: LATEST, wait: { seconds: -1 } },
      'OUT_OF_RANGE',
      { field: 'wait', limit: '60000' },
    ],
  ];
  for (const [what, more, reason, facts] of pages) {
    it(`ReadEvents refuses ${what} with ${reason}`, async () => {
      const call = suite.wire.call('EventService.ReadEvents', { topics: ['a'], ...more });
      expectEnd(await failureOf(call), reason, facts, status.INVALID_ARGUMENT);
    });
  }

  it('ListNodes refuses a foreign page token, and a page above the limit', async () => {
    for (const page_token of ['nonsense', 'bm9uc2Vuc2U.hub', '.hub', '....']) {
      const end = await failureOf(suite.wire.call('NodeService.ListNodes', { page_token }));
      expectEnd(end, 'PAGE_TOKEN_INVALID', {}, status.INVALID_ARGUMENT);
    }
    const end = await failureOf(suite.wire.call('NodeService.ListNodes', { page_size: 1001 }));
    const facts = { field: 'page_size', limit: '1000' };
    expectEnd(end, 'OUT_OF_RANGE', facts, status.INVALID_ARGUMENT);
  });

  it('ListNodes takes its own page tokens back, and lists each node once', async () => {
    const names = ['page-a', 'page-b', 'page-c'];
    await Promise.all(names.map((name) => suite.wire.join(name)));
    const first = await suite.wire.call('NodeService.ListNodes', { page_size: 2 });
    const second = await suite.wire.call('NodeService.ListNodes', {
      page_size: 2,
      page_token: first.next_page_token,
    });
    const listed = [...first.nodes, ...second.nodes].map(({ name }) => name);
    expect(listed).to.deep.equal([suite.neighbourName, ...names]);
    expect(second.next_page_token).to.equal('');
    expect(second.cursor).to.deep.equal(first.cursor);
  });

  it('GetNode answers NODE_NOT_FOUND for an unknown node, and finds a node by its name in any case', async () => {
    for (const name of ['Nobody', '']) {
      const end = await failureOf(suite.wire.call('NodeService.GetNode', { name }));
      expectEnd(end, 'NODE_NOT_FOUND', { name }, status.NOT_FOUND);
    }
    const { node } = await suite.wire.call('NodeService.GetNode', {
      name: suite.neighbourName.toUpperCase(),
    });
    expect(node.name).to.equal(suite.neighbourName);
  });
});
