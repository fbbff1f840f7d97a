/**
 * A store that simulates a power cut. A cut drops every commit that was not synced: whole commits, the newest first, as
 * the real store does by its header page. The store does not simulate torn pages. It can have one of two planted
 * faults, with which a test proves that it finds them.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Change,
  Space,
  Store,
  Stored,
  StoreKey,
  StoreOptions,
} from '../../../server/journal/file/store.js';

export type StoreFault = 'acknowledged before it is synced' | 'read before it is synced';

/** The records by their keys as text, which sorts in the same order. */
type Content = ReadonlyMap<string, { readonly key: StoreKey; readonly value: Buffer }>;

/** The content that survives a power cut. */
export class Disk {
  content: Content = new Map();
}

export class PowerStore implements Store {
  readonly #disk: Disk;
  readonly #fault: StoreFault | undefined;
  /** The content after all commits, synced or not. */
  #cache: Content;
  #view: Content;
  #syncs: { readonly done: () => void; readonly lost: (error: Error) => void }[] = [];
  #off = false;

  constructor({ folder }: StoreOptions, disk: Disk, fault?: StoreFault) {
    // The engine checks that the file exists.
    writeFileSync(join(folder, 'journal.mdb'), 'elsewhere');
    this.#disk = disk;
    this.#fault = fault;
    this.#cache = disk.content;
    this.#view = disk.content;
  }

  /** If true, a commit is synced only when `finish` is called; otherwise at once. */
  manual = false;

  /** The disk finishes all syncs that wait. */
  finish(): void {
    const syncs = this.#syncs;
    this.#syncs = [];
    for (const { done } of syncs) done();
  }

  /** Cuts the power: waiting and later commits fail, and the disk does not change any more. */
  cut(): void {
    this.#off = true;
    for (const { lost } of this.#syncs) lost(new Error('the power is gone'));
  }

  async commit(changes: readonly Change[]): Promise<void> {
    if (this.#off) throw new Error('the power is gone');
    const content = new Map(this.#cache);
    for (const { space, key, value } of changes) {
      const name = nameOf(space, key);
      if (value)
        content.set(name, { key: typeof key === 'number' ? key : Buffer.from(key), value });
      else content.delete(name);
    }
    this.#cache = content;
    if (this.#fault === 'read before it is synced') this.#view = content;
    const synced = this.#synced(content);
    if (this.#fault !== 'acknowledged before it is synced') return synced;
    synced.catch(() => undefined);
  }

  async #synced(content: Content): Promise<void> {
    if (this.manual) {
      await new Promise<void>((done, lost) => this.#syncs.push({ done, lost }));
    }
    this.#disk.content = content;
  }

  advance(): void {
    this.#view = this.#cache;
  }

  get(space: Space, key: StoreKey): Buffer | undefined {
    return this.#view.get(nameOf(space, key))?.value;
  }

  range<Key extends StoreKey>(
    space: Space,
    from: Key,
    end: Key | undefined,
    limit: number,
  ): Stored<Key>[] {
    const last = end === undefined ? `${space}0` : nameOf(space, end);
    return [...this.#view]
      .filter(([name]) => name >= nameOf(space, from) && name < last)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, limit)
      .map(([, { key, value }]) => ({ key: key as Key, value }));
  }

  async sync(): Promise<void> {
    this.#disk.content = this.#cache;
  }

  async close(): Promise<void> {
    this.cut();
  }
}

function nameOf(space: Space, key: StoreKey): string {
  const text =
    typeof key === 'number' ? `${key}`.padStart(16, '0') : Buffer.from(key).toString('hex');
  return `${space}/${text}`;
}
