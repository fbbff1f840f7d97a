/** Moves a network out of an engine into a file, and from the file into another engine. */
import type {
  ExportedCredential,
  ExportEnd,
  ExportHeader,
  ExportPart,
} from '../../../gen/ts/kelpie/storage/v1/export.js';
import type { Clock } from '../../core/clock.js';
import { foldNetworkName, isNetworkName } from '../../core/network-name.js';
import type { CredentialStore, RecordChange } from '../../journal/credential-store.js';
import { JournalError } from '../../journal/error.js';
import { EXPORT_FORMAT, exportParts } from './export.js';
import { readExport, writeExport } from './export-file.js';
import { HistoryClock, importParts } from './import.js';
import type { Storage } from '../../journal/storage.js';

/** Called with the entries that are done, of about `of`. */
type OnEntries = (done: number, of: number) => void;

/** Credentials that are written at once. */
const CREDENTIALS = 200;

export interface MoveOut {
  readonly network: string;
  /** Of the software. */
  readonly version: string;
  readonly file: string;
  readonly onEntries?: OnEntries;
  /** Whether an operator interrupts it. */
  readonly interrupt?: AbortSignal;
}

/** Exports a network. Throws a JournalError. */
export async function moveOut(storage: Storage, move: MoveOut): Promise<ExportEnd> {
  const { version, file, interrupt, onEntries = () => undefined } = move;
  const network = foldNetworkName(move.network);
  await checkUsers(storage);
  const journal = await storage.openJournal(network);
  try {
    const credentials = await storage.credentials();
    const end: ExportEnd = { rows: 0, entries: 0, producers: 0, credentials: 0 };
    const source = { network, version, journal, credentials, end };
    const parts = untilInterrupted(exportParts(source, onEntries), interrupt);
    await writeExport(file, parts).finally(() => credentials.close());
    return end;
  } finally {
    await journal.close();
  }
}

export interface MoveIn {
  readonly file: string;
  /** Whether a journal that the network has already may go. */
  readonly replace: boolean;
  readonly clock: Clock;
  readonly onEntries?: OnEntries;
  /** Whether an operator interrupts it. */
  readonly interrupt?: AbortSignal;
}

/** Imports the network of a file: whole, or not at all. Throws a JournalError. */
export async function moveIn(
  storage: Storage,
  { file, replace, clock, interrupt, onEntries = () => undefined }: MoveIn,
): Promise<ExportEnd & { readonly network: string; readonly epoch: Uint8Array }> {
  const parts = untilInterrupted(readExport(file), interrupt);
  const first = await parts.next();
  const { network, newest, entries } = headerOf(first.done ? undefined : first.value, file);
  await checkUsers(storage);
  if (!replace && (await storage.has(network))) throw taken(storage, network);
  const own = new HistoryClock(clock, newest);
  const staged = await storage.stage(network, own);
  try {
    const { journal } = staged;
    const told = (done: number): void => onEntries(done, entries);
    const { counts, credentials } = await importParts(parts, { journal, clock: own }, told);
    const { epoch } = journal.head;
    await checkUsers(storage);
    await takeCredentials(await storage.credentials(), credentials);
    await staged.commit();
    return { ...counts, network, epoch };
  } finally {
    await staged.discard();
  }
}

async function* untilInterrupted<Part>(
  parts: AsyncIterable<Part>,
  interrupt: AbortSignal | undefined,
): AsyncGenerator<Part> {
  for await (const part of parts) {
    if (interrupt?.aborted)
      throw new JournalError('INTERRUPTED', 'interrupted; nothing has changed');
    yield part;
  }
}

function headerOf(part: ExportPart['part'], file: string): ExportHeader {
  if (part?.$case !== 'header') {
    throw new JournalError('DAMAGED', `${file} is no whole export of kelpied: it has no header.`);
  }
  const header = part.value;
  if (!isNetworkName(header.network)) {
    const name = JSON.stringify(header.network);
    throw new JournalError(
      'DAMAGED',
      `${file} is of a network with the name ${name}, which no network can have.`,
    );
  }
  if (header.format <= EXPORT_FORMAT) return header;
  throw new JournalError(
    'FORMAT',
    `${file} is of format ${header.format}, which version ${header.version} of Kelpie wrote. Import it with that version.`,
  );
}

/** Credentials that are there already, as after an interrupted import, must be the same. */
async function takeCredentials(
  store: CredentialStore,
  credentials: readonly ExportedCredential[],
): Promise<void> {
  try {
    const there = new Map<string, Uint8Array>();
    for await (const { id, bytes } of store.records()) there.set(id, bytes);
    const changes = credentials.filter(({ id, bytes }) => {
      const found = there.get(id);
      if (found && !Buffer.from(found).equals(bytes)) throw otherCredential(id);
      return !found;
    });
    for (let from = 0; from < changes.length; from += CREDENTIALS) {
      const some = changes.slice(from, from + CREDENTIALS);
      const written: RecordChange[] = some.map((one) => ({ ...one, expected: 0 }));
      if ((await store.write(written)) === undefined) throw otherCredential(some[0]?.id ?? '');
    }
  } finally {
    await store.close();
  }
}

async function checkUsers(storage: Storage): Promise<void> {
  const users = await storage.users();
  if (users.length === 0) return;
  throw new JournalError(
    'IN_USE',
    `Coordinators use ${storage.place}: ${users.join(', ')}. Stop them, and wait 10 s after one that was killed.`,
  );
}

function taken({ place }: Storage, network: string): JournalError {
  return new JournalError(
    'IN_USE',
    `${place} has the network ${network} already. Name another place; or give --replace, and what it has is gone.`,
  );
}

function otherCredential(id: string): JournalError {
  return new JournalError(
    'IN_USE',
    `The target has another credential ${id}. Revoke it there, or start with an empty target.`,
  );
}
