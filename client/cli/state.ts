/** `kelpie state`: the values that the programs of a network share. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { Event, StateEndReason, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import { type Api, type MessageContent, pagesOf } from '../api/index.js';
import { msOf } from '../core/duration.js';
import { messageOf } from '../errors.js';
import { patternOf, placeOf, topicOf } from '../core/value-place.js';
import { ask, command, type Common, askAny } from './command.js';
import { age, name } from './input/arguments.js';
import { after, follow, showGap, type WatchFrame } from './input/follow.js';
import { duration, nameOf, print, shownTime, table, UsageError } from './output/output.js';
import { type Format, printRecord } from './output/records.js';
import { contentInWords } from './output/words.js';

interface PutOptions extends Common {
  readonly jsonValue: boolean;
  readonly expect?: number;
  /** In milliseconds. */
  readonly ttl?: number;
  readonly owner?: string;
}

interface RemoveOptions extends Common {
  readonly expect?: number;
}

/** The file descriptor of the standard input. */
const STDIN = 0;
/** A value in a table shows so many characters. */
const SHOWN = 60;

export function stateCommand(): Command {
  const group = new Command('state')
    .description('show and change the values that programs share')
    .enablePositionalOptions();
  for (const one of [listCommand(), getCommand(), putCommand(), removeCommand(), watchCommand()])
    group.addCommand(one);
  return group;
}

function listCommand(): Command {
  return command('ls [bucket] [prefix]', 'list the values, of all buckets or of one').action(
    (bucket: string | undefined, prefix: string | undefined, options: Common) =>
      askAny(options, (api) => list(api, bucket, prefix, options.output)),
  );
}

function getCommand(): Command {
  return command('get <bucket> <key>', 'show a value').action(
    (bucket: string, key: string, options: Common) =>
      askAny(options, async (api) => {
        const value = await api.messages.state.get(bucket, key);
        if (options.output === 'table') print(table(['key', value.key], facts(value)));
        else show([value], options.output);
      }),
  );
}

function putCommand(): Command {
  return command('put <bucket> <key> <value>', 'store a value')
    .option('--json-value', 'the value is a JSON object or list', false)
    .option('--expect <sequence>', 'store nothing if the value has another sequence', sequence)
    .option('--ttl <time>', 'the value ends after this time: 90s, 10m, 2h, 1d', age)
    .option('--owner <node>', 'the value ends when this node leaves', name)
    .addHelpText(
      'after',
      '\nThe value is a text, @FILE for the content of a file, or - for the standard input.' +
        '\n--expect 0 stores the value only if it is absent.',
    )
    .action((bucket: string, key: string, value: string, options: PutOptions) =>
      ask(options, (api) => put(api, bucket, key, value, options)),
    );
}

function removeCommand(): Command {
  return command('rm <bucket> <key>', 'delete a value')
    .option('--expect <sequence>', 'delete nothing if the value has another sequence', sequence)
    .action((bucket: string, key: string, { output, ...options }: RemoveOptions) =>
      ask({ output, ...options }, async (api) => {
        const { expect } = options;
        await api.state.delete(bucket, key, expect === undefined ? {} : { expect });
        if (output === 'table') print(`Deleted ${bucket} ${key}.`);
        else printRecord(output, 'Deleted', { bucket, key });
      }),
    );
}

function watchCommand(): Command {
  return command(
    'watch <bucket> [key]',
    'show the values of a bucket, or one value, and go on with what changes',
  ).action((bucket: string, key: string | undefined, options: Common) =>
    ask(options, (api) => watch(api, bucket, key, options.output)),
  );
}

async function list(api: Api, bucket = '', keyPrefix = '', output: Format): Promise<void> {
  const filter = { ...(bucket !== '' && { bucket }), keyPrefix };
  const { values } = await allValues(api, filter);
  show(values, output);
}

/** All pages of a list, and the position from which changes can be followed. */
async function allValues(api: Api, filter: { bucket?: string; keyPrefix?: string }) {
  const values: StateValue[] = [];
  let cursor;
  for await (const page of pagesOf((pageToken) =>
    api.messages.state.list({ ...filter, pageSize: 1000, pageToken }),
  )) {
    values.push(...page.values);
    ({ cursor } = page);
  }
  return { values, cursor };
}

