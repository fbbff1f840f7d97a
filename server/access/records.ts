/** Keeps the credentials in memory equal to the stored ones, and changes both. */
import { othersTurn } from '../core/fair-turn.js';
import type { CredentialStore, RecordChange, StoredRecord } from '../journal/credential-store.js';
import type { LiveCredentials } from './live.js';
import type { MachineAct } from './machine-acts.js';
import { RecordTurns } from './record-turns.js';

/** Writes that are tried, if other processes are quicker each time. */
const TRIES = 100;
/** Records that are read before others have their turn. */
const CHUNK = 100;

/** A change that was decided, and the answer for it, made when it is durable. */
interface Decision<Result> {
  readonly changes: readonly RecordChange[];
  readonly result: () => Result;
}

/** Revocations go before other changes, and what the coordinator itself tidies up comes last. */
type ChangeLane = 'revocation' | 'change' | 'housekeeping';

export class CredentialRecords {
  readonly #store: CredentialStore;
  readonly #live: LiveCredentials;
  readonly #onUsed: () => void;
  readonly #onFault: (error: unknown) => void;
  readonly #onMachine: (act: MachineAct) => void;
  readonly #stop: () => void;
  /** Writes and readings wait for each other, so that a reading never brings back what a write deleted. */
  readonly #turns = new RecordTurns();
  /** A look that has not begun. */
  #catchingUp: Promise<void> | undefined;
  #isLoaded = false;
  /** The revision of the store up to which the credentials in memory are those of the store. */
  #revision = 0;

  /**
   * `onUsed` is called once the store has had a record, and `onMachine` with each change that another process made
   * after `load`.
   */
  constructor(
    store: CredentialStore,
    live: LiveCredentials,
    onUsed: () => void,
    onFault: (error: unknown) => void,
    onMachine: (act: MachineAct) => void,
  ) {
    this.#store = store;
    this.#live = live;
    this.#onUsed = onUsed;
    this.#onFault = onFault;
    this.#onMachine = onMachine;
    this.#stop = store.onChange(() => void this.catchUp().catch(onFault));
  }

  /** Reads all records. */
  load(): Promise<void> {
    return this.#turns.run('reading', () =>
      this.#read((error) => {
        throw error;
      }),
    );
  }

  /**
   * Decides a change and stores it. If another process was quicker, decides again. Rejects with what `decide` throws,
   * and with RATE_LIMIT. A decision sees all that was stored when it is made, so it asks who may make it.
   */
  changing<Result>(lane: ChangeLane, decide: () => Decision<Result>): Promise<Result> {
    return this.#turns.run(lane, async () => {
      for (let attempt = 0; attempt < TRIES; attempt++) {
        if ((await this.#store.revision()) !== this.#revision) await this.#read(this.#onFault);
        const { changes, result } = decide();
        if (changes.length === 0 || (await this.#write(changes))) return result();
      }
      throw new Error('other processes changed the credentials again and again');
    });
  }

  /** Reads what other processes have written up to this call. All who call in one turn share one look at the store. */
  catchUp(): Promise<void> {
    return (this.#catchingUp ??= this.#turns.run('reading', async () => {
      await othersTurn();
      this.#catchingUp = undefined;
      if ((await this.#store.revision()) !== this.#revision) await this.#read(this.#onFault);
    }));
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#turns.run('housekeeping', () => this.#store.close());
  }

  async #write(changes: readonly RecordChange[]): Promise<boolean> {
    const revision = await this.#store.write(changes);
    if (revision === undefined) return false;
    this.#onUsed();
    // Else another process wrote too, which is not read yet.
    if (revision === this.#revision + 1) this.#revision = revision;
    for (const { id, bytes } of changes) {
      if (bytes) this.#live.take({ id, bytes, revision });
      else this.#remove(id);
    }
    return true;
  }

  async #read(onUnreadable: (error: unknown) => void): Promise<void> {
    const revision = await this.#store.revision();
    if (revision > 0) this.#onUsed();
    const found = new Set<string>();
    for await (const record of this.#store.records()) {
      found.add(record.id);
      try {
        this.#take(record);
      } catch (error) {
        // Nobody can tell what it grants now, so it grants nothing.
        this.#remove(record.id);
        onUnreadable(error);
      }
      if (found.size % CHUNK === 0) await othersTurn();
    }
    // Those that are newer were written after the reading had passed their place.
    for (const { id, revision: written } of [...this.#live.all]) {
      if (!found.has(id) && written <= revision) this.#removedByOthers(id);
    }
    this.#isLoaded = true;
    this.#revision = revision;
  }

  /** A record as it is read: this process knows those that it wrote itself. */
  #take(record: StoredRecord): void {
    const before = this.#live.get(record.id)?.revision;
    this.#live.take(record);
    const now = this.#live.get(record.id);
    if (!this.#isLoaded || !now || now.revision === before) return;
    const action = before === undefined ? 'CREATE_CREDENTIAL' : 'ROTATE_CREDENTIAL';
    this.#onMachine({ action, credential: now.stored });
  }

  #removedByOthers(id: string): void {
    const credential = this.#live.get(id)?.stored;
    this.#remove(id);
    if (credential) this.#onMachine({ action: 'REVOKE_CREDENTIAL', credential });
  }

  #remove(id: string): void {
    const credential = this.#live.get(id);
    if (credential) this.#live.remove(credential);
  }
}
