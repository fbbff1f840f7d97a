/**
 * Keeps a file whole over a power cut although lmdb syncs it only now and then.
 *
 * Without a sync the kernel may write lmdb's header before the pages to which the header points. So after each sync
 * the anchor stores the header of the synced snapshot in a separate file, and the store holds that snapshot open
 * until the next sync, so that lmdb overwrites none of its pages. After a power cut (the kernel's boot id has
 * changed) the next start writes that header back: the journal is as it was at the last sync. As long as the
 * kernel runs, the end of a process loses nothing, and the header stays as it is.
 */
import { closeSync, constants, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileFault, readOwn, removeFile, replaceFile } from './folder.js';
import { Damage, seal, unseal } from './record.js';

export const ANCHOR_FILE = 'interval';
const KEY = Buffer.from(ANCHOR_FILE);

interface Saved {
  readonly boot: string;
  /** The journal gave no entry a sequence above this one. */
  readonly ceiling: number;
  /** The file's two header pages, base64. */
  readonly header: string;
}

/** The remains of an earlier process that did not close the journal. */
export interface Left {
  /** A power cut came after that process: `restore` wrote the header back. */
  readonly powerCut: boolean;
  readonly ceiling: number;
}

export class Anchor {
  readonly #folder: string;
  readonly #data: string;
  readonly #boot: string;

  /** `boot`: the id of this run of the kernel. Empty if the system has none; an empty id equals no other. */
  constructor(folder: string, data: string, boot: string) {
    this.#folder = folder;
    this.#data = data;
    this.#boot = boot;
  }

  /** Writes the header back after a power cut. The caller calls it before lmdb opens the file. */
  async restore(): Promise<Left | undefined> {
    const saved = await this.#saved();
    if (!saved) return undefined;
    const powerCut = this.#boot === '' || saved.boot !== this.#boot;
    if (powerCut) {
      const file = openSync(this.#data, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        writeSync(file, Buffer.from(saved.header, 'base64'), 0, undefined, 0);
        fsyncSync(file);
      } catch (error) {
        throw fileFault(error, this.#folder);
      } finally {
        closeSync(file);
      }
    }
    return { powerCut, ceiling: saved.ceiling };
  }

  /** The present header. Right only while no commit is under way. */
  header(pageSize: number): Buffer {
    const header = Buffer.alloc(2 * pageSize);
    const file = openSync(this.#data, 'r');
    try {
      readSync(file, header, 0, header.length, 0);
    } finally {
      closeSync(file);
    }
    return header;
  }

  /** Stores a header whose pages are on the disk. */
  async set(header: Buffer, ceiling: number): Promise<void> {
    const saved: Saved = { boot: this.#boot, ceiling, header: header.toString('base64') };
    const body = JSON.stringify(saved);
    const crc = seal(KEY, Buffer.from(body)).readUInt32LE(0);
    await replaceFile(join(this.#folder, ANCHOR_FILE), `${crc} ${body}\n`);
  }

  /** Removes the stored header. The caller calls it when the whole file is on the disk. */
  async clear(): Promise<void> {
    await removeFile(join(this.#folder, ANCHOR_FILE));
  }

  async #saved(): Promise<Saved | undefined> {
    const path = join(this.#folder, ANCHOR_FILE);
    const text = await readOwn(path).catch((error: unknown) => {
      throw fileFault(error, this.#folder);
    });
    if (text === undefined) return undefined;
    const [, crc = '', body = ''] = /^(\d{1,10}) (.*)\n$/.exec(text) ?? [];
    const bytes = Buffer.from(body);
    const record = Buffer.alloc(4 + bytes.length);
    if (Number(crc) > 0xffff_ffff) throw new Damage(`the file ${path}`);
    record.writeUInt32LE(Number(crc), 0);
    bytes.copy(record, 4);
    return JSON.parse(unseal(`the file ${path}`, KEY, record).toString()) as Saved;
  }
}
