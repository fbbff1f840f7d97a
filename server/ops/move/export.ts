/** Reads all that an engine has of a network, as parts of an export. Nobody may write meanwhile. */
import { StoredCredential } from '../../../gen/ts/kelpie/storage/v1/credential.js';
import type { ExportEnd, ExportPart } from '../../../gen/ts/kelpie/storage/v1/export.js';
import type { CredentialStore } from '../../journal/credential-store.js';
import type { Entry, Journal } from '../../journal/journal.js';

/** The format of the parts. */
export const EXPORT_FORMAT = 1;

const ENTRIES = 1000;
const BYTES = 1024 ** 2;

export interface ExportSource {
  readonly network: string;
  /** Of the software. */
  readonly version: string;
  readonly journal: Journal;
  readonly credentials: CredentialStore;
  /** Counts the parts. */
  readonly end: ExportEnd;
}

/** Parts in the order of their kinds. `onEntries` gets the number of entries so far. */
export async function* exportParts(
  { network, version, journal, credentials, end }: ExportSource,
  onEntries: (done: number, of: number) => void,
): AsyncGenerator<ExportPart> {
  const { epoch, sequence: newest } = await journal.newest();
  const { entries } = journal.usage();
  const facts = { format: EXPORT_FORMAT, version, network, epoch, newest, entries };
  yield { part: { $case: 'header', value: facts } };
  for await (const row of journal.rows('')) {
    end.rows += 1;
    yield { part: { $case: 'row', value: row } };
  }
  for await (const page of pagesOf(journal, newest)) {
    for (const entry of page) yield { part: { $case: 'entry', value: exported(entry) } };
    end.entries += page.length;
    onEntries(end.entries, entries);
  }
  for await (const producer of journal.producers()) {
    end.producers += 1;
    yield { part: { $case: 'producer', value: producer } };
  }
  for await (const { id, bytes } of credentials.records()) {
    if (StoredCredential.decode(bytes).credential?.network !== network) continue;
    end.credentials += 1;
    yield { part: { $case: 'credential', value: { id, bytes } } };
  }
  yield { part: { $case: 'end', value: end } };
}

async function* pagesOf(journal: Journal, newest: number): AsyncGenerator<readonly Entry[]> {
  for (let after = journal.oldest; after.sequence < newest;) {
    const page = await journal.read(after, ENTRIES, BYTES);
    // Retention removes entries only when somebody writes.
    if (page.kind === 'gap')
      throw new Error(`the journal was written to meanwhile: ${page.reason}`);
    yield page.entries;
    after = page.upTo;
  }
}

function exported({ sequence, topic, event, source, key, value }: Entry) {
  return { sequence, topic, event, source, key, value: value ?? undefined };
}
