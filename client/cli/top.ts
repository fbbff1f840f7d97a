/** `kelpie top`: the sessions of a coordinator, who reads too slowly first. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../../gen/ts/kelpie/v1/coordinator_service.js';
import { type Api, reachNext } from './input/calls.js';
import { tryAgain } from './input/follow.js';
import { allNodes } from './nodes.js';
import { print, printJson } from './output/output.js';
import { clearScreen, redraw } from './output/terminal.js';
import { entriesPerSecond, jsonOf, linesOf, type View, worstFirst } from './output/top-screen.js';

export interface TopOptions {
  readonly json: boolean;
  /** In seconds. */
  readonly interval: number;
  /** One look, then the end. */
  readonly once: boolean;
}

const LOOK_MS = 5000;
const PAGE = 1000;

/** Looks until the process ends; once, where neither a terminal nor a program follows. */
export async function top(api: Api, { json, interval, once }: TopOptions): Promise<void> {
  const live = !json && process.stdout.isTTY;
  if (once || !(json || live)) {
    show(await look(api), undefined, { json, live: false });
    return;
  }
  if (live) clearScreen();
  let before: View | undefined;
  let current = api;
  let lost = false;
  for (;;) {
    try {
      if (lost) current = await reachNext(current);
      const view = await look(current);
      show(view, before, { json, live });
      before = view;
      lost = false;
    } catch (thrown) {
      tryAgain(thrown, current);
      lost = true;
    }
    await sleep(interval * 1000);
  }
}

async function look(api: Api): Promise<View> {
  // A coordinator that hangs is no reason to hang as well.
  const signal = AbortSignal.timeout(LOOK_MS);
  try {
    const [info, sessions, { found }] = await Promise.all([
      api.coordinator.getInfo({}, { signal }),
      allSessions(api, signal),
      allNodes(api, {}, signal),
    ]);
    const loads = found.flatMap(({ name, load }) => (load ? [[name, load] as const] : []));
    return { info, sessions: worstFirst(sessions), loads: new Map(loads) };
  } catch (thrown) {
    if (signal.aborted) throw new Error(`no answer in ${LOOK_MS / 1000} s`, { cause: thrown });
    throw thrown;
  }
}

async function allSessions(api: Api, signal: AbortSignal): Promise<Session[]> {
  const found: Session[] = [];
  for (let pageToken = ''; ;) {
    const page = await api.coordinator.listSessions({ pageSize: PAGE, pageToken }, { signal });
    found.push(...page.sessions);
    pageToken = page.nextPageToken;
    if (pageToken === '') return found;
  }
}

function show(
  view: View,
  before: View | undefined,
  { json, live }: { json: boolean; live: boolean },
): void {
  const rate = entriesPerSecond(view, before);
  if (json) printJson(jsonOf(view, rate));
  // A terminal that nobody gave a size says 0.
  else if (live) redraw(linesOf(view, rate, (process.stdout.rows || 24) - 1));
  else print(linesOf(view, rate));
}
