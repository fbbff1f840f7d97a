/** Many events and many sessions: the cost of a slow reader, and of thousands of idle readers, for the others. */
import { expect } from 'chai';
import { connect } from '../../client/index.js';
import { type Kelpied, startKelpied } from '../support/process/kelpied.js';
import { ownMemoryOf } from '../support/process/memory.js';
import { inSoak } from '../support/soak.js';
import type { Stream } from '../support/wire/stream.js';
import { type SessionReport, Wire } from '../support/wire/wire.js';

const MIB = 1024 * 1024;
const HEARTBEAT_MS = 4000;

/** All sessions, from all pages. */
async function sessionsOf(wire: Wire): Promise<SessionReport[]> {
  const all: SessionReport[] = [];
  for (let token: string | undefined; token !== '';) {
    const request = { page_size: 1000, ...(token !== undefined && { page_token: token }) };
    const page = await wire.call('CoordinatorService.ListSessions', request);
    all.push(...page.sessions);
    token = page.next_page_token;
  }
  return all;
}

describe('a subscriber that reads one batch and stops', () => {
  const EVENTS = inSoak(1_000_000, 200_000);
  /** Less than the bytes that the slow reader does not read. */
  const MORE_MIB = inSoak(256, 96);
  const RETENTION = 20_000;
  const WINDOW = { events: 100_000, bytes: MIB };
  const LARGEST_BATCH = 64 * 1024;
  /** The bytes of other queued frames of a session: some answers to heartbeats. */
  const ANSWERS = 4096;

  /** Publishes all events. Returns the peak of the coordinator's memory and of the slow session's queue. */
  async function flood(kelpied: Kelpied, wire: Wire, slow: Stream | undefined) {
    const { endpoint: endpoints, process } = kelpied;
    const reader = connect({ name: 'reader', role: 'SERVICE', endpoints });
    const writer = connect({ name: 'writer', role: 'SERVICE', endpoints });
    let read = 0;
    let allRead = (): void => undefined;
    const done = new Promise<void>((resolve) => (allRead = resolve));
    reader.subscribe('flood', ({ content }) => {
      const number = Buffer.from(content as Uint8Array).readUInt32BE();
      if (number !== read) throw new Error(`event ${number} came where ${read} was due`);
      read += 1;
      if (read === EVENTS) allRead();
    });
    const failed = (async () => {
      for await (const { type } of reader.status()) {
        if (type === 'handlerFailed' || type === 'gap') throw new Error(`the reader saw: ${type}`);
      }
    })();
    await Promise.all([reader.ready(), writer.ready()]);
    let peakBytes = 0;
    let mostQueued = 0;
    const look = async (): Promise<void> => {
      peakBytes = Math.max(peakBytes, ownMemoryOf(process.pid));
      const report = (await sessionsOf(wire)).find(({ node_name: name }) => name === 'slow');
      const queued = (report?.unacknowledged_bytes ?? 0) + (report?.queued_bytes ?? 0);
      mostQueued = Math.max(mostQueued, queued);
    };
    const heartbeat = setInterval(() => slow?.send({ heartbeat: {} }), HEARTBEAT_MS);
    let pending: Promise<void>[] = [];
    for (let number = 0; number < EVENTS; number++) {
      const payload = Buffer.alloc(1024);
      payload.writeUInt32BE(number);
      pending.push(writer.publish('flood', payload));
      if (pending.length < 5000) continue;
      await Promise.all(pending);
      pending = [];
      await look();
    }
    await Promise.all(pending);
    await Promise.race([done, failed]);
    await look();
    clearInterval(heartbeat);
    await Promise.all([reader.close(), writer.close()]);
    return { peakBytes, mostQueued };
  }

  it('costs the coordinator only the bytes of its window, costs other readers nothing, and gets the rest or an exact gap', async () => {
    const args = ['--retention-entries', String(RETENTION), '--drain-seconds', '0'];
    const start = async () => {
      const kelpied = await startKelpied(args);
      return { kelpied, wire: new Wire(kelpied.endpoint) };
    };
    const alone = await start();
    const without = await flood(alone.kelpied, alone.wire, undefined);
    alone.wire.close();
    await alone.kelpied.stop();

    const { kelpied, wire } = await start();
    const own = new Wire(kelpied.endpoint);
    const { stream: slow } = await own.join('slow', { topics: ['flood'], window: WINDOW });
    await wire.call('EventService.PublishEvents', {
      events: [{ topic: 'flood', payload: { content: { data: Buffer.alloc(4, 0xff) } } }],
    });
    await slow.next('event_batch');
    slow.pause();
    const withSlow = await flood(kelpied, wire, slow);
    const moreMib = (withSlow.peakBytes - without.peakBytes) / MIB;
    console.log(
      `      peak ${(without.peakBytes / MIB).toFixed(0)} MiB without it, ${(withSlow.peakBytes / MIB).toFixed(0)} MiB with it; ` +
        `at most ${(withSlow.mostQueued / MIB).toFixed(2)} MiB queued for it`,
    );
    expect(moreMib).to.be.lessThan(MORE_MIB);
    expect(withSlow.mostQueued).to.be.greaterThan(0);
    expect(withSlow.mostQueued).to.be.at.most(WINDOW.bytes + LARGEST_BATCH + ANSWERS);

    slow.resume();
    await readOn(slow);
    own.close();
    wire.close();
    await kelpied.stop();
  }).timeout(240_000);

  /** Reads to the last event. The numbers are consecutive, except at gaps, which name exactly the lost events. */
  async function readOn(slow: Stream): Promise<void> {
    let next = 0;
    let position = slow.frames.flatMap(({ event_batch: batch }) => batch?.up_to.sequence ?? [])[0];
    let first: number | undefined;
    for (let index = slow.frames.findIndex(({ frame }) => frame === 'event_batch') + 1; ; index++) {
      const frame = await slow.at(index);
      if (frame.gap) {
        expect(frame.gap.lost_after.sequence, 'the gap begins where it was').to.equal(position);
        position = frame.gap.resumes_at.sequence;
        next = NaN;
      }
      if (!frame.event_batch) continue;
      for (const event of frame.event_batch.events) {
        const number = event.message_published?.content.data?.readUInt32BE() ?? -1;
        first ??= event.sequence - number;
        if (Number.isNaN(next)) {
          expect(event.sequence, 'nothing is missing after the gap').to.equal((position ?? 0) + 1);
          next = number;
        }
        expect(number).to.equal(next);
        next += 1;
      }
      position = frame.event_batch.up_to.sequence;
      slow.send({ ack: { sequence: position } });
      if (next === EVENTS) return;
    }
  }
});

