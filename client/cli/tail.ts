/** `kelpie tail`: follow topics, also over a restart of the coordinator. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cursor, Start } from '../../gen/ts/kelpie/v1/cursor.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { WatchEventsResponse } from '../../gen/ts/kelpie/v1/event_service.js';
import { Gap, GapReason } from '../../gen/ts/kelpie/v1/stream.js';
import type { Api } from '../api.js';
import { backoffMs } from '../backoff.js';
import { fromThrown } from '../errors.js';
import { startOf } from '../options.js';
import { received } from '../received.js';
import { nameOf, print, printJson } from './output.js';

export interface TailOptions {
  readonly json: boolean;
  /** Begin with the history there is. */
  readonly all: boolean;
  /** Begin with events that are at most this old. */
  readonly since?: number;
}

const LONGEST_BACKOFF_MS = 5000;

/** Follows until the process ends. Throws what no later attempt can mend. */
export async function tail(api: Api, topics: string[], options: TailOptions): Promise<never> {
  let start = await firstStart(api, options);
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const { frame } of api.events.watchEvents({ topics, start })) {
        attempt = 1;
        show(frame, options);
        if (frame?.$case === 'gap') start = after(frame.value.resumesAt);
        if (frame?.$case === 'eventBatch') start = after(frame.value.upTo);
      }
    } catch (thrown) {
      const error = fromThrown(thrown);
      if (error.permanent) throw error;
      process.stderr.write(`kelpie: ${error.message}; trying again\n`);
    }
    await sleep(100 + backoffMs(attempt, LONGEST_BACKOFF_MS, Math.random));
  }
}

/** "Now" as a cursor, so that a stream that breaks before its first event misses nothing. */
async function firstStart(api: Api, { all, since }: TailOptions): Promise<Start> {
  const { head } = await api.coordinator.getInfo({});
  if (since !== undefined) return startOf({ sinceMs: since });
  return all ? startOf('EARLIEST') : after(head);
}

function after(cursor: Cursor | undefined): Start {
  return cursor ? startOf({ after: cursor }) : startOf('LATEST');
}

function show(frame: WatchEventsResponse['frame'], { json }: TailOptions): void {
  if (frame?.$case === 'gap') showGap(frame.value, json);
  if (frame?.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (json) printJson(Event.toJSON(event));
    else print(line(event));
  }
}

function showGap(gap: Gap, json: boolean): void {
  if (json) printJson({ gap: Gap.toJSON(gap) });
  else print(`--- events were lost here: ${nameOf(GapReason, gap.reason)}`);
}

/** `12:03:04.123  chat.global  lobby-1  hello` */
function line(event: Event): string {
  const time = event.time?.toISOString().slice(11, 23) ?? '-';
  return [time, event.topic, event.source || '-', says(event)].join('  ');
}

function says(event: Event): string {
  const { type, content } = received(event);
  if (content === undefined) return event.body?.$case ?? 'an event of a newer kind';
  const kind = type === '' ? '' : `[${type}] `;
  if (typeof content === 'string') return kind + content;
  if (content instanceof Uint8Array) return `${kind}${content.length} bytes`;
  return kind + JSON.stringify(content);
}
