/** A coordinator with a full disk: the view of operators, readers and publishers, and the recovery. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect, type KelpieClient, type Status } from '../../client/index.js';
import { healthOf } from '../support/process/health.js';
import { Inbox } from '../support/wire/inbox.js';
import { type Kelpied, startKelpied, startOnSmallDisk } from '../support/process/kelpied.js';
import { until } from '../support/until.js';
import { say } from '../support/wire/frames.js';
import { CallFailure } from '../support/wire/status.js';
import { Wire } from '../support/wire/wire.js';

/** About one megabyte. The first messages fill it. */
const BLOCKS = 2000;
const MESSAGE = 'x'.repeat(20_000);

describe('a disk that is full', () => {
  let folder: string;
  let args: string[];
  let kelpied: Kelpied;
  let wire: Wire;
  let reader: KelpieClient;
  let writer: KelpieClient;
  let gate: KelpieClient;
  const inbox = new Inbox();
  const seen = { reader: [] as Status[], writer: [] as Status[] };
  const publishing: Promise<void>[] = [];
  let stored = 0;

  const publish = (): Promise<void> => {
    const text = `${publishing.length} ${MESSAGE}`;
    const settled = writer.publish('count', text).then(() => {
      stored += 1;
    });
    publishing.push(settled);
    return settled;
  };
  const watch = async (client: KelpieClient, into: Status[]): Promise<void> => {
    for await (const status of client.status()) into.push(status);
  };
  const metrics = (): string => /"metrics":"([^"]+)"/.exec(kelpied.errors())?.[1] ?? '';
  const page = async (path: string): Promise<{ status: number; text: string }> => {
    const answer = await fetch(new URL(path, metrics()));
    return { status: answer.status, text: await answer.text() };
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kelpie-full-'));
    args = ['--journal', 'file', '--data', join(folder, 'data'), '--log-format', 'json'];
    kelpied = await startOnSmallDisk([...args, '--port', '0'], BLOCKS);
    wire = new Wire(kelpied.endpoint);
    const endpoints = kelpied.endpoint;
    reader = connect({ name: 'reader', role: 'SERVICE', endpoints });
    writer = connect({ name: 'writer', role: 'SERVICE', endpoints });
    const players = { onEvicted: () => undefined };
    const roster = { players: true };
    gate = connect({ name: 'gate', role: 'PROXY', endpoints, players, roster });
    reader.subscribe('count', inbox.take);
    void watch(reader, seen.reader);
    void watch(writer, seen.writer);
    await Promise.all([reader.ready(), writer.ready(), gate.ready()]);
  });
  after(async () => {
    wire.close();
    await Promise.all([reader.close(), writer.close(), gate.close()]);
    await kelpied.kill();
    await rm(folder, { recursive: true });
  });

  it('is reported to a node that publishes, and its session stays open', async () => {
    const { stream } = await wire.join('raw');
    const isRefused = (): boolean => seen.writer.some(({ type }) => type === 'refused');
    while (!isRefused()) await Promise.race([publish(), until(isRefused)]);
    stream.send({
      request_id: 7,
      publish: { first_publish_sequence: 1, events: [say('count', 'no')] },
    });
    const { request_failed: refused } = await stream.answer(7);
    expect(refused?.error).to.include({ reason: 'ERROR_REASON_JOURNAL_READ_ONLY', code: 14 });
    expect(refused?.error.retry_after?.seconds).to.equal(5);
    // The coordinator refuses later publishes too, and the client does not repeat them without end.
    void publish();
    stream.send({ request_id: 8, heartbeat: {} });
    await stream.answer(8);
    expect(seen.writer.filter(({ type }) => type === 'disconnected')).to.be.empty;
    expect(seen.writer.filter(({ type }) => type === 'refused').length).to.be.at.most(
      publishing.length - stored,
    );
    stream.cut();
  });

  it('is reported to nodes that join and to calls that publish, and reads still work', async () => {
    const { error } = await wire.hello('late').ended();
    expect(error?.reason).to.equal('ERROR_REASON_JOURNAL_READ_ONLY');
    const failure: unknown = await wire
      .call('EventService.PublishEvents', { events: [say('count', 'no')] })
      .catch((thrown: unknown) => thrown);
    expect(failure).to.be.instanceOf(CallFailure);
    expect((failure as CallFailure).end.error?.reason).to.equal('ERROR_REASON_JOURNAL_READ_ONLY');
    const late = connect({ name: 'late', role: 'SERVICE', endpoints: kelpied.endpoint });
    for await (const status of late.status()) {
      if (status.type !== 'disconnected') continue;
      expect(status.error?.reason).to.equal('JOURNAL_READ_ONLY');
      if (status.retryInMs > 0) break;
    }
    await late.close();
    const { nodes } = await wire.call('NodeService.ListNodes', {});
    expect(nodes.map(({ name }) => name)).to.include.members(['reader', 'writer']);
    expect(await inbox.atLeast(stored)).to.have.length(stored);
    expect(seen.reader.map(({ type }) => type)).to.not.include('disconnected');
  });

  it('stops no login: players are admitted, and their rows are stored when there is room again', async () => {
    const alex = { xuid: '2535400000000001', name: 'Alex' };
    const login = await gate.players.acquire(alex);
    expect(login).to.deep.equal({ granted: true, generation: 0 });
    await gate.players.joined(alex);
    expect(gate.players.size).to.equal(1);
  });

  it('is seen by operators: health, a gauge, and one line of the log', async () => {
    expect(await page('/healthz')).to.deep.equal({ status: 503, text: 'journal read-only\n' });
    expect((await page('/metrics')).text).to.match(
      /^kelpie_journal_read_only\{network="main"\} 1$/m,
    );
    for (const service of ['', 'kelpie.v1.SessionService', 'kelpie.v1.EventService']) {
      expect(await healthOf(kelpied.endpoint, service), service).to.equal('NOT_SERVING');
    }
    // The coordinator stores a lost stream 1 s later. The journal refuses that too, which is no further fault.
    await until(() => kelpied.errors().includes('"session ended"'));
    const lostMs = performance.now();
    while (performance.now() - lostMs < 1500) await wire.call('NodeService.ListNodes', {});
    const errors = kelpied
      .errors()
      .split('\n')
      .filter((line) => line.includes('"level":"error"'));
    expect(errors).to.have.length(1);
    expect(errors[0]).to.include(`The disk of ${join(folder, 'data')}`);
  });

  it('has no effect after room is made and kelpied restarts: waiting events are stored once and in order', async () => {
    const { port } = kelpied;
    expect(stored).to.be.greaterThan(5).and.lessThan(publishing.length);
    expect(await kelpied.stop()).to.equal(0);
    kelpied = await startKelpied([...args, '--port', String(port)]);
    await Promise.all(publishing);
    const events = await inbox.atLeast(publishing.length);
    const numbers = events.map(({ content }) => Number((content as string).split(' ')[0]));
    expect(numbers).to.deep.equal(publishing.map((_, index) => index));
    expect(seen.reader.map(({ type }) => type)).to.not.include('gap');
    expect((await page('/healthz')).text).to.equal('serving\n');
    expect((await page('/metrics')).text).to.match(
      /^kelpie_journal_read_only\{network="main"\} 0$/m,
    );
    await until(() => gate.roster.playerCount({ proxy: 'gate' }) === 1);
  });
});