describe('thousands of idle sessions', () => {
  const CONNECTIONS = 100;
  const STREAMS = inSoak(100, 30);
  const RETENTION = 100;

  it('are never woken for an event that they do not read, and never fall out of retention', async () => {
    const kelpied = await startKelpied([
      '--retention-entries',
      String(RETENTION),
      '--drain-seconds',
      '0',
    ]);
    const wires = Array.from({ length: CONNECTIONS }, () => new Wire(kelpied.endpoint));
    const streams: Stream[] = [];
    const beating = setInterval(() => {
      for (const stream of streams) stream.send({ heartbeat: {} });
    }, HEARTBEAT_MS);
    const startedMs = performance.now();
    await Promise.all(
      wires.map(async (wire, connection) => {
        for (let index = 0; index < STREAMS; index++) {
          const { stream } = await wire.join(`idle-${connection}-${index}`, { topics: ['quiet'] });
          streams.push(stream);
        }
      }),
    );
    const joinedMs = performance.now() - startedMs;
    const { endpoint: endpoints } = kelpied;
    const busy = connect({ name: 'busy', role: 'SERVICE', endpoints });
    const writer = connect({ name: 'writer', role: 'SERVICE', endpoints });
    let received = 0;
    busy.subscribe('inbox.busy', () => void (received += 1));
    await Promise.all([busy.ready(), writer.ready()]);
    const publishing = Array.from({ length: 10_000 }, (_, index) =>
      writer.publish('inbox.busy', String(index)),
    );
    await Promise.all(publishing);
    const asking = new Wire(endpoints);
    const idle = (await sessionsOf(asking)).filter(({ topics }) => topics.includes('quiet'));
    expect(idle).to.have.length(CONNECTIONS * STREAMS);
    expect(
      idle.reduce((sum, { wakeups }) => sum + wakeups, 0),
      'wakeups of idle sessions',
    ).to.equal(0);
    const mib = ownMemoryOf(kelpied.process.pid) / MIB;
    console.log(
      `      ${CONNECTIONS * STREAMS} sessions joined in ${(joinedMs / 1000).toFixed(1)} s; the coordinator has ${mib.toFixed(0)} MiB`,
    );

    const me = { instance_id: Buffer.alloc(16, 7), topics: ['quiet'] };
    const { stream } = await asking.join('sleeper', me);
    await Promise.all(
      Array.from({ length: 100 * RETENTION }, (_, index) => writer.publish('loud', String(index))),
    );
    stream.send({ request_id: 1, heartbeat: {} });
    const renewed = (await stream.answer(1)).heartbeat_ack?.cursor;
    stream.cut();
    const start = { after: renewed ?? { epoch: Buffer.alloc(0), sequence: 0, tag: 0 } };
    const { stream: back, welcome } = await asking.join('sleeper', { ...me, start });
    expect(welcome.outcome).to.equal('WELCOME_OUTCOME_RESUMED');
    await writer.publish('quiet', 'awake');
    expect(await back.texts('awake')).to.deep.equal(['awake']);
    expect(back.kinds).to.not.include('gap');
    expect(received).to.equal(10_000);

    clearInterval(beating);
    await Promise.all([busy.close(), writer.close()]);
    for (const wire of [asking, ...wires]) wire.close();
    await kelpied.kill();
  }).timeout(180_000);
});
