/**
 * A peer may send any bytes in any field of any rpc or frame. The process must live, a neighbour must notice nothing,
 * each answer must be typed, and every client must be able to read accepted values back. The messages come from the
 * descriptor set, so that the test attacks a new field from its first day.
 */
import { type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import type { ReflectMessage } from '@bufbuild/protobuf/reflect';
import { expect } from 'chai';
import { type Coordinator, startCoordinator } from '../../server/coordinator.js';
import { reasons } from '../../server/core/errors.js';
import { Besieged } from '../support/process/besieged.js';
import { decentBytes, nowDecent } from '../support/hostile/decent-messages.js';
import {
  bytesOfJson,
  decoded,
  type FieldPath,
  listed,
  messageField,
  messageType,
  methods,
  nameOf,
  pathsOf,
  sameMessage,
  valueOf,
} from '../support/wire/descriptors.js';
import { hostileFields } from '../support/hostile/hostile-bytes.js';
import { figure, inSoak } from '../support/soak.js';
import { bytesOf } from '../support/wire/contract.js';
import {
  type Cursor,
  type Event,
  type Frame,
  say,
  type Start,
  textOf,
  type WireError,
} from '../support/wire/frames.js';
import type { End } from '../support/wire/status.js';
import type { Stream } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

/** The number of hostile values for each field. */
const VALUES = inSoak(Number.POSITIVE_INFINITY, 5);
/** The number of calls at the same time. */
const AT_ONCE = 16;
/** The test gives up a call that waits or watches after this time, and counts it as harmless. */
const PATIENCE_MS = inSoak(1000, 300);
/** Longer than the limit of a message: the transport refuses it before Kelpie sees it. */
const MESSAGE_BYTES = 1024 * 1024;

/** A hostile message: the path of the hostile field, and the value in it. */
interface Case {
  readonly path: FieldPath;
  readonly what: string;
  readonly hostile: Uint8Array;
}

/** Draws values by a seed. A failure names the seed, so that a developer can repeat the run. */
const seed = Number(process.env['FUZZ_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
let state = seed;
function below(count: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (state >> 8) % count;
}

/** A valid message with one hostile field at the end of the path. Of two equal fields, the later one counts. */
function around(type: DescMessage, path: FieldPath, hostile: Uint8Array): Uint8Array {
  const [field, ...rest] = path;
  if (!field) throw new Error('a path has a field');
  const inner = rest.length === 0 ? hostile : within(field, rest, hostile);
  return Buffer.concat([decentBytes(type), inner]);
}

function within(field: DescField, rest: FieldPath, hostile: Uint8Array): Uint8Array {
  if (!field.message) throw new Error(`${field.name} has no fields`);
  const inner = around(field.message, rest, hostile);
  if (field.fieldKind !== 'map') return messageField(field.number, inner);
  const entry = [messageField(1, Buffer.from('key')), messageField(2, inner)];
  return messageField(field.number, Buffer.concat(entry));
}

/** Hostile values for all fields of a type, or for the wanted paths. */
function* cases(
  type: DescMessage,
  wanted: (path: FieldPath) => boolean = () => true,
): Generator<Case> {
  for (const path of pathsOf(type, [type])) {
    const last = path.at(-1);
    if (!last || !wanted(path)) continue;
    const values = Object.entries(hostileFields(last));
    while (values.length > VALUES) values.splice(below(values.length), 1);
    for (const [name, make] of values) {
      yield { path, what: `${nameOf(path)}: ${name}`, hostile: make() };
    }
  }
}

/** The reason why a client cannot use an answer; undefined if it can. */
function untyped({ code, message, info, error }: End): string | undefined {
  if (code === 0) return undefined;
  const reason = info?.reason ?? '';
  if (reason in reasons && reason !== 'INTERNAL' && error && error.reason !== '') return undefined;
  return `status ${code} without a reason: ${message.slice(0, 200)}`;
}

describe(`hostile messages (FUZZ_SEED=${seed})`, () => {
  let siege: Besieged;
  let wire: Wire;
  let victims: Wire;
  /** A hostile call may make the first credential, which closes its coordinator: so this one is closed from the start. */
  let closed: Coordinator;
  let operator: Wire;
  /** A session that reads everything and gets commands. Messages of other peers must never end it. */
  let victim: Stream;
  const faults: string[] = [];
  let accepted: Accepted;

  before(async () => {
    siege = await Besieged.start();
    wire = new Wire(siege.endpoint);
    victims = new Wire(siege.endpoint);
    victim = await follow(victims);
    accepted = new Accepted();
    closed = await startCoordinator({ port: 0, journal: 'memory' });
    const token = await closed.createToken({ name: 'operator', preset: 'operator' });
    operator = new Wire(closed.endpoint, token);
  });

  /** Checks that there are no findings, and that the other sessions noticed nothing. */
  const unharmed = async (): Promise<void> => {
    await alive(wire, victim);
    const found = faults.splice(0);
    expect(found.slice(0, 20), `${found.length} faults`).to.deep.equal([]);
  };

  after(async () => {
    await readBack(siege.endpoint, accepted);
    await victims.leave();
    for (const one of [wire, victims, operator]) one.close();
    await closed.stop();
    await siege.unharmed();
    await siege.stop();
  });

  for (const rpc of methods.filter(({ methodKind }) => methodKind !== 'bidi_streaming')) {
    it(`${rpc.parent.name}.${rpc.name}`, async () => {
      const path = `/${rpc.parent.typeName}/${rpc.name}`;
      const peer = rpc.parent.name === 'AccessService' ? operator : wire;
      let count = 0;
      await together(AT_ONCE, cases(rpc.input), async (one) => {
        count += 1;
        const bytes = around(rpc.input, one.path, one.hostile);
        const startMs = performance.now();
        const { end, answers } = await peer.callBytes(path, bytes, PATIENCE_MS);
        // Decoders differ for invalid JSON and for a wrong wire type.
        const odd = /: as |no key|null_value|a value that is nothing/.test(one.what);
        if (rpc.name === 'PublishEvents' && !odd)
          answers.forEach((answer) => accepted.add(one.what, bytes, answer));
        const gaveUp = end.code === 4 && performance.now() - startMs >= PATIENCE_MS - 50;
        const fault = gaveUp || bytes.length > MESSAGE_BYTES ? undefined : untyped(end);
        if (fault) faults.push(`${one.what}: ${fault}`);
      });
      await operator.call('CoordinatorService.GetInfo', {});
      figure(`${count} messages`);
      await unharmed();
    });
  }

  const request = messageType('ConnectRequest');
  const frames = messageType('NodeFrame').fields.map(({ name }) => name);

  for (const frame of ['', ...frames.filter((name) => name !== 'hello')]) {
    it(frame === '' ? 'Connect, no frame' : `Connect, ${frame}`, async () => {
      const session = new FuzzedSession(wire, faults);
      const wanted = (path: FieldPath): boolean => (path[1]?.name ?? '') === frame;
      let count = 0;
      for (const one of cases(request, wanted)) {
        count += 1;
        await session.prepare(one.path);
        await session.send(one, around(request, one.path, one.hostile));
      }
      await session.leave();
      figure(`${count} messages`);
      await unharmed();
    });
  }

  it('Connect, hello', async () => {
    let count = 0;
    for (const one of cases(request, (path) => path[1]?.name === 'hello')) {
      count += 1;
      const stream = wire.connect();
      stream.sendBytes(Buffer.from(around(request, one.path, one.hostile)));
      const welcomed = await stream.next('welcome').then(
        () => true,
        () => false,
      );
      const end = await (welcomed ? stream.leave() : stream.ended());
      const fault = untyped(end);
      if (fault) faults.push(`${one.what}: ${fault}`);
    }
    figure(`${count} messages`);
    await unharmed();
  });
});

/** The commands that the fuzzing proxy handles, by the form of their answers. */
const COMMANDS: Record<string, JsonValue> = {
  players: { kickPlayers: { players: [{ playerId: '2535400000000001' }] } },
  console: { runConsoleCommand: { line: 'list' } },
  verified: { verifyPlayer: { player: { playerId: '2535400000000001' } } },
  custom: { custom: { name: 'echo', content: { text: 'x' } } },
};

/** The session of a proxy that sends the hostile messages. When a message ends it, the test opens a new one. */
class FuzzedSession {
  readonly #wire: Wire;
  readonly #faults: string[];
  #stream: Stream | undefined;
  #requestId = 0;
  /** The number of frames that were checked. */
  #seen = 0;
  #publishSequence = 1;
  #generation = 0;

  constructor(wire: Wire, faults: string[]) {
    this.#wire = wire;
    this.#faults = faults;
  }

  /** Updates the valid values of the messages: the next numbers, and a command that waits for a reply. */
  async prepare(path: FieldPath): Promise<void> {
    const stream = (this.#stream ??= await this.#open());
    this.#requestId += 2;
    nowDecent(messageType('NodeFrame'), { requestId: this.#requestId });
    nowDecent(messageType('Publish'), { firstPublishSequence: this.#publishSequence });
    const generation = below(2) === 0 ? 0 : this.#generation;
    nowDecent(messageType('PlayerReport'), { playerId: '2535400000000001', generation });
    if (path[1]?.name === 'command_reply') await this.#ask(stream, path[3]?.name ?? 'custom');
  }

  /** Sends a message, and waits for its answer or for the end of the stream. */
  async send({ what, path }: Case, bytes: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (!stream) throw new Error('it is not prepared');
    stream.sendBytes(Buffer.from(bytes));
    const barrier = this.#requestId + 1;
    stream.send({ request_id: barrier, heartbeat: {} });
    try {
      await stream.answer(barrier);
    } catch {
      const end = await stream.ended();
      const fault =
        untyped(end) ??
        (end.code === 0 && path[1]?.name !== 'goodbye' ? 'it ended as OK' : undefined);
      if (fault) this.#faults.push(`${what}: the session ended with ${fault}`);
      this.#stream = undefined;
    }
    this.#look(stream, what);
  }

  async leave(): Promise<void> {
    await this.#stream?.leave();
  }

  async #open(): Promise<Stream> {
    const { stream, welcome } = await this.#wire.join('fuzz', {
      role: 'NODE_ROLE_PROXY',
      instance_id: Buffer.alloc(16, 7),
      topics: ['fuzz'],
      commands: ['kick_players', 'run_console_command', 'verify_player', 'echo'],
    });
    this.#seen = 0;
    this.#publishSequence = welcome.publish_sequence + 1;
    return stream;
  }

  /** Issues a command to this node, so that it can reply to one. */
  async #ask(stream: Stream, form: string): Promise<void> {
    const type = messageType('IssueCommandRequest');
    const command = COMMANDS[form] ?? COMMANDS['custom'] ?? null;
    const json = { target: { node: 'fuzz' }, command, timeout: '1s' };
    const issued = this.#wire.callBytes(
      '/kelpie.v1.CommandService/IssueCommand',
      bytesOfJson(type, json),
    );
    void issued.then(({ end }) => {
      const fault = untyped(end);
      if (fault) this.#faults.push(`an issuer whose command was replied to: ${fault}`);
    });
    const { command_id: commandId } = await stream.next('command_request');
    const answer = form in COMMANDS ? { output: { [form]: {} } } : {};
    nowDecent(messageType('CommandReply'), { commandId, ...answer });
  }

  #look({ frames }: Stream, what: string): void {
    for (; this.#seen < frames.length; this.#seen++) {
      const frame = frames[this.#seen];
      if (frame) this.#take(frame, what);
    }
  }

  #take(frame: Frame, what: string): void {
    const { request_failed: failed, publish_ack: ack, player_acquired: acquired } = frame;
    if (ack) this.#publishSequence = ack.publish_sequence + 1;
    if (acquired?.generation !== undefined) this.#generation = acquired.generation;
    for (const { error } of ack?.rejections ?? []) this.#check(error, what);
    for (const { error } of frame.players_reported?.results ?? [])
      if (error) this.#check(error, what);
    if (!failed) return;
    this.#check(failed.error, what);
    const expected = failed.error.metadata['expected'];
    if (expected !== undefined) this.#publishSequence = Number(expected);
  }

  #check({ reason, message }: WireError, what: string): void {
    const name = reason.replace(/^ERROR_REASON_/, '');
    if (name === 'INTERNAL' || !(name in reasons))
      this.#faults.push(`${what}: ${reason} ${message}`);
  }
}

/** Runs the work for all items, a number of them at once. */
async function together<Item>(
  count: number,
  items: Iterable<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: count }, worker));
}

