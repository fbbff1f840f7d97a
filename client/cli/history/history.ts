/** `kelpie history`: what happened to a node or a player, from the journal. */
import type { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Api } from '../input/calls.js';
import { KelpieError } from '../../errors.js';
import { startOf } from '../../core/start.js';
import { showGap } from '../input/follow.js';
import { factOf, factsAfter, told } from './fact.js';
import type { Facts } from './facts.js';
import { type Subject, subjectOf } from './subject.js';
import { print, printJson, shownTime, UsageError } from '../output/output.js';
import { oldestOf, past } from '../input/past.js';

export interface HistoryOptions {
  readonly json: boolean;
  /** Only what is at most this old, in milliseconds. */
  readonly since?: number;
  /** It is a node's name, whoever else has it. */
  readonly node: boolean;
  /** It is a player's. */
  readonly player: boolean;
}

export async function history(api: Api, words: string[], options: HistoryOptions): Promise<void> {
  const typed = words.join(' ');
  const only = onlyOf(options);
  const oldest = await oldestOf(api, ['>', 'nodes.*', 'players.*']);
  const subject = await subjectOf(api, typed, only);
  if (!subject) throw unknown(typed, only, '', oldest);
  const facts = await printFacts(api, subject, options);
  if (facts === 0 && !(await subject.present())) {
    throw unknown(typed, subject.kind, ' in the time that was asked for', oldest);
  }
  if (options.json) {
    printJson({ historySince: oldest?.time ?? null, oldestSequence: oldest?.sequence ?? null });
  } else print(endOf(subject, facts, oldest));
}

/** What is said below the facts, or instead of them. */
function endOf({ kind, shown, namesakes }: Subject, facts: number, oldest: Event | undefined) {
  const it = kind === 'node' ? 'it' : 'them';
  const end =
    facts === 0
      ? [`${shown} is there, and nothing happened to ${it}; ${reachOf(oldest)}.`]
      : ['', `Nothing older is known: ${reachOf(oldest)}.`];
  if (namesakes.length === 0) return end;
  return [...end, `Others had the name before: kelpie history ${namesakes.join(' or ')}`];
}

function onlyOf({ node, player }: HistoryOptions): 'node' | 'player' | undefined {
  if (node && player) throw new UsageError('it is either --node or --player');
  if (node) return 'node';
  return player ? 'player' : undefined;
}

/** Returns how many there are. */
async function printFacts(
  api: Api,
  subject: Subject,
  { json, since }: HistoryOptions,
): Promise<number> {
  const start = since === undefined ? startOf('EARLIEST') : startOf({ sinceMs: since });
  let facts = 0;
  let before: Facts | undefined;
  for await (const { events, gap } of past(api, [subject.topic], start)) {
    if (gap) {
      showGap(gap, json);
      // What lies in it may have changed the player.
      before = undefined;
    }
    for (const event of events) {
      if (facts === 0 && !json) print(headOf(subject));
      facts += 1;
      const fact = factOf(event, before);
      before = factsAfter(event);
      if (json) printJson(fact);
      else print(line(shownTime(fact.time), String(fact.sequence), told(fact)));
    }
  }
  return facts;
}

/** Who it is, where more than one can have the name; then the columns. */
function headOf({ kind, shown }: Subject): string[] {
  const columns = line('TIME', 'SEQUENCE', 'WHAT');
  return kind === 'node' ? [columns] : [shown, '', columns];
}

/** Nothing is known; of one that is there all may be older than the history. */
function unknown(
  typed: string,
  kind: Subject['kind'] | undefined,
  when: string,
  oldest: Event | undefined,
): KelpieError {
  const reason = kind === 'node' ? 'NODE_NOT_FOUND' : 'PLAYER_NOT_FOUND';
  const message = `nothing is known of a ${kind ?? 'node or player'} "${typed}"${when}; ${reachOf(oldest)}`;
  return new KelpieError(reason, message);
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
