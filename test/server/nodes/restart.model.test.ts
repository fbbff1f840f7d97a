/**
 * A coordinator dies and comes back, and a thousand nodes come back to it by the rules of the client. There is no
 * event about nodes that come back. Nodes that stay away become UNREACHABLE when they should be back, and LOST a
 * grace later.
 */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { backoffMs } from '../../../client/core/backoff.js';
import type { Cursor } from '../../../gen/ts/kelpie/v1/cursor.js';
import { Event, NodeLeaveReason } from '../../../gen/ts/kelpie/v1/event.js';
import { NodeState } from '../../../gen/ts/kelpie/v1/node.js';
import { Heartbeat } from '../../../gen/ts/kelpie/v1/session_service.js';
import { defaultTimes } from '../../../server/network/limits.js';
import { FakeClock } from '../../support/clock/fake-clock.js';
import { bodiesOf, settled } from '../../support/journal/history.js';
import {
  after,
  hello,
  LATEST,
  type MortalCoordinator,
  openJournal,
  openMortal,
  TestStream,
} from '../../support/model/coordinator.js';
import { messageEvent } from '../../support/wire/messages.js';

const NODES = 1000;
/** How many of these never come back. */
const GONE = 10;
const { graceMs, heartbeatMs } = defaultTimes;
/** The client's longest wait: a third of the grace. */
const LONGEST_MS = graceMs / 3;
/** Every living node is back by then. */
const BACK_MS = 2 * LONGEST_MS;

/** The error while no coordinator runs. */
const news = {
  topic: 'news',
  event: Event.encode(messageEvent('still there?', 'news')).finish(),
  source: '',
};

/** One node, by the rules of the client. */
class ModelNode {
  readonly #name: string;
  readonly #instanceId = randomBytes(16);
  #stream: TestStream | undefined;
  #position: Cursor | undefined;
  readonly outcomes: number[] = [];
  gaps = 0;
  events = 0;

  constructor(index: number) {
    this.#name = `node-${index}`;
  }

  async join({ port }: MortalCoordinator): Promise<void> {
    const start = this.#position ? after(this.#position) : LATEST;
    const facts = { instanceId: this.#instanceId, topics: ['news'], start };
    this.#stream = new TestStream(port);
    this.#stream.send({ $case: 'hello', value: hello(this.#name, facts) });
    const { cursor, outcome } = await this.#stream.next('welcome');
    this.outcomes.push(outcome);
    this.#position = cursor;
  }

  beat(): void {
    this.#stream?.send({ $case: 'heartbeat', value: Heartbeat.create() });
  }

  async read(): Promise<void> {
    for (let frames = await this.#stream?.pullIfReady(40); frames;) {
      for (const { frame } of frames) {
        if (frame?.$case === 'gap') this.gaps += 1;
        if (frame?.$case === 'eventBatch') this.events += frame.value.events.length;
      }
      frames = await this.#stream?.pullIfReady(40);
    }
  }

  /** Tries again as long as no coordinator runs. */
  comeBack(
    clock: FakeClock,
    town: () => MortalCoordinator | undefined,
    joining: Promise<void>[],
  ): void {
    const attempt = (count: number): void => {
      const there = town();
      if (there) joining.push(this.join(there));
      else clock.after(backoffMs(count + 1, LONGEST_MS, Math.random), () => attempt(count + 1));
    };
    clock.after(backoffMs(0, LONGEST_MS, Math.random), () => attempt(0));
  }

  async cut(): Promise<void> {
    await this.#stream?.cut();
  }
}

describe('a coordinator that was away', () => {
  for (const awayMs of [1000, 10_000, 60_000]) {
    it(`for ${awayMs / 1000} s gets its thousand nodes back without an event`, async () => {
      const clock = new FakeClock();
      const journal = openJournal(clock);
      const bodies = bodiesOf(journal);
      const first = await openMortal(journal, clock, { coordinatorId: 'first' });
      const nodes = Array.from({ length: NODES }, (_, index) => new ModelNode(index));
      for (const node of nodes) await node.join(first);
      const faithful = nodes.slice(GONE);
      first.die();
      const now: { town?: MortalCoordinator } = {};
      const joining: Promise<void>[] = [];
      for (const node of faithful) node.comeBack(clock, () => now.town, joining);
      clock.advance(awayMs);
      await journal.append([{ entries: [news] }]);
      const quiet = bodies.length;
      const town = await openMortal(journal, clock, { coordinatorId: 'second' });
      now.town = town;

      let backAfterMs = 0;
      for (let ms = 100; ms <= graceMs - 100; ms += 100) {
        clock.advance(100);
        if (joining.length < faithful.length) backAfterMs = ms;
        await settled(3);
        if (ms % heartbeatMs === 0) for (const node of faithful) node.beat();
        if (ms < BACK_MS) expect(bodies.length, 'there is no event').to.equal(quiet);
      }
      await Promise.all(joining);
      expect(backAfterMs, 'all are back within a third of the grace').to.be.at.most(LONGEST_MS);
      const states = [...town.nodeRows.nodes.entries()].map(([, { value }]) => value.state);
      expect(states).to.deep.equal(
        nodes.map((_, index) => (index < GONE ? NodeState.UNREACHABLE : NodeState.READY)),
      );
      const told = bodies.splice(quiet);
      expect(told.map(({ $case }) => $case)).to.deep.equal(Array(GONE).fill('nodeUpdated'));

      clock.advance(200);
      await settled(20);
      const left = bodies
        .slice(quiet)
        .map((body) => body.$case === 'nodeLeft' && body.value.reason);
      expect(left, 'nodes that stay away, a grace later').to.deep.equal(
        Array.from({ length: GONE }, () => NodeLeaveReason.LOST),
      );
      expect(town.claims.losses, 'no timer runs for another node').to.equal(0);
      for (const node of faithful) await node.read();
      expect(faithful.every(({ gaps, events }) => gaps === 0 && events === 1)).to.equal(true);
      for (const node of nodes) await node.cut();
      town.die();
    }).timeout(60_000);
  }
});
