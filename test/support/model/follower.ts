/** A node that reads only for its roster. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { Position } from '../../../client/events/position.js';
import { Roster } from '../../../client/roster/roster.js';
import { type CoordinatorFrame, Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import type { EventBatch } from '../../../gen/ts/kelpie/v1/stream.js';
import type { SessionPort } from '../../../server/session/port.js';
import { hello, TestStream } from './coordinator.js';

/** It uses the classes of real clients. */
export class Follower {
  readonly roster: Roster;
  readonly #position = new Position('SNAPSHOT');
  readonly #instanceId = randomBytes(16);
  #stream: TestStream | undefined;
  gaps = 0;
  parts = 0;

  constructor(options: { players?: boolean } = {}) {
    this.roster = new Roster(options);
  }

  open(port: SessionPort): void {
    const start = this.#position.restart();
    const facts = { instanceId: this.#instanceId, topics: [...this.roster.topics], start };
    this.#stream = new TestStream(port);
    this.#stream.send({ $case: 'hello', value: hello('follower', facts) });
  }

  /** Reads up to `messages` ready messages. False if there was none. */
  async read(messages: number): Promise<boolean> {
    for (let count = 0; count < messages; count++) {
      const frames = await this.#stream?.pullIfReady(12);
      if (!frames) return count > 0;
      for (const frame of frames) this.#take(frame);
    }
    return true;
  }

  #take({ frame }: CoordinatorFrame): void {
    if (frame?.$case === 'eventBatch') return this.#takeBatch(frame.value);
    if (frame?.$case === 'snapshot') {
      this.parts += 1;
      this.#position.load(frame.value);
      this.roster.applySnapshot(frame.value, 1);
    } else if (frame?.$case === 'gap') {
      this.gaps += 1;
      this.#position.lose(frame.value);
      this.roster.applyGap(frame.value);
    } else {
      // A reader of nodes gets the reserved slots of nodes beside the events.
      const others = ['welcome', 'heartbeatAck', 'nodeLoads'];
      expect(frame?.$case, 'nothing else comes').to.be.oneOf(others);
      if (frame?.$case === 'welcome' && frame.value.cursor)
        this.#position.reach(frame.value.cursor);
    }
  }

  #takeBatch({ events, upTo }: EventBatch): void {
    for (const event of events) {
      if (event.sequence > this.#position.sequence) this.roster.applyEvent(event);
    }
    if (!upTo) throw new Error('a batch has a position');
    this.#position.reach(upTo);
    this.#stream?.send({ $case: 'ack', value: { sequence: upTo.sequence } });
  }

  beat(): void {
    this.#stream?.send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  async cut(): Promise<void> {
    await this.#stream?.cut();
    this.#stream = undefined;
  }
}
