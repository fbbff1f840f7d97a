/** `kelpie tail`: follow topics. */
import type { Command } from 'commander';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { Api, StartOption } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { age } from './input/arguments.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { print, UsageError } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { inWords } from './output/words.js';

interface TailOptions extends Common {
  /** Begin with the history there is. */
  readonly all: boolean;
  /** Begin with events that are at most this old, in milliseconds. */
  readonly since?: number;
}

export function tailCommand(): Command {
  return command('tail <topics...>', `follow topics, for example 'chat.>' or 'nodes.*'`)
    .option('--all', 'begin with the history there is', false)
    .option('--since <time>', 'begin with events that are at most this old: 90s, 10m, 2h', age)
    .action((topics: string[], options: TailOptions) =>
      ask(options, (api) => tail(api, topics, options)),
    );
}

/** Follows until the process ends. */
async function tail(api: Api, topics: string[], options: TailOptions): Promise<never> {
  const { all, since } = options;
  if (all && since !== undefined) throw new UsageError('it is either --all or --since');
  const start = await firstStart(api, options);
  return follow(api, topics, start, (frame) => show(frame, options.output));
}

/** "Now" as a cursor, so that a stream that breaks before its first event misses nothing. */
async function firstStart(api: Api, { all, since }: TailOptions): Promise<StartOption> {
  const { head } = await api.coordinator.info();
  if (since !== undefined) return { sinceMs: since };
  return all ? 'EARLIEST' : after(head);
}

function show(frame: WatchFrame, output: Format): void {
  if (frame.$case === 'gap') showGap(frame.value, output);
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (output === 'table') print(line(event));
    else printRecord(output, 'Event', Event.toJSON(event));
  }
}

/** `12:03:04.123  chat.global  lobby-1  hello` */
function line(event: Event): string {
  const time = event.time?.toISOString().slice(11, 23) ?? '-';
  return [time, event.topic, event.source || '-', inWords(event)].join('  ');
}