function show(values: readonly StateValue[], output: Format): void {
  if (output !== 'table') {
    for (const value of values) printRecord(output, 'StateValue', StateValue.toJSON(value));
  } else if (values.length === 0) print('No value is there.');
  else print(table(['BUCKET', 'KEY', 'SEQUENCE', 'OWNER', 'TTL', 'VALUE'], values.map(row)));
}

function row(value: StateValue): string[] {
  const { bucket, key, sequence, owner } = value;
  const text = Array.from(contentInWords(value.content?.form?.value));
  const cut = text.length > SHOWN ? `${text.slice(0, SHOWN).join('')}…` : text.join('');
  return [bucket, key, String(sequence), owner || '-', ttlOf(value), cut];
}

function facts(value: StateValue): string[][] {
  return [
    ['bucket', value.bucket],
    ['sequence', String(value.sequence)],
    ['owner', value.owner || '-'],
    ['ttl', ttlOf(value)],
    ['written', shownTime(value.updateTime)],
    ['value', contentInWords(value.content?.form?.value)],
  ];
}

function ttlOf({ ttl }: StateValue): string {
  return ttl ? duration(msOf(ttl, 0) / 1000) : '-';
}

async function put(
  api: Api,
  bucket: string,
  key: string,
  given: string,
  { output, jsonValue, expect, ttl, owner }: PutOptions,
): Promise<void> {
  const options = {
    ...(expect !== undefined && { expect }),
    ...(ttl !== undefined && { ttlMs: ttl }),
    ...(owner !== undefined && { owner }),
  };
  const content = contentOf(given, jsonValue);
  const stored = await api.state.put(bucket, key, content, options);
  if (output === 'table') print(`Stored ${bucket} ${key} as ${stored.sequence}.`);
  else printRecord(output, 'Stored', { bucket, key, sequence: String(stored.sequence) });
}

/** Throws a UsageError. */
function contentOf(given: string, isJson: boolean): MessageContent {
  const bytes = given === '-' ? read(STDIN) : given.startsWith('@') ? read(given.slice(1)) : given;
  const text = typeof bytes === 'string' ? bytes : textOf(bytes);
  if (!isJson) return text ?? bytes;
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value === 'object' && value !== null) return value as MessageContent;
  } catch {
    // The same advice as for JSON that is no object.
  }
  throw new UsageError(
    `with --json-value it must be a JSON object or list, such as '{"coins": 5}'`,
  );
}

function read(file: string | number): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`the value cannot be read: ${messageOf(error)}`);
  }
}

/** Undefined for bytes that are no text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function watch(
  api: Api,
  bucket: string,
  key: string | undefined,
  output: Format,
): Promise<void> {
  const topic = key === undefined ? patternOf(bucket) : topicOf(placeOf(bucket, key));
  const { values, cursor } = await allValues(api, { bucket, keyPrefix: key ?? '' });
  const wanted = values.filter((value) => key === undefined || value.key === key);
  for (const value of wanted) showValue(value, output);
  // From the list's own position, so nothing is missed between the two.
  await follow(api, [topic], after(cursor), (frame) => showChange(frame, output));
}

function showValue(value: StateValue, output: Format): void {
  if (output === 'table')
    print(line(value.updateTime, value, contentInWords(value.content?.form?.value)));
  else printRecord(output, 'StateValue', StateValue.toJSON(value));
}

function showChange(frame: WatchFrame, output: Format): void {
  if (frame.$case === 'gap') showGap(frame.value, output);
  if (frame.$case === 'snapshot') {
    for (const { sequence, resource } of frame.value.rows)
      if (resource?.$case === 'state') showValue({ ...resource.value, sequence }, output);
  }
  if (frame.$case !== 'eventBatch') return;
  for (const event of frame.value.events) {
    if (output === 'table') showEvent(event);
    else printRecord(output, 'Event', Event.toJSON(event));
  }
}

function showEvent({ body, time }: Event): void {
  if (body?.$case === 'stateChanged' && body.value.value)
    print(line(time, body.value.value, contentInWords(body.value.value.content?.form?.value)));
  if (body?.$case === 'stateDeleted' && body.value.value)
    print(line(time, body.value.value, `ended (${nameOf(StateEndReason, body.value.reason)})`));
}

/** `12:03:04  arena-1  open` */
function line(time: Date | undefined, { key }: StateValue, what: string): string {
  return `${time?.toISOString().slice(11, 19) ?? '-'}  ${key}  ${what}`;
}

function sequence(text: string): number {
  const number = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('It must be a sequence that kelpie state shows, or 0.');
}
