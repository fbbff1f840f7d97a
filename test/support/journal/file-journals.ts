/** File journals for tests: with a clock that tests control, and in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FileJournal, type FileJournalOptions } from '../../../server/journal/file/file-journal.js';
import { LmdbStore } from '../../../server/journal/file/lmdb.js';
import type {
  Change,
  Space,
  Store,
  Stored,
  StoreKey,
  StoreOptions,
} from '../../../server/journal/file/store.js';
import type { Retention } from '../../../server/journal/journal.js';
import { FakeClock } from '../clock/fake-clock.js';

/** The compiled file lies one folder deeper, in dist. */
const WRITER = fileURLToPath(new URL('./journal-writer.js', import.meta.url));

export const everything: Retention = { entries: 10_000_000, bytes: 2 ** 40, ageMs: 2 ** 40 };

/** Opens a journal that keeps everything, unless `more` sets other options. */
export function openFile(
  folder: string,
  more: Partial<FileJournalOptions> = {},
): Promise<FileJournal> {
  return FileJournal.open({ folder, clock: new FakeClock(), retention: everything, ...more });
}

/** A process that appends as fast as it can and prints the sequence of each acknowledged entry. */
export interface Writer {
  readonly process: ChildProcess;
  /** The epoch in hex, once the process has opened the journal. Rejects with its stderr if it could not. */
  readonly opened: Promise<string>;
  /** The text on its stderr, once the process has ended by itself. */
  readonly failed: Promise<string>;
  /** Resolves when the journal has acknowledged that many more entries. */
  acknowledged(count: number): Promise<void>;
  /** Sends SIGKILL. Resolves with every sequence that the process had printed. */
  kill(): Promise<number[]>;
}

/** `fileBlocks`: the largest file that the process may write, in the shell's blocks of 512 bytes. */
export function startWriter(
  folder: string,
  sync: 'commit' | 'interval' = 'commit',
  fileBlocks?: number,
): Writer {
  const run = [process.execPath, WRITER, folder, sync];
  // Without the trap the kernel would kill the process; with it the write fails.
  const limited = ['-c', `trap '' XFSZ; ulimit -f ${fileBlocks}; exec "$0" "$@"`, ...run];
  const [command = '', ...args] = fileBlocks === undefined ? run : ['sh', ...limited];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // The child must not outlive the tests.
  const reap = (): boolean => child.kill('SIGKILL');
  process.once('exit', reap);
  const gone = once(child, 'close').finally(() => process.off('exit', reap));
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const numbers: number[] = [];
  const waits = new Set<{ readonly count: number; readonly done: () => void }>();
  const lines = createInterface({ input: child.stdout });
  const opened = new Promise<string>((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line.slice('epoch '.length));
      lines.on('line', (one) => {
        numbers.push(Number(one));
        for (const wait of waits) if (numbers.length >= wait.count) wait.done();
      });
    });
    void gone.then(() => reject(new Error(errors)));
  });
  // A test that kills the process at once does not await `opened`.
  opened.catch(() => undefined);
  return {
    process: child,
    opened,
    failed: gone.then(() => errors),
    acknowledged: (more) =>
      new Promise((resolve) => {
        const wait = { count: numbers.length + more, done: () => waits.delete(wait) && resolve() };
        waits.add(wait);
      }),
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
      return numbers;
    },
  };
}

/** The real store, with counters of reads and with hooks before commits and syncs. */
export class ProbeStore implements Store {
  /** The number of records that were read, by their space. */
  readonly reads: Record<Space, number> = { log: 0, table: 0, producers: 0, meta: 0 };
  /** Runs before each commit. If it rejects, the commit fails. */
  beforeCommit: (changes: readonly Change[]) => Promise<void> = async () => undefined;
  /** Runs before each sync. */
  beforeSync: () => Promise<void> = async () => undefined;
  readonly #store: Store;

  constructor(options: StoreOptions) {
    this.#store = new LmdbStore(options);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await this.beforeCommit(changes);
    await this.#store.commit(changes);
  }

  advance(): void {
    this.#store.advance();
  }

  get(space: Space, key: StoreKey): Buffer | undefined {
    this.reads[space] += 1;
    return this.#store.get(space, key);
  }

  range<Key extends StoreKey>(
    space: Space,
    from: Key,
    end: Key | undefined,
    limit: number,
    bytes?: number,
  ): Stored<Key>[] {
    const found = this.#store.range(space, from, end, limit, bytes);
    this.reads[space] += found.length;
    return found;
  }

  async sync(ceiling: number): Promise<void> {
    await this.beforeSync();
    await this.#store.sync(ceiling);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
