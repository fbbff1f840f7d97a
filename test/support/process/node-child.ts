/**
 * A well-behaved node as a process of its own: it publishes numbered events on its own topic and reads them, it
 * acknowledges, and answers heartbeats. Its parent requests reports.
 */
import { performance } from 'node:perf_hooks';
import type { Child, Parent } from './node-process.js';
import { type Event, type Frame, say, textOf } from '../wire/frames.js';
import { Wire } from '../wire/wire.js';

/** Well below the silence that ends a session. */
const HEARTBEAT_MS = 2000;

const [endpoint = '', name = '', instance = '', publishMs = '100'] = process.argv.slice(2);
const tell = (message: Child): boolean => process.send?.(message) ?? false;

const wire = new Wire(endpoint);
const stream = wire.hello(name, {
  instance_id: Buffer.from(instance, 'hex'),
  topics: [name],
});
const seen = { published: 0, received: 0, slowestMs: 0, wrong: [] as string[] };
const sentAt: number[] = [];
let next = 1;

function publish(): void {
  seen.published += 1;
  sentAt.push(performance.now());
  stream.publish(next++, say(name, String(seen.published)));
}

function hear(event: Event): void {
  seen.received += 1;
  seen.slowestMs = Math.max(seen.slowestMs, performance.now() - (sentAt[seen.received - 1] ?? 0));
  const text = textOf(event);
  if (text !== String(seen.received)) seen.wrong.push(`${text} instead of ${seen.received}`);
}

function take({ frame, event_batch: batch, publish_ack: ack, welcome }: Frame): void {
  if (welcome) {
    next = welcome.publish_sequence + 1;
    setInterval(publish, Number(publishMs));
    setInterval(() => stream.send({ heartbeat: {} }), HEARTBEAT_MS);
    tell({ kind: 'welcome', outcome: welcome.outcome, generation: welcome.generation });
  } else if (batch) {
    batch.events.forEach(hear);
    stream.send({ ack: { sequence: batch.up_to.sequence } });
  } else if (frame === 'heartbeat_requested') stream.send({ heartbeat: {} });
  else if (ack?.rejections.length) seen.wrong.push(JSON.stringify(ack));
  else if (frame !== 'publish_ack' && frame !== 'heartbeat_ack') seen.wrong.push(frame);
}

process.on('message', (message: Parent) => {
  if (message === 'leave') stream.send({ goodbye: { reason: 'GOODBYE_REASON_STOP' } });
  else {
    publish();
    const answer = (): void => {
      if (seen.received < seen.published) setTimeout(answer, 1);
      else {
        tell({ kind: 'report', ...seen });
        seen.slowestMs = 0;
      }
    };
    answer();
  }
});
// The process ends with its parent, also if the parent crashes.
process.on('disconnect', () => process.exit());

for (;;) {
  try {
    take(await stream.any());
  } catch {
    const { code, error } = await stream.ended();
    tell({ kind: 'ended', code, reason: error?.reason ?? '' });
    process.exit();
  }
}