/** A session that reads everything and acknowledges it. */
async function follow(wire: Wire): Promise<Stream> {
  const topics = ['>', 'nodes.>', 'players.>'];
  const commands = ['echo', 'run_console_command', 'kick_players', 'show_message'];
  const { stream } = await wire.join('fuzz-victim', { topics, commands });
  // Much shorter than the silence that ends a session.
  setInterval(() => stream.send({ heartbeat: {} }), 2000).unref();
  return stream;
}

/** Checks that the victim's session lives and gets an event. */
async function alive(wire: Wire, victim: Stream): Promise<void> {
  const text = `alive ${Math.random()}`;
  await wire.call('EventService.PublishEvents', { events: [say('inbox.fuzz-victim', text)] });
  for (;;) {
    const { event_batch: batch } = await victim.any();
    if (!batch) continue;
    victim.send({ ack: { sequence: batch.up_to.sequence } });
    if (batch.events.some((event) => textOf(event) === text)) return;
  }
}

/** The request as a strict decoder reads it; undefined if it is malformed and only a lenient decoder accepts it. */
function strictly(request: Uint8Array): ReflectMessage | undefined {
  const type = messageType('PublishEventsRequest');
  try {
    return decoded(type, request);
  } catch {
    return undefined;
  }
}

/** The events that calls published, by their sequences. */
class Accepted {
  readonly #published = new Map<bigint, { what: string; payload: ReflectMessage }>();

