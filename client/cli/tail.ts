/** `kelpie tail`: follow topics. */
import type { Start } from '../../gen/ts/kelpie/v1/cursor.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { Api } from './input/calls.js';
import { startOf } from '../core/start.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { print, printJson, UsageError } from './output/output.js';
import { inWords } from './output/words.js';

export interface TailOptions {
  readonly json: boolean;
  /** Begin with the history there is. */
  readonly all: boolean;
  /** Begin with events that are at most this old, in milliseconds. */
  readonly since?: number;
}

/** Follows until the process ends. */
export async function tail(api: Api, topics: string[], options: TailOptions): Promise<never> {
  const { all, since } = options;
  if (all && since !== undefined) throw new UsageError('it is either --all or --since');
  const start = await firstStart(api, options);
  return follow(api, topics, start, (frame) => show(frame, options.json));
}

/** "Now" as a cursor, so that a stream that breaks before its first event misses nothing. */
async function firstStart(api: Api, { all, since }: TailOptions): Promise<Start> {
  const { head } = await api.coordinator.getInfo({});
  if (since !== undefined) return startOf({ sinceMs: since });
  return all ? startOf('EARLIEST') : after(head);
}

function show(frame: WatchFrame, json: boolean): void {
  if (frame.$case === 'gap') showGap(frame.value, json);
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (json) printJson(Event.toJSON(event));
    else print(line(event));
  }
}

/** `12:03:04.123  chat.global  lobby-1  hello` */
function line(event: Event): string {
  const time = event.time?.toISOString().slice(11, 23) ?? '-';
  return [time, event.topic, event.source || '-', inWords(event)].join('  ');
}
