/**
 * A data directory that cannot be used: kelpied prints what is wrong and what to do, ends with 1, and does not change the
 * directory. Damage in the history is reported when a reader comes to it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { dataFolder, removeDataFolders } from '../support/process/data-folder.js';
import { runKelpied, startKelpied } from '../support/process/kelpied.js';
import { say } from '../support/wire/frames.js';
import { Wire } from '../support/wire/wire.js';

const DATA = 'journal.mdb';
const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

/** Damages a data directory. Returns the path that kelpied gets, if it is another one. */
type Spoil = (data: string) => string | undefined;

const changed =
  (name: string, content: string): Spoil =>
  (data) => {
    writeFileSync(join(data, name), content);
    return undefined;
  };
const without =
  (name: string): Spoil =>
  (data) => {
    rmSync(join(data, name));
    return undefined;
  };
/** Flips a bit in each copy of this text. */
const flipped =
  (text: string): Spoil =>
  (data) => {
    const bytes = readFileSync(join(data, DATA));
    expect(bytes.includes(text)).to.equal(true);
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
      bytes[at] = bytes.readUInt8(at) ^ 4;
    }
    writeFileSync(join(data, DATA), bytes);
    return undefined;
  };
const cut =
  (part: number): Spoil =>
  (data) => {
    const { length } = readFileSync(join(data, DATA));
    truncateSync(join(data, DATA), Math.floor(length * part));
    return undefined;
  };
const cutTo =
  (bytes: number): Spoil =>
  (data) => {
    truncateSync(join(data, DATA), bytes);
    return undefined;
  };
/** Writes a number to both pages of the header. */
const LAST_PAGE = 144;
const ROOT = 136;
const withHeader =
  (at: number, value: bigint): Spoil =>
  (data) => {
    const bytes = readFileSync(join(data, DATA));
    const pageSize = bytes.readUInt32LE(48);
    for (const page of [0, pageSize]) bytes.writeBigUInt64LE(value, page + at);
    writeFileSync(join(data, DATA), bytes);
    return undefined;
  };
/** Overwrites the pages after this part of the file with random bytes, except those of the header. */
const scrambled =
  (from: number): Spoil =>
  (data) => {
    const bytes = readFileSync(join(data, DATA));
    const start = Math.max(2, Math.floor((bytes.length / 4096) * from)) * 4096;
    // The same bytes in each run.
    for (let at = start, seed = 1; at + 4 <= bytes.length; at += 4) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      bytes.writeUInt32LE(seed, at);
    }
    writeFileSync(join(data, DATA), bytes);
    return undefined;
  };
/** Replaces a file by a symbolic link, to the moved file or to a foreign file in another folder. */
const linked =
  (name: string): Spoil =>
  (data) => {
    const target = join(dataFolder(), 'of somebody else');
    if (existsSync(join(data, name))) renameSync(join(data, name), target);
    else writeFileSync(target, 'precious');
    symlinkSync(target, join(data, name));
    return undefined;
  };

