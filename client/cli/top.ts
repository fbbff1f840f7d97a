/** `kelpie top`: the sessions of a coordinator, the slowest readers first. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Api } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { interval } from './input/arguments.js';
import { tryAgain } from './input/follow.js';
import { print } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { clearScreen, redraw } from './output/terminal.js';
import { entriesPerSecond, jsonOf, linesOf, type View, worstFirst } from './output/top-screen.js';

interface TopOptions extends Common {
  /** In seconds. */
  readonly interval: number;
  /** One look, then the end. */
  readonly once: boolean;
}

const LOOK_MS = 5000;

export function topCommand(): Command {
  return command('top', 'watch the sessions of the coordinator, and which of them read too slowly')
    .option('--interval <seconds>', 'how often to look, 0.1 to 3600', interval, 2)
    .option('--once', 'look once, and end', false)
    .action((options: TopOptions) => ask(options, (api) => top(api, options)));
}

/** Looks until the process ends; once, where neither a terminal nor a program follows. */
async function top(api: Api, options: TopOptions): Promise<void> {
  const { output, interval, once, timeout = LOOK_MS } = options;
  const live = output === 'table' && process.stdout.isTTY;
  if (once || (output === 'table' && !live)) {
    show(await look(api, timeout), undefined, output, false);
    return;
  }
  if (live) clearScreen();
  let before: View | undefined;
  let current = api;
  let lost = false;
  for (;;) {
    try {
      if (lost) current = await current.reachNext();
      const view = await look(current, timeout);
      show(view, before, output, live);
      before = view;
      lost = false;
    } catch (thrown) {
      tryAgain(thrown, current);
      lost = true;
    }
    await sleep(interval * 1000);
  }
}

async function look(api: Api, timeoutMs: number): Promise<View> {
  const [info, sessions, nodes] = await Promise.all([
    api.messages.coordinator.info({ timeoutMs }),
    collect(api.coordinator.sessions({ timeoutMs })),
    collect(api.nodes.all({}, { timeoutMs })),
  ]);
  const loads = nodes.flatMap(({ name, load }) => (load ? [[name, load] as const] : []));
  return { info, sessions: worstFirst(sessions), loads: new Map(loads) };
}

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) found.push(one);
  return found;
}

function show(view: View, before: View | undefined, output: Format, live: boolean): void {
  const rate = entriesPerSecond(view, before);
  if (output !== 'table') printRecord(output, 'View', jsonOf(view, rate));
  // A terminal without a size reports 0 rows.
  else if (live) redraw(linesOf(view, rate, (process.stdout.rows || 24) - 1));
  else print(linesOf(view, rate));
}