  add(what: string, request: Uint8Array, response: Uint8Array): void {
    const read = strictly(request);
    if (!read) return;
    const drafts = listed(read, 'events');
    const answer = decoded(messageType('PublishEventsResponse'), response);
    const first = valueOf(answer, 'first_sequence') as bigint;
    drafts.forEach((draft, index) => {
      const payload = valueOf(draft, 'payload') as ReflectMessage;
      this.#published.set(first + BigInt(index), { what, payload });
    });
  }

  /** The events that differ from the published ones. */
  readonly changed: string[] = [];

  /** Counts the events of an answer that equal the published ones, and collects the others. */
  compare(response: Uint8Array): number {
    let count = 0;
    for (const event of listed(decoded(messageType('ReadEventsResponse'), response), 'events')) {
      const published = this.#published.get(valueOf(event, 'sequence') as bigint);
      if (!published) continue;
      count += 1;
      const read = valueOf(event, 'message_published') as ReflectMessage;
      const { what, payload } = published;
      if (!sameMessage(read, payload)) this.changed.push(what);
    }
    return count;
  }
}

/**
 * New clients read everything: one with the decoder of another library, and one that compares each event with the
 * published one.
 */
async function readBack(endpoint: string, accepted: Accepted): Promise<void> {
  const wire = new Wire(endpoint);
  const path = '/kelpie.v1.EventService/ReadEvents';
  let compared = 0;
  for (const topics of [['>'], ['nodes.>'], ['players.>']]) {
    let start: Start = { at: 'START_AT_EARLIEST' };
    for (let events = 1; events > 0;) {
      const request = { topics, start };
      const { answers } = await wire.callBytes(path, bytesOf('EventService.ReadEvents', request));
      for (const answer of answers) compared += accepted.compare(answer);
      const read: Read = await wire.call('EventService.ReadEvents', request);
      events = read.events.length;
      start = { after: read.cursor };
    }
  }
  wire.close();
  figure(`${compared} events compared`);
  expect(compared).to.be.above(0);
  expect(accepted.changed).to.deep.equal([]);
}

type Read = Readonly<{ events: Event[]; cursor: Cursor }>;
