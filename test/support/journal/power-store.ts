/**
 * A store whose power can be cut. It drops every commit that was not synced, whole commits and the
 * newest first, as the real one does by its header page; torn pages are not simulated. Two faults can be
 * planted, to see that a test finds them.
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

export type StoreFault = 'told before it is synced' | 'read before it is synced';

/** Keys as text that sorts as they do. */
type Content = ReadonlyMap<string, { readonly key: StoreKey; readonly value: Buffer }>;

/** What outlives the power. */
export class Disk {
  content: Content = new Map();
}

export class PowerStore implements Store {
  readonly #disk: Disk;
  readonly #fault: StoreFault | undefined;
  /** Committed, and perhaps not synced. */
  #cache: Content;
  #view: Content;
  #syncs: { readonly done: () => void; readonly lost: (error: Error) => void }[] = [];
  #off = false;

  constructor({ folder }: StoreOptions, disk: Disk, fault?: StoreFault) {
    // The engine wants to see a file.
    writeFileSync(join(folder, 'journal.mdb'), 'elsewhere');
    this.#disk = disk;
    this.#fault = fault;
    this.#cache = disk.content;
    this.#view = disk.content;
  }

  /** While it is off, commits sync at once. */
  manual = false;

  /** The disk has written what it was given. */
  finish(): void {
    const syncs = this.#syncs;
    this.#syncs = [];
    for (const { done } of syncs) done();
  }

  /** Nothing more reaches the disk, or its owner. */
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
    if (this.#fault !== 'told before it is synced') return synced;
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
