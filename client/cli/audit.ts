/** `kelpie audit`: the acts of operators, and of nodes upon others. */
import { type Command, InvalidArgumentError } from 'commander';
import { AuditAction, AuditRecord } from '../../gen/ts/kelpie/v1/audit.js';
import type { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { Api } from '../api/index.js';
import { ask, command, type Common } from './command.js';
import { age, name } from './input/arguments.js';
import { after, follow, showGap } from './input/follow.js';
import { past, reachInWords, reachOf, showReach } from './input/past.js';
import { findPlayer } from './input/player.js';
import { actionOf, outcomeOf, targetsOf } from './output/audit-words.js';
import { print, shownTime } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { padToWidth } from './output/width.js';

interface AuditOptions extends Common {
  /** Only acts that are at most this old, in milliseconds. */
  readonly since?: number;
  readonly actor?: string;
  readonly action: readonly AuditAction[];
  readonly target?: string;
  readonly follow: boolean;
}

const TOPIC = 'kelpie.audit';
/** Of the topics that a reader of all may read, those whose events tell how far the history reaches. */
const ALL_TOPICS = ['>', 'nodes.*', 'players.*', TOPIC];
const HEAD = ['TIME', 'ACTOR', 'ACTION', 'OUTCOME', 'TARGETS', 'DETAIL'];
/** Records come page by page, so columns have a width of their own; a longer cell moves the others. */
const WIDTHS = [20, 16, 17, 16, 16];

export function auditCommand(): Command {
  return command('audit', 'show who did what: kicks, transfers, console commands, settings …')
    .option('--since <time>', 'only what is at most this old: 90s, 10m, 2h, 1d', age)
    .option('--actor <actor>', 'only acts of this credential, node or address', name)
    .option(
      '--action <action>',
      'only these acts, for example kick,run; may be repeated',
      actions,
      [],
    )
    .option('--target <target>', 'only acts upon this player, node, value or credential', name)
    .option('--follow', 'go on with the acts to come; without --since only these', false)
    .action((options: AuditOptions) => ask(options, (api) => audit(api, options)));
}

async function audit(api: Api, options: AuditOptions): Promise<void> {
  const { since, output } = options;
  const wanted = await filterOf(api, options);
  const show = (events: readonly Event[]): void => {
    for (const event of events) if (wanted(recordOf(event))) showRecord(event, output);
  };
  if (output === 'table') print(line(HEAD));
  if (options.follow) return followActs(api, options, show);
  const start = since === undefined ? 'EARLIEST' : { sinceMs: since };
  for await (const { events, gap } of past(api, [TOPIC], start)) {
    if (gap) showGap(gap, output);
    show(events);
  }
  const oldest = await reachOf(api, ALL_TOPICS, [TOPIC]);
  if (output === 'table') print(['', `Nothing older is known: ${reachInWords(oldest)}.`]);
  else showReach(oldest, output);
}

/** Until the process ends. */
async function followActs(
  api: Api,
  { since, output }: AuditOptions,
  show: (events: readonly Event[]) => void,
): Promise<never> {
  const { head } = await api.coordinator.info();
  const start = since === undefined ? after(head) : { sinceMs: since };
  return follow(api, [TOPIC], start, (frame) => {
    if (frame.$case === 'gap') showGap(frame.value, output);
    if (frame.$case === 'eventBatch') show(frame.value.events);
  });
}

async function filterOf(
  api: Api,
  { actor, action, target }: AuditOptions,
): Promise<(record: AuditRecord) => boolean> {
  const targets = target === undefined ? [] : await namesOf(api, target);
  return (record) => {
    const { actorNode, actorName, credentialId, address } = record;
    const actors = [actorNode, actorName, credentialId, address];
    if (actor !== undefined && !actors.some((one) => isSame(one, actor))) return false;
    if (action.length > 0 && !action.includes(record.action)) return false;
    return (
      target === undefined || record.targets.some((one) => targets.some((t) => isSame(t, one)))
    );
  };
}

/** A target has the name that the actor typed, or the id of the player. */
async function namesOf(api: Api, target: string): Promise<string[]> {
  const player = await findPlayer(api, target).catch(() => undefined);
  return player ? [target, player.id] : [target];
}

function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function showRecord(event: Event, output: Format): void {
  const record = recordOf(event);
  const { time, sequence } = event;
  if (output === 'table') print(line(cellsOf(time, record)));
  else {
    const at = { time: time ?? null, sequence: String(sequence) };
    printRecord(output, 'AuditRecord', { ...at, ...(AuditRecord.toJSON(record) as object) });
  }
}

function cellsOf(time: Date | undefined, record: AuditRecord): string[] {
  const { actorNode, actorName, address, detail } = record;
  const actor = actorNode || actorName || address;
  const targets = targetsOf(record) || '-';
  return [shownTime(time), actor, actionOf(record), outcomeOf(record), targets, detail];
}

function recordOf({ body }: Event): AuditRecord {
  return body?.$case === 'auditRecorded' ? body.value : AuditRecord.create();
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, column) => padToWidth(cell, WIDTHS[column] ?? 0))
    .join('  ')
    .trimEnd();
}

/** `kick,run`: names of the contract, in any case, with `-` for `_`. */
function actions(text: string, before: readonly AuditAction[]): AuditAction[] {
  return [...before, ...text.split(',').map(actionNamed)];
}

function actionNamed(text: string): AuditAction {
  const named = Object.entries(AuditAction).find(
    ([one, number]) => number !== 0 && one === text.trim().toUpperCase().replaceAll('-', '_'),
  );
  if (named) return named[1];
  throw new InvalidArgumentError(`"${text}" is none of ${ACTIONS.join(', ')}.`);
}

/** The names of acts, as people type them. */
export const ACTIONS: readonly string[] = Object.keys(AuditAction)
  .filter((one) => one !== 'UNSPECIFIED')
  .map((one) => one.toLowerCase().replaceAll('_', '-'));
