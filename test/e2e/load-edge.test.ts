/** Many peers use the edge at once. The cost of each is bounded, and the neighbour does not wait for them. */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Besieged } from '../support/process/besieged.js';
import {
  Flag,
  FrameType,
  grpcMessage,
  RawPeer,
  requestHeaders,
  Setting,
  WIDEST,
} from '../support/wire/raw-peer.js';
import { figure, inSoak } from '../support/soak.js';
import { bytesOf } from '../support/wire/contract.js';
import { say } from '../support/wire/frames.js';

const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const MIB = 1024 * 1024;
/** The machine is shared. The promise is 250 ms; before the fix it took several seconds. */
const WAIT_MS = inSoak(4000, 2000);
/** A tag and the length 0: an empty message in the repeated field 1. */
const EMPTY = Buffer.of(0x0a, 0);

const path = (name: string) => `/kelpie.v1.${name}`;
const empties = Buffer.alloc(MIB - 8, EMPTY);

describe('the edge under load', () => {
  let siege: Besieged;
  let deaf: DeafPeers;

  before(async () => {
    siege = await Besieged.start();
    deaf = await DeafPeers.connect(siege, inSoak(100, 4));
  });

  after(async () => {
    await siege.nobodyLeft();
    await siege.stop();
  });

  const unharmed = async (what: string): Promise<void> => {
    const { slowestMs } = await siege.unharmed();
    figure(`${what}: the neighbour waited ${slowestMs.toFixed(0)} ms at the most`);
    expect(slowestMs).to.be.below(WAIT_MS);
  };

  it('decodes large requests of many calls in turns', async () => {
    const count = inSoak(60, 40);
    const calls = new HeldCalls(
      siege.endpoint,
      path('PlayerService/BatchGetPlayers'),
      empties,
      count,
    );
    await calls.held();
    calls.release();
    const statuses = await Promise.all(calls.statuses);
    calls.close();
    expect(new Set(statuses)).to.deep.equal(new Set([INVALID_ARGUMENT]));
    await unharmed(`${count} requests of 524,284 empty messages`);
  });

  it('decodes only the first frame of a first message', async () => {
    const calls = new HeldCalls(siege.endpoint, path('SessionService/Connect'), empties, 50);
    await calls.held();
    calls.release();
    const statuses = await Promise.all(calls.statuses);
    calls.close();
    expect(new Set(statuses)).to.deep.equal(new Set([FAILED_PRECONDITION]));
    await unharmed('50 first messages of 524,284 empty frames');
  });

  it('accepts 64 MiB of requests at once, and refuses the rest', async () => {
    const count = inSoak(1000, 90);
    const before = siege.memory();
    const request = bytesOf('EventService.PublishEvents', {
      events: [say('a', 'x'.repeat(MIB - 64))],
    });
    const calls = new HeldCalls(siege.endpoint, path('EventService/PublishEvents'), request, count);
    await calls.held();
    const statuses = await settledOf(calls.statuses);
    const refused = statuses.filter((status) => status === RESOURCE_EXHAUSTED).length;
    expect(refused).to.be.within(count - 70, count - 40);
    figure(`${count} requests that lack a byte: ${(siege.memory() - before).toFixed(0)} MiB more`);
    calls.close();
    await unharmed('requests that lack a byte');
  });

  it('starts streams in turns', async () => {
    const peers = Array.from(
      { length: inSoak(500, 100) },
      () => new RawPeer(siege.port, { polite: true }),
    );
    for (const peer of peers) peer.preface();
    await Promise.all(
      peers.map((peer) => peer.until(() => peer.count(FrameType.settings) > 0, 'it')),
    );
    for (const peer of peers) for (let index = 0; index < 20; index++) peer.open(2 * index + 1);
    await Promise.all(peers.map((peer) => peer.until(() => peer.answered.size === 20, 'headers')));
    await unharmed(`${peers.length} connections with 20 streams each`);
    await Promise.all(peers.map((peer) => peer.destroy()));
  });

  it('closes connections of peers that read nothing, after a time limit', async () => {
    await deaf.closed();
    await unharmed('connections whose peers read nothing');
  });
});

