/** A coordinator for mistakes, with a session beside them that must not notice any mistake. */
import { expect } from 'chai';
import { type Kelpied, startKelpied } from '../../support/process/kelpied.js';
import { say, textOf } from '../../support/wire/frames.js';
import type { Stream } from '../../support/wire/stream.js';
import { Wire } from '../../support/wire/wire.js';

const EARLIEST = { at: 'START_AT_EARLIEST' };

class Suite {
  #kelpied: Kelpied | undefined;
  #wire: Wire | undefined;
  #neighbour: Stream | undefined;
  #count = 0;

  get wire(): Wire {
    if (!this.#wire) throw new Error('the coordinator has not started yet');
    return this.#wire;
  }

  /** Each test has another neighbour. */
  get neighbourName(): string {
    return `neighbour-${this.#count}`;
  }

  async start(): Promise<void> {
    this.#kelpied = await startKelpied(['--drain-seconds', '0']);
    this.#wire = new Wire(this.#kelpied.endpoint);
  }

  async stop(): Promise<void> {
    this.#wire?.close();
    await this.#kelpied?.stop();
  }

  async begin(): Promise<void> {
    this.#count += 1;
    const topics = [this.neighbourName];
    this.#neighbour = (await this.wire.join(this.neighbourName, { topics })).stream;
  }

  /** The neighbour got one event and nothing else; then all sessions end. */
  async end(): Promise<void> {
    await this.tell(this.neighbourName, 'still here?');
    expect(await this.#neighbour?.texts('still here?')).to.deep.equal(['still here?']);
    expect(this.#neighbour?.kinds).to.deep.equal(['welcome', 'event_batch']);
    await this.wire.leave();
    expect((await this.#neighbour?.ended())?.code).to.equal(0);
  }

  /** Publishes texts without a session. */
  async tell(topic: string, ...texts: string[]): Promise<void> {
    const events = texts.map((text) => say(topic, text));
    await this.wire.call('EventService.PublishEvents', { events });
  }

  /** The texts of all stored events of a topic. */
  async history(topic: string): Promise<(string | undefined)[]> {
    const request = { topics: [topic], start: EARLIEST };
    const page = await this.wire.call('EventService.ReadEvents', request);
    return page.events.map(textOf);
  }

  /** The coordinator still answers on this stream. */
  async expectAlive(stream: Stream): Promise<void> {
    stream.send({ request_id: 4711, heartbeat: {} });
    expect((await stream.answer(4711)).frame).to.equal('heartbeat_ack');
  }
}

/** Starts a coordinator for the tests of the suite that calls it, and checks the neighbour after each test. */
export function withNeighbour(): Suite {
  const suite = new Suite();
  before(() => suite.start());
  after(() => suite.stop());
  beforeEach(() => suite.begin());
  afterEach('and its neighbour notices nothing', () => suite.end());
  return suite;
}
