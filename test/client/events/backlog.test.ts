import { expect } from 'chai';
import { systemClock } from '../../../client/core/clock.js';
import { Reading } from '../../../client/reading.js';
import type { EventBatch } from '../../../gen/ts/kelpie/v1/stream.js';
import { messageEvent } from '../../support/wire/messages.js';

const WINDOW_EVENTS = 4096;
const WINDOW_BYTES = 1024 * 1024;
const BATCH_EVENTS = 256;

const cursor = (sequence: number) => ({ epoch: new Uint8Array(16), sequence, tag: 1 });

function batchAfter(afterSequence: number, count: number, text: string): EventBatch {
  const events = Array.from({ length: count }, (_, index) =>
    messageEvent(text, 'chat.global', afterSequence + index + 1),
  );
  return { afterSequence, upTo: cursor(afterSequence + count), events };
}

describe('the unhandled backlog of a client', () => {
  for (const [what, text, perBatch] of [
    ['small', 'x', BATCH_EVENTS],
    ['large', 'x'.repeat(60 * 1024), 1],
  ] as const) {
    it(`has at most two windows of ${what} events, however often streams break; no event is lost or comes twice`, async () => {
      const options = { name: 'lobby-1', role: 'DOWNSTREAM', start: { after: cursor(0) } } as const;
      const reading = new Reading(
        { ...options, handlerTimeoutMs: 60_000 },
        systemClock,
        () => undefined,
        { onTopics: () => undefined, onMissing: () => undefined },
      );
      let open = (): void => undefined;
      const opened = new Promise<void>((resolve) => (open = resolve));
      const handled: number[] = [];
      reading.subscribe('chat.*', async ({ sequence }) => {
        await opened;
        handled.push(sequence);
      });
      const size = Math.max(
        1,
        Math.min(WINDOW_EVENTS / perBatch, Math.floor(WINDOW_BYTES / (text.length * perBatch))),
      );
      let sent = 0;
      /** Sends the events that fit in a window. Resolves when all are acknowledged. */
      const stream = (): Promise<unknown> => {
        const { start } = reading.restart();
        sent = start.place?.$case === 'after' ? start.place.value.sequence : 0;
        reading.begin(cursor(sent));
        const all: unknown[] = [];
        for (let count = 0; count < size; count++) {
          all.push(reading.take(batchAfter(sent, perBatch, text)));
          sent += perBatch;
        }
        // A HeartbeatAck with this position: it comes after the held events.
        reading.reach(cursor(sent));
        return Promise.all(all);
      };
      let last: Promise<unknown> = Promise.resolve();
      for (let count = 0; count < 20; count++) last = stream();
      const received = sent - size * perBatch;
      expect(received, 'where the last stream began').to.be.within(
        size * perBatch,
        2 * (size + 1) * perBatch,
      );
      open();
      await last;
      await stream();
      expect(handled).to.deep.equal(Array.from({ length: sent }, (_, index) => index + 1));
      await reading.close();
    });
  }
});
