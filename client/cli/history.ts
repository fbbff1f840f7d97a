/** `kelpie history`: what happened to a node, from the journal. */
import type { Cursor, Start } from '../../gen/ts/kelpie/v1/cursor.js';
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { Node } from '../../gen/ts/kelpie/v1/node.js';
import type { Api } from '../api.js';
import { fromThrown, KelpieError } from '../errors.js';
import { startOf } from '../options.js';
import { after, showGap } from './follow.js';
import { type Fact, factOf, nodeAfter, told } from './fact.js';
import { print, printJson, UsageError } from './output.js';

export interface HistoryOptions {
  readonly json: boolean;
  /** Only what is at most this old, in milliseconds. */
  readonly since?: number;
}

const NAME = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/;

export async function history(api: Api, typed: string, options: HistoryOptions): Promise<void> {
  const name = typed.toLowerCase();
  if (!NAME.test(name)) throw new UsageError(`"${typed}" cannot be the name of a node`);
  const oldest = await oldestEvent(api);
  const facts = await printFacts(api, name, options);
  if (facts === 0) await refuseUnknown(api, name, options, oldest);
  if (options.json) {
    printJson({ historySince: oldest?.time ?? null, oldestSequence: oldest?.sequence ?? null });
  } else if (facts === 0)
    print(`${name} is there, and nothing happened to it; ${reachOf(oldest)}.`);
  else print(`\nNothing older is known: ${reachOf(oldest)}.`);
}

/** Page by page, so that a long history takes no more memory than a short one. Returns how many. */
async function printFacts(
  api: Api,
  name: string,
  { json, since }: HistoryOptions,
): Promise<number> {
  const start = since === undefined ? startOf('EARLIEST') : startOf({ sinceMs: since });
  let facts = 0;
  for await (const page of pages(api, name, start)) {
    if (page.gap) showGap(page.gap, json);
    for (const fact of page.facts) {
      if (facts === 0 && !json) print(line('TIME', 'SEQUENCE', 'WHAT'));
      facts += 1;
      if (json) printJson(fact);
      else print(line(shownTime(fact.time), String(fact.sequence), told(fact)));
    }
  }
  return facts;
}

async function* pages(api: Api, name: string, first: Start) {
  const { head } = await api.coordinator.getInfo({});
  let start = first;
  let before: Node | undefined;
  for (;;) {
    const page = await api.events.readEvents({ topics: [`nodes.${name}`], start });
    // What lies in the gap may have changed it.
    if (page.gap) before = undefined;
    const facts: Fact[] = [];
    for (const event of page.events) {
      facts.push(factOf(event, before));
      before = nodeAfter(event);
    }
    yield { facts, gap: page.gap };
    // What happens meanwhile is no history yet; else a busy node would never come to its end.
    if (page.events.length === 0 && !page.gap) return;
    if (isAt(page.cursor, head)) return;
    start = after(page.cursor);
  }
}

function isAt(cursor: Cursor | undefined, head: Cursor | undefined): boolean {
  return (cursor?.sequence ?? 0) >= (head?.sequence ?? 0);
}

/** The first event that can be read: further back nobody sees. */
async function oldestEvent(api: Api): Promise<Event | undefined> {
  const start = startOf('EARLIEST');
  const { events } = await api.events.readEvents({ topics: ['>', 'nodes.*'], start, pageSize: 1 });
  return events[0];
}

/** Throws for a node of which nothing is known; one that is there may have joined before all history. */
async function refuseUnknown(
  api: Api,
  name: string,
  { since }: HistoryOptions,
  oldest: Event | undefined,
): Promise<void> {
  try {
    await api.nodes.getNode({ name });
  } catch (thrown) {
    const error = fromThrown(thrown);
    if (error.reason !== 'NODE_NOT_FOUND') throw error;
    const when = since === undefined ? '' : ' in the time that was asked for';
    const message = `nothing is known of a node "${name}"${when}; ${reachOf(oldest)}`;
    throw new KelpieError('NODE_NOT_FOUND', message);
  }
}

function reachOf(oldest: Event | undefined): string {
  return oldest
    ? `history goes back to ${shownTime(oldest.time)} (sequence ${oldest.sequence})`
    : 'history is empty';
}

/** Times and sequences are always as long, so columns need not be measured. */
function line(time: string, sequence: string, what: string): string {
  return `${time.padEnd(20)}  ${sequence.padEnd(16)}  ${what}`;
}

function shownTime(time: Date | undefined): string {
  return time?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-';
}