const REFUSED: [what: string, spoil: Spoil, words: RegExp][] = [
  [
    'whose parent is missing',
    (data) => join(data, 'a', 'b'),
    /parent directory is missing\. Create/,
  ],
  ['that is a file', (data) => join(data, DATA), /is not a directory\. Name another one/],
  ['under a file', (data) => join(data, DATA, 'data'), /part of its path is a file\. Name another/],
  // A folder to which root may not write either.
  ['that cannot be written', () => '/proc/self/fdinfo', /cannot be .*\. (Give|Look|Mount|Its)/],
  ['of a newer format', changed('format', 'kelpie journal 9\n'), /format 9.* Start the version/],
  [
    'whose format file is garbage',
    changed('format', 'whatever'),
    /file .*format.*`kelpied data check`/,
  ],
  ['without its format file', without('format'), /file .*format.*`kelpied data check`/],
  ['without its data file', without(DATA), /journal\.mdb.*`kelpied data check`/],
  [
    'whose data file is garbage',
    changed(DATA, 'nothing'.repeat(9999)),
    /header of .*`kelpied data check`/,
  ],
  ['whose first entry is damaged', flipped('the first word'), /entry \d+ .*`kelpied data check`/],
  ['whose last entry is damaged', flipped('the last word'), /entry \d+ .*`kelpied data check`/],
  [
    'whose table is damaged',
    flipped('what it says of itself'),
    /row nodes\/guest .*`kelpied data check`/,
  ],
  ['of which only a part of the header is left', cutTo(100), /header of .*`kelpied data check`/],
  ['of which only one page of the header is left', cutTo(4096), /header of .*`kelpied data check`/],
  ['of which only the header is left', cutTo(2 * 4096), /page \d+ of .*`kelpied data check`/],
  [
    'whose header names far too many pages',
    withHeader(LAST_PAGE, 2n ** 32n),
    /header of .*`kelpied data check`/,
  ],
  [
    'whose header names a negative number of pages',
    withHeader(LAST_PAGE, 2n ** 64n - 1n),
    /header of .*`kelpied data/,
  ],
  [
    'whose root page does not exist',
    withHeader(ROOT, 2n ** 30n),
    /page \d+ of .*`kelpied data check`/,
  ],
  ['with random bytes in all pages', scrambled(0), /page \d+ of .*`kelpied data check`/],
  ['with random bytes in half of the pages', scrambled(0.5), /page \d+ of .*`kelpied data check`/],
  ...['format', 'room', DATA].map((name): [string, Spoil, RegExp] => [
    `in which ${name} is a symbolic link`,
    linked(name),
    new RegExp(`${name} is not a regular file .*symbolic link.* Put the file itself there`),
  ]),
  ...[0, 0.4].map((part): [string, Spoil, RegExp] => [
    `of whose data ${part * 100} % are left`,
    cut(part),
    /is damaged: .*`kelpied data check`/,
  ]),
];

describe('a data directory', () => {
  let whole: string;
  let data: string;

  before('was used', async () => {
    whole = join(dataFolder(), 'data');
    const kelpied = await startKelpied(['--journal', 'file', '--data', whole]);
    const wire = new Wire(kelpied.endpoint);
    const tell = (...texts: string[]) =>
      wire.call('EventService.PublishEvents', { events: texts.map((text) => say('chat', text)) });
    await tell('the first word');
    await wire.join('guest', { motd: 'what it says of itself' });
    // More entries than retention reads ahead.
    for (let count = 0; count < 300; count += 50) {
      await tell(...Array.from({ length: 50 }, () => 'x'.repeat(2000)));
    }
    await tell('a word in the middle');
    await tell('and one after it');
    await tell('the last word');
    // The node is still connected when kelpied is killed.
    await kelpied.kill();
    wire.close();
  });
  beforeEach(() => {
    data = join(dataFolder(), 'data');
    cpSync(whole, data, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  });
  after(removeDataFolders);

  const args = (path: string) => ['--journal', 'file', '--data', path, '--port', '0'];

  const expectRefused = (
    { code, output, errors }: { code: number | null; output: string; errors: string },
    words: RegExp,
  ): void => {
    const message = errors.split('\n').find((line) => line.startsWith('kelpied: '));
    expect(message, errors).to.match(words);
    expect(errors).to.not.match(/\n +at /);
    expect(output).to.equal('');
    expect(code).to.equal(1);
  };

  for (const [what, spoil, words] of REFUSED) {
    it(`${what} is refused, with what to do, and stays unchanged`, async () => {
      const path = spoil(data) ?? data;
      const before = contentOf(data);
      expectRefused(await runKelpied(args(path)), words);
      expect(contentOf(data)).to.deep.equal(before);
    });
  }

  it('whose pages are damaged makes kelpied data print an error', async () => {
    // The last damage does not touch the pages that `info` reads.
    for (const spoil of [cutTo(100), scrambled(0), scrambled(0.9)]) {
      cpSync(join(whole, DATA), join(data, DATA));
      spoil(data);
      const check = await runKelpied(['data', 'check', '--data', data]);
      expectRefused(check, /is damaged: .*restore a copy/);
    }
    expectRefused(await runKelpied(['data', 'info', '--data', data]), /is damaged.*restore a copy/);
    linked('format')(data);
    expectRefused(
      await runKelpied(['data', 'info', '--data', data]),
      /format is not a regular file/,
    );
  });

  it('of a living process is refused, with what to do; that of a dead process is taken over', async () => {
    const kelpied = await startKelpied(args(data));
    expectRefused(await runKelpied(args(data)), /in use by another process.* Stop that process/);
    await kelpied.kill();
    expect(readdirSync(data).filter((name) => name.endsWith('.sock'))).to.have.length(1);
    const next = await startKelpied(args(data));
    expect(await next.stop()).to.equal(0);
  });

  it('is created if it is missing', async () => {
    const kelpied = await startKelpied(args(join(data, 'new')));
    expect(existsSync(join(data, 'new', DATA))).to.equal(true);
    expect(await kelpied.stop()).to.equal(0);
  });

  it('on a full disk is refused, with what to do', () => {
    // A limit of the shell makes writes fail as a full disk does. Only root could fill a disk. Without the trap the
    // kernel would kill kelpied.
    const limited = `trap '' XFSZ; ulimit -f 4; exec "$0" "$@"`;
    const command = ['-c', limited, process.execPath, MAIN, ...args(join(data, 'new'))];
    const env = { ...process.env, KELPIE_METRICS_PORT: '0' };
    const { status, stdout, stderr } = spawnSync('sh', command, { encoding: 'utf8', env });
    expectRefused(
      { code: status, output: stdout, errors: stderr },
      /cannot be written to .*LimitFSIZE/,
    );
  });

  it('with damage in the middle of its history reports it to readers there, and skips nothing', async () => {
    flipped('a word in the middle')(data);
    const kelpied = await startKelpied(args(data));
    const wire = new Wire(kelpied.endpoint);
    const watch = wire.watch(['chat'], { at: 'START_AT_EARLIEST' });
    const { error } = await watch.ended();
    expect(error?.reason).to.equal('ERROR_REASON_INTERNAL');
    const texts = watch.frames.flatMap(({ event_batch: batch }) => batch?.events ?? []);
    expect(texts.map(({ message_published: message }) => message?.content.text)).to.not.include(
      'and one after it',
    );
    expect(kelpied.errors()).to.match(/journal is damaged: entry \d+ .*`kelpied data check`/);
    // The damage does not affect readers behind it.
    const { stream } = await wire.join('late', { topics: ['chat'] });
    await wire.call('EventService.PublishEvents', { events: [say('chat', 'still here')] });
    expect(await stream.texts('still here')).to.deep.equal(['still here']);
    await wire.leave();
    wire.close();
    expect(await kelpied.stop()).to.equal(0);
  });
});

/** The files of the directory with their content, except lmdb's list of readers, which holds no data. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== `${DATA}-lock`);
  return Object.fromEntries(
    names.map((name) => {
      const hash = createHash('sha256').update(readFileSync(join(folder, name)));
      return [name, hash.digest('hex')];
    }),
  );
}
