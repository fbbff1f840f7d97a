/** A node sends a bad Hello: the coordinator refuses it and keeps no node of it. */
import { randomBytes } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { type Cursor, type Hello, helloOf, type Start } from '../../support/wire/frames.js';
import { withNeighbour } from './neighbour.js';
import { expectEnd, type Facts } from './refusal.js';

const KIB = 1024;

describe('bad input in a Hello', () => {
  const suite = withNeighbour();

  /** The Hello gets no Welcome, and the network keeps no node of it. */
  const expectRefused = async (hello: Hello, reason: string, facts: Facts, code: number) => {
    const stream = suite.wire.connect();
    stream.send({ hello });
    expectEnd(await stream.ended(), reason, facts, code);
    expect(stream.frames).to.deep.equal([]);
    const { nodes } = await suite.wire.call('NodeService.ListNodes', {});
    expect(nodes.map(({ name }) => name)).to.deep.equal([suite.neighbourName]);
  };

  const names: [string, string][] = [
    ['', 'node-1'],
    ['!', 'node-1'],
    ['My Server #1', 'my-server-1'],
    ['hub.eu', 'hub-eu'],
    ['-lobby_', 'lobby'],
    ['Élan', 'elan'],
    ['Лобби 3', '3'],
    ['x'.repeat(64), 'x'.repeat(63)],
  ];
  for (const [name, proposal] of names) {
    it(`refuses the name "${name.slice(0, 20)}", and proposes a name that it then accepts`, async () => {
      const facts = { name, proposal };
      await expectRefused(helloOf(name), 'NODE_NAME_INVALID', facts, status.INVALID_ARGUMENT);
      const { welcome } = await suite.wire.join(proposal);
      expect(welcome.node_name).to.equal(proposal);
    });
  }

  const label = (name: string, value: string) => ({ labels: { [name]: value } });
  const numbered = (length: number) =>
    Object.fromEntries(Array.from({ length }, (_, index) => [`label-${index}`, 'x']));
  const after = (cursor: Partial<Cursor>): { start: Start } => ({
    start: { after: { epoch: randomBytes(16), sequence: 1, tag: 1, ...cursor } },
  });
  const deep = Array.from({ length: 17 }, () => 'a').join('.');
  const long = `${'a'.repeat(63)}.`.repeat(4) + 'abc';

  const hellos: [string, Hello, string, Facts][] = [
    ['no role', { role: 'NODE_ROLE_UNSPECIFIED' }, 'ROLE_INVALID', {}],
    ['an unknown role', { role: 99 }, 'ROLE_INVALID', {}],
    ['no instance id', { instance_id: Buffer.alloc(0) }, 'INSTANCE_ID_INVALID', {}],
    ['a short instance id', { instance_id: randomBytes(15) }, 'INSTANCE_ID_INVALID', {}],
    ['a long instance id', { instance_id: randomBytes(17) }, 'INSTANCE_ID_INVALID', {}],
    ['65 labels', { labels: numbered(65) }, 'LABELS_INVALID', { limit: '64', label: '' }],
    ['a label without a name', label('', 'x'), 'LABELS_INVALID', { limit: '63', label: '' }],
    [
      'a label name of 64 bytes',
      label('n'.repeat(64), 'x'),
      'LABELS_INVALID',
      { limit: '63', label: 'n'.repeat(63) },
    ],
    [
      'a label of 256 bytes',
      label('mode', 'ä'.repeat(128)),
      'LABELS_INVALID',
      { limit: '255', label: 'mode' },
    ],
    [
      'a motd of 1025 bytes',
      { motd: 'm'.repeat(1025) },
      'TEXT_TOO_LONG',
      { field: 'motd', limit: '1024' },
    ],
    [
      'a port above 65535',
      { address: { host: '127.0.0.1', port: 65_536 } },
      'OUT_OF_RANGE',
      { field: 'address.port', limit: '65535' },
    ],
    ['an empty topic', { topics: [''] }, 'TOPIC_INVALID', { topic: '' }],
    ['a topic with a space', { topics: ['a b'] }, 'TOPIC_INVALID', { topic: 'a b' }],
    ['a > that is not at the end', { topics: ['a.>.b'] }, 'TOPIC_INVALID', { topic: 'a.>.b' }],
    ['a * within a token', { topics: ['a.b*'] }, 'TOPIC_INVALID', { topic: 'a.b*' }],
    ['a topic of 17 tokens', { topics: [deep] }, 'TOPIC_INVALID', { topic: deep, limit: '16' }],
    [
      'a topic of more than 255 bytes',
      { topics: [long] },
      'TOPIC_INVALID',
      { topic: long.slice(0, 255), limit: '255' },
    ],
    [
      'the inboxes of other nodes as a topic',
      { topics: ['inbox.*'] },
      'TOPIC_RESERVED',
      { topic: 'inbox.*' },
    ],
    [
      "the coordinators' own topics",
      { topics: ['kelpie.>'] },
      'TOPIC_RESERVED',
      { topic: 'kelpie.>' },
    ],
    ['an empty start', { start: {} }, 'START_MISSING', {}],
    ['a start without a place', { start: { at: 'START_AT_UNSPECIFIED' } }, 'START_MISSING', {}],
    ['a cursor with a short epoch', after({ epoch: randomBytes(15) }), 'CURSOR_INVALID', {}],
    ['a cursor without an epoch', after({ epoch: Buffer.alloc(0) }), 'CURSOR_INVALID', {}],
    [
      'a start in the future',
      { start: { since: { seconds: -1 } } },
      'OUT_OF_RANGE',
      { field: 'start.since', limit: '0' },
    ],
    ['a window of no events', { window: { events: 0, bytes: 1 } }, 'WINDOW_INVALID', {}],
    ['a window of no bytes', { window: { events: 1, bytes: 0 } }, 'WINDOW_INVALID', {}],
  ];
  for (const [what, more, reason, facts] of hellos) {
    it(`refuses ${what} with ${reason}`, () =>
      expectRefused(helloOf('refused', more), reason, facts, status.INVALID_ARGUMENT));
  }

  it('refuses a Hello without a start', () => {
    const hello = { name: 'refused', role: 'NODE_ROLE_PROXY', instance_id: randomBytes(16) };
    return expectRefused(hello, 'START_MISSING', {}, status.INVALID_ARGUMENT);
  });

  it('refuses more than 1,000 patterns', () => {
    const topics = Array.from({ length: 1001 }, (_, index) => `many.${index}`);
    const hello = helloOf('refused', { topics });
    return expectRefused(hello, 'PATTERN_LIMIT', { limit: '1000' }, status.RESOURCE_EXHAUSTED);
  });

  it('refuses a Hello over 64 KiB, and takes its topics in later frames', async () => {
    const topics = Array.from({ length: 250 }, (_, index) => `${'long'.repeat(60)}.${index}`);
    const labels = Object.fromEntries(
      topics.slice(0, 20).map((_, i) => [`l${i}`, 'v'.repeat(255)]),
    );
    const stream = suite.wire.hello('refused', { topics, labels });
    const { error } = await stream.ended();
    expect(error?.reason).to.equal('ERROR_REASON_HELLO_TOO_LARGE');
    expect(Number(error?.metadata['bytes'])).to.be.greaterThan(64 * KIB);
    expect(error?.metadata['limit']).to.equal(String(64 * KIB));
    const { stream: next } = await suite.wire.join('taken', {});
    const update = { added_topics: topics, start_at: 'START_AT_LATEST' };
    next.send({ request_id: 1, update_subscription: update });
    expect((await next.answer(1)).frame).to.equal('subscription_updated');
  });

  it('welcomes a Hello in which every field is at its limit', async () => {
    await suite.wire.join('x'.repeat(63), {
      labels: { ...numbered(63), ['n'.repeat(63)]: 'v'.repeat(255) },
      motd: 'm'.repeat(1024),
      topics: [deep.slice(2), long.slice(0, 255)],
      window: { events: 1, bytes: 1 },
      address: { host: '127.0.0.1', port: 65_535 },
    });
  });

  it('refuses a name while its holder lives, and the holder keeps the name', async () => {
    const { stream: holder } = await suite.wire.join('taken', { topics: ['taken'] });
    const other = suite.wire.hello('TAKEN');
    await holder.next('heartbeat_requested');
    await suite.expectAlive(holder);
    expectEnd(
      await other.ended(),
      'NODE_NAME_IN_USE',
      { name: 'taken' },
      status.FAILED_PRECONDITION,
    );
    expect(other.frames).to.deep.equal([]);
    await suite.tell('taken', 'for the holder');
    expect(await holder.texts('for the holder')).to.deep.equal(['for the holder']);
  });
});
