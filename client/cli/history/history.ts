/** `kelpie history`: what happened to a node or a player, from the journal. */
import type { Command } from 'commander';
import type { Event } from '../../../gen/ts/kelpie/v1/event.js';
import type { Api } from '../../api/index.js';
import { KelpieError } from '../../errors.js';
import { ask, command, type Common } from '../command.js';
import { age } from '../input/arguments.js';
import { showGap } from '../input/follow.js';
import { factOf, factsAfter, inWords } from './fact.js';
import type { Facts } from './facts.js';
import { type Subject, subjectOf } from './subject.js';
import { print, shownTime, UsageError } from '../output/output.js';
import { printRecord } from '../output/records.js';
import { oldestOf, past, reachInWords, showReach } from '../input/past.js';

interface HistoryOptions extends Common {
  /** Only what is at most this old, in milliseconds. */
  readonly since?: number;
  /** It is a node's name, whoever else has it. */
  readonly node: boolean;
  /** It is a player's. */
  readonly player: boolean;
}

export function historyCommand(): Command {
  return command(
    'history <name...>',
    'show what happened to a node or a player, as far as the journal reaches',
  )
    .option('--node', 'it is the name of a node', false)
    .option('--player', 'it is the name or id of a player', false)
    .option('--since <time>', 'only what is at most this old: 90s, 10m, 2h, 1d', age)
    .action((words: string[], options: HistoryOptions) =>
      ask(options, (api) => history(api, words, options)),
    );
}

async function history(api: Api, words: string[], options: HistoryOptions): Promise<void> {
  const typed = words.join(' ');
  const only = onlyOf(options);
  const oldest = await oldestOf(api, ['>', 'nodes.*', 'players.*']);
  const subject = await subjectOf(api, typed, only);
  if (!subject) throw unknown(typed, only, '', oldest);
  const facts = await printFacts(api, subject, options);
  if (facts === 0 && !(await subject.present())) {
    throw unknown(typed, subject.kind, ' in the time that was asked for', oldest);
  }
  if (options.output === 'table') print(endOf(subject, facts, oldest));
  else showReach(oldest, options.output);
}

/** The lines below the facts, or instead of them. */
function endOf({ kind, shown, namesakes }: Subject, facts: number, oldest: Event | undefined) {
  const it = kind === 'node' ? 'it' : 'them';
  const end =
    facts === 0
      ? [`${shown} is there, and nothing happened to ${it}; ${reachInWords(oldest)}.`]
      : ['', `Nothing older is known: ${reachInWords(oldest)}.`];
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
  { output, since }: HistoryOptions,
): Promise<number> {
  const start = since === undefined ? 'EARLIEST' : { sinceMs: since };
  let facts = 0;
  let before: Facts | undefined;
  for await (const { events, gap } of past(api, [subject.topic], start)) {
    if (gap) {
      showGap(gap, output);
      // The lost events may have changed the player.
      before = undefined;
    }
    for (const event of events) {
      if (facts === 0 && output === 'table') print(headOf(subject));
      facts += 1;
      const fact = factOf(event, before);
      before = factsAfter(event);
      if (output !== 'table')
        printRecord(output, 'Fact', { ...fact, sequence: String(fact.sequence) });
      else print(line(shownTime(fact.time), String(fact.sequence), inWords(fact)));
    }
  }
  return facts;
}

/** The player's name and id, because several players can have a name; then the columns. */
function headOf({ kind, shown }: Subject): string[] {
  const columns = line('TIME', 'SEQUENCE', 'WHAT');
  return kind === 'node' ? [columns] : [shown, '', columns];
}

/** The error if the journal has nothing of a name. Events of one that is online may be older than the journal. */
function unknown(
  typed: string,
  kind: Subject['kind'] | undefined,
  when: string,
  oldest: Event | undefined,
): KelpieError {
  const reason = kind === 'node' ? 'NODE_NOT_FOUND' : 'PLAYER_NOT_FOUND';
  const message = `nothing is known of a ${kind ?? 'node or player'} "${typed}"${when}; ${reachInWords(oldest)}`;
  return new KelpieError(reason, message);
}

/** Times and sequences are always as long, so columns need not be measured. */
function line(time: string, sequence: string, what: string): string {
  return `${time.padEnd(20)}  ${sequence.padEnd(16)}  ${what}`;
}
