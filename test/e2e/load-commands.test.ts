/**
 * Commands and publishes that cost the coordinator much work, beside a neighbour that must not notice them. The
 * coordinator refuses each of them with a reason, or works on it in turns.
 */
import { expect } from 'chai';
import { Command, NodeSelector } from '../../gen/ts/kelpie/v1/command.js';
import { IssueCommandRequest } from '../../gen/ts/kelpie/v1/command_service.js';
import { MessageOrigin, type EventDraft } from '../../gen/ts/kelpie/v1/event.js';
import { NodeRole } from '../../gen/ts/kelpie/v1/node.js';
import { ConnectRequest, type NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { Besieged } from '../support/process/besieged.js';
import { figure, inSoak } from '../support/soak.js';
import type { Frame, Hello } from '../support/wire/frames.js';
import type { Stream } from '../support/wire/stream.js';
import { Wire } from '../support/wire/wire.js';

/** How long the neighbour may wait for its event, on a machine that is busy with the abuse itself. */
const SLOWEST_MS = 2000;
const NODES = inSoak(1000, 400);
/** The number of streams on one connection. */
const STREAMS = 200;
const COMMANDS = 256;
const FRAMES = inSoak(20_000, 5000);

const BEAT = { load: undefined, presence: undefined, latencies: [] };
const NO_EVENTS = { firstPublishSequence: 1, events: [] };

type Sent = NonNullable<NodeFrame['frame']>;

function message(...frames: (Sent | undefined)[]): Buffer {
  const numbered = frames.map((frame, index) => ({ requestId: index + 1, frame }));
  return Buffer.from(ConnectRequest.encode({ frames: numbered }).finish());
}

function nested(levels: number): Record<string, unknown> {
  return levels === 1 ? {} : { a: nested(levels - 1) };
}

function custom(json: Record<string, unknown>): Command {
  const content = { form: { $case: 'json', value: json } } as const;
  return { form: { $case: 'custom', value: { name: 'ping', content } } };
}

function every(partial: Partial<NodeSelector> = {}, json = {}): Sent {
  const place = { $case: 'every', value: { ...NodeSelector.create(), ...partial } } as const;
  const timeout = { seconds: 1, nanos: 0 };
  const request = { target: { place }, command: custom(json), timeout };
  return { $case: 'issueCommand', value: IssueCommandRequest.create(request) };
}

function publish(sequence: number, topic: string, json: Record<string, unknown>): Sent {
  const content = { form: { $case: 'json', value: json } } as const;
  const event: EventDraft = {
    topic,
    payload: { type: '', content, attributes: {}, origin: MessageOrigin.NODE },
  };
  return { $case: 'publish', value: { firstPublishSequence: sequence, events: [event] } };
}

/** Reads answers until so many requests have ended. Returns the reasons, the number of refused requests and of results. */
async function ended(stream: Stream, requests: number) {
  const reasons = new Map<string, number>();
  let results = 0;
  let refused = 0;
  for (let left = requests; left > 0;) {
    const frame = (await stream.any()) as Frame & {
      command_result?: { last: boolean; error?: { reason: string } };
    };
    const { command_result: result, request_failed: failed } = frame;
    const reason = result?.error?.reason ?? failed?.error.reason;
    if (reason) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    if (result) results += 1;
    if (failed) refused += 1;
    if (failed || result?.last) left -= 1;
  }
  return { reasons, refused, results };
}

describe('under load of commands', () => {
  let siege: Besieged;
  let wires: Wire[];

  before(async () => {
    siege = await Besieged.start();
  });

  beforeEach(() => {
    wires = [];
  });

  afterEach('the neighbour has noticed nothing', async () => {
    for (const wire of [siege.wire, ...wires]) await wire.leave();
    for (const wire of wires) wire.close();
    const { slowestMs } = await siege.unharmed();
    figure(`the neighbour waited ${slowestMs.toFixed()} ms at most`);
    expect(slowestMs).to.be.below(SLOWEST_MS);
  });

  after(async () => {
    await siege.nobodyLeft();
    await siege.stop();
  });

  /** Nodes that handle `ping` but never answer it. */
  const crowd = async (count: number, more: Hello = {}): Promise<void> => {
    for (let from = 0; from < count; from += STREAMS) {
      const wire = new Wire(siege.endpoint);
      wires.push(wire);
      const names = Array.from({ length: Math.min(STREAMS, count - from) }, (_, at) => from + at);
      const joins = names.map((at) => wire.join(`crowd-${at}`, { commands: ['ping'], ...more }));
      await Promise.all(joins);
    }
  };

  it(`${COMMANDS} commands to each of ${NODES} nodes at once: those over the limit are refused`, async () => {
    await crowd(NODES);
    const before = siege.memory();
    const { stream } = await siege.wire.join('shop');
    stream.sendBytes(message(...Array.from({ length: COMMANDS }, () => every())));
    const { refused, results } = await ended(stream, COMMANDS);
    // Commands that have ended make room for others.
    expect(refused).to.be.greaterThan(COMMANDS / 2);
    expect(results).to.equal((COMMANDS - refused) * NODES);
    const more = siege.memory() - before;
    figure(`${COMMANDS} commands to ${NODES} nodes: ${more.toFixed()} MiB more`);
    expect(more).to.be.below(64);
  });

  it('calls of one connection leave room for calls of another', async () => {
    await crowd(40);
    const place = { $case: 'every', value: NodeSelector.create() } as const;
    const issue = (wire: Wire, seconds: number) => {
      const timeout = { seconds, nanos: 0 };
      const request = { target: { place }, command: custom({}), timeout };
      const bytes = IssueCommandRequest.encode(IssueCommandRequest.create(request)).finish();
      return wire.callBytes('/kelpie.v1.CommandService/IssueCommand', bytes);
    };
    const greedy = new Wire(siege.endpoint);
    wires.push(greedy);
    const calls = Array.from({ length: 300 }, () => issue(greedy, 2));
    const other = new Wire(siege.endpoint);
    wires.push(other);
    const { answers } = await issue(other, 1);
    expect(answers).to.have.length(40);
    const ends = (await Promise.all(calls)).map(({ end }) => end.error?.reason ?? 'done');
    const refused = ends.filter((reason) => reason === 'ERROR_REASON_COMMAND_LIMIT').length;
    expect(refused).to.be.at.least(300 - 250);
    expect(ends.filter((reason) => reason === 'done')).to.have.length(300 - refused);
    // Calls that have ended make room for others.
    expect((await issue(greedy, 1)).answers).to.have.length(40);
  });

  it('a selector that repeats one role until the message is full is refused', async () => {
    await crowd(100);
    const { stream } = await siege.wire.join('shop');
    const roles = Array<typeof NodeRole.PROXY>(900_000).fill(NodeRole.PROXY);
    for (let round = 0; round < 5; round++) {
      stream.sendBytes(message(every({ roles })));
      const { reasons } = await ended(stream, 1);
      expect([...reasons.keys()]).to.deep.equal(['ERROR_REASON_OUT_OF_RANGE']);
    }
  });

  const tiny: [string, (index: number) => Sent | undefined][] = [
    ['empty', () => undefined],
    ['heartbeat', () => ({ $case: 'heartbeat', value: BEAT })],
    ['cancelCommand', (index) => ({ $case: 'cancelCommand', value: { issuedRequestId: index } })],
    [
      'commandReply',
      () => ({ $case: 'commandReply', value: { commandId: 1, outcome: undefined } }),
    ],
    ['issueCommand to nobody', () => every({ labels: { nobody: 'has this' } })],
    ['updateOwnNode', () => ({ $case: 'updateOwnNode', value: { change: undefined } })],
    ['publish without an event', () => ({ $case: 'publish', value: NO_EVENTS })],
  ];
  for (const [what, frame] of tiny) {
    it(`${FRAMES} frames in a message, ${what}: each is answered, and memory stays bounded`, async () => {
      const before = siege.memory();
      const { stream } = await siege.wire.join('chatty');
      stream.sendBytes(message(...Array.from({ length: FRAMES }, (_, index) => frame(index + 1))));
      for (let answers = 0; answers < FRAMES;) {
        if ((await stream.any()).request_id > 0) answers += 1;
      }
      expect(siege.memory() - before).to.be.below(64);
    });
  }

  it('content that other clients could not decode is refused, and ends no session', async () => {
    const { stream: reader } = await siege.wire.join('reader', { topics: ['chat'] });
    const { stream: lobby } = await siege.wire.join('lobby', { commands: ['ping'] });
    const { stream } = await siege.wire.join('shop');
    const deep = [31, 32, 33, 60, 300];
    let sequence = 0;
    for (const levels of deep) {
      for (const topic of ['chat', 'inbox.lobby']) {
        stream.sendBytes(message(publish(++sequence, topic, nested(levels))));
        const { rejections } = await stream.settled(sequence);
        expect(rejections[0]?.error.reason).to.equal('ERROR_REASON_CONTENT_TOO_DEEP');
      }
      stream.sendBytes(message(every({}, nested(levels))));
      const { reasons } = await ended(stream, 1);
      expect([...reasons.keys()]).to.deep.equal(['ERROR_REASON_CONTENT_TOO_DEEP']);
    }
    for (const topic of ['chat', 'inbox.lobby']) {
      stream.sendBytes(message(publish(++sequence, topic, nested(30))));
    }
    expect((await reader.next('event_batch')).events.map(({ topic }) => topic)).to.deep.equal([
      'chat',
    ]);
    await lobby.next('event_batch');
    stream.sendBytes(message(every({}, nested(30))));
    const { command_id } = await lobby.next('command_request');
    lobby.send({ command_reply: { command_id, failure: { message: 'no' } } });
    expect((await ended(stream, 1)).results).to.equal(1);
    const history = { topics: ['chat'], start: { at: 'START_AT_EARLIEST' } };
    const { events } = await siege.wire.call('EventService.ReadEvents', history);
    expect(events).to.have.length(1);
  });
});
