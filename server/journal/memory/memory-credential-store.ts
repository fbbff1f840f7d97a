/** Credentials in memory: they end with the process. */
import type { CredentialStore, RecordChange, StoredRecord } from '../credential-store.js';

/** The records of one store. Several users may share them. */
export class MemoryRecords {
  readonly byId = new Map<string, StoredRecord>();
  readonly users = new Set<MemoryCredentialStore>();
  revision = 0;
}

export class MemoryCredentialStore implements CredentialStore {
  readonly #records: MemoryRecords;
  readonly #listeners = new Set<() => void>();

  constructor(records = new MemoryRecords()) {
    this.#records = records;
    records.users.add(this);
  }

  async revision(): Promise<number> {
    return this.#records.revision;
  }

  async *records(): AsyncGenerator<StoredRecord> {
    yield* this.#records.byId.values();
  }

  async write(changes: readonly RecordChange[]): Promise<number | undefined> {
    const records = this.#records;
    const { byId } = records;
    if (changes.some(({ id, expected }) => (byId.get(id)?.revision ?? 0) !== expected)) {
      return undefined;
    }
    const revision = ++records.revision;
    for (const { id, bytes } of changes) {
      if (bytes) byId.set(id, { id, bytes: bytes.slice(), revision });
      else byId.delete(id);
    }
    for (const user of records.users) {
      if (user !== this) for (const changed of user.#listeners) changed();
    }
    return revision;
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  async close(): Promise<void> {
    this.#records.users.delete(this);
  }
}