/** The values of the promises that have settled. */
async function settledOf<Value>(
  promises: readonly Promise<Value>[],
): Promise<(Value | undefined)[]> {
  const now = pause(500).then(() => undefined);
  return Promise.all(promises.map((promise) => Promise.race([promise, now])));
}

/** Peers that ask for much and read nothing from their sockets. */
class DeafPeers {
  readonly #port: number;
  readonly #peers: readonly RawPeer[];

  private constructor(port: number, peers: readonly RawPeer[]) {
    this.#port = port;
    this.#peers = peers;
  }

  static async connect(siege: Besieged, count: number): Promise<DeafPeers> {
    const { stream } = await siege.wire.join('author');
    const text = 'x'.repeat(200_000);
    for (let first = 1; first <= 30; first++) stream.publish(first, say('deaf', text));
    await stream.settled(30);
    await stream.leave();
    const watch = { topics: ['deaf'], start: { at: 'START_AT_EARLIEST' } };
    const request = grpcMessage(bytesOf('EventService.WatchEvents', watch));
    const settings = [[Setting.initialWindow, WIDEST]] as const;
    const peers = Array.from({ length: count }, () => {
      const peer = new RawPeer(siege.port, { polite: true, settings }).preface();
      peer.grant(0, WIDEST - 65_535);
      for (const stream of [1, 3, 5]) {
        peer.open(stream, { ':path': path('EventService/WatchEvents') });
        peer.send(FrameType.data, Flag.endStream, stream, request);
      }
      return peer;
    });
    await Promise.all(peers.map((peer) => peer.until(() => peer.dataBytes > 0, 'an answer')));
    for (const peer of peers) peer.socket.pause();
    return new DeafPeers(siege.port, peers);
  }

  /** Resolves when the system has no established connection of these peers any more. */
  async closed(): Promise<void> {
    const ports = this.#peers.map(({ socket }) => socket.localPort ?? 0);
    const giveUp = performance.now() + 30_000;
    while (ports.some((port) => isEstablished(this.#port, port))) {
      if (performance.now() > giveUp) throw new Error('a connection is still open');
      await pause(200);
    }
    for (const { socket } of this.#peers) socket.destroy();
  }
}

/** Whether the system has an established connection from this local port to the other port. */
function isEstablished(local: number, remote: number): boolean {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const ends = new RegExp(`:${hex(local)} [0-9A-F]+:${hex(remote)} 01 `);
  return ends.test(readFileSync('/proc/net/tcp', 'utf8'));
}

/** The status of a call; undefined if it was reset without one. */
type Status = number | undefined;

/** Many calls, each on its own connection. They wait for their last byte, which the test sends to all at once. */
class HeldCalls {
  readonly #sessions: ClientHttp2Session[] = [];
  readonly #streams: ClientHttp2Stream[] = [];
  readonly #lasts: Buffer[] = [];
  readonly statuses: Promise<Status>[] = [];

  constructor(endpoint: string, path: string, request: Buffer, count: number) {
    const message = grpcMessage(request);
    for (let call = 0; call < count; call++) {
      const session = connect(`http://${endpoint}`);
      session.on('error', () => undefined);
      const stream = session.request({ ...requestHeaders(), ':path': path });
      stream.on('error', () => undefined);
      stream.resume();
      stream.write(message.subarray(0, -1));
      this.#sessions.push(session);
      this.#streams.push(stream);
      this.#lasts.push(message.subarray(-1));
      this.statuses.push(statusOf(stream));
    }
  }

  /** Resolves when each call has ended, or has sent everything but its last byte. */
  async held(): Promise<void> {
    const gone = (stream: ClientHttp2Stream) => stream.writableLength === 0 || stream.destroyed;
    while (!this.#streams.every(gone)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  release(): void {
    this.#streams.forEach((stream, index) => {
      if (!stream.destroyed) stream.end(this.#lasts[index]);
    });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

async function statusOf(stream: ClientHttp2Stream): Promise<Status> {
  let status: Status;
  const listen = ({ 'grpc-status': value }: IncomingHttpHeaders): void => {
    if (value !== undefined) status = Number(value);
  };
  stream.on('response', listen);
  stream.on('trailers', listen);
  if (!stream.closed) await once(stream, 'close');
  return status;
}
