/**
 * Checks lmdb's file before lmdb opens it. lmdb trusts the bytes that it reads through its memory map: a page number
 * outside the file, or an offset outside its page, ends the process (SIGBUS, SIGSEGV, an assertion), although the
 * operator should get an error message. So this check reads the header and the form of the trees. The records have
 * checksums of their own.
 *
 * The check does not promise that the list of free pages is right. Unless it is `thorough`, it does not promise that
 * each leaf of the log is right.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, folderFault } from './folder.js';
import { Damage } from './record.js';

/** The offsets of fields in a page, little-endian. LOWER, UPPER and the places of nodes count from the end of the head. */
const PAGE_NUMBER = 0;
const FLAGS = 18;
const LOWER = 20;
const UPPER = 22;
const PAGES = 20;
const HEAD = 24;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const META = 8;
const KIND = 15;

/** The offsets of fields in each of the two header pages, after the head. */
const MAGIC = 24;
const PAGE_SIZE = 48;
const FREE_TREE = 48;
const MAIN_TREE = 96;
const LAST_PAGE = 144;
const TRANSACTION = 152;
const HEADER_END = 160;
const MAGIC_NUMBER = 0xbeefc0de;

/** The record of a tree, in the header and in the main tree. */
const TREE_BYTES = 48;
const DEPTH = 6;
const ROOT = 40;
const NO_ROOT = 2n ** 64n - 1n;
/** lmdb follows no more levels. */
const MOST_LEVELS = 32;

/** A node of a page: the size of its data or the number of its child, flags, the size of its key, the key, the data. */
const NODE_FLAGS = 4;
const KEY_SIZE = 6;
const NODE_HEAD = 8;
const ON_PAGES_OF_ITS_OWN = 1;
const IS_TREE = 2;

/** Four times the highest limit that retention can have. */
const LARGEST_BYTES = 2 ** 42;

interface Header {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly newest: Buffer;
}

/**
 * Throws Damage if the file would make lmdb end the process. `thorough`: checks every page. Otherwise it checks, of
 * the log, which may be large, only the first and the last leaf below each branch.
 *
 * If the file is shorter than its header says, the check makes it longer, because a missing page would end the
 * process too. A lost page then reads as zeros, which fail every checksum. A file may also be shorter without a
 * loss: lmdb never writes free pages at the end. Returns the former length if it changed the file, so that a caller
 * that refuses the file can restore it. A missing or empty file passes: lmdb creates it. The length of a file that other
 * processes write is not changed.
 */
export function checkPages(
  path: string,
  thorough: boolean,
  use: 'alone' | 'shared' = 'alone',
): number | undefined {
  const file = openData(path);
  if (file === undefined) return undefined;
  try {
    const { size } = fstatSync(file);
    if (size === 0) return undefined;
    const header = headerOf(file, path);
    new Walk(file, path, header, thorough).run();
    const wanted = (header.lastPage + 1) * header.pageSize;
    if (size >= wanted || use === 'shared') return undefined;
    ftruncateSync(file, wanted);
    return size;
  } catch (error) {
    throw error instanceof Damage ? error : folderFault(error, dirname(path), 'cannot be read');
  } finally {
    closeSync(file);
  }
}

function openData(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw folderFault(error, dirname(path), 'has a file that cannot be opened');
  }
}

function headerOf(file: number, path: string): Header {
  const first = Buffer.alloc(HEADER_END);
  const second = Buffer.alloc(HEADER_END);
  readSync(file, first, 0, HEADER_END, 0);
  const pageSize = first.readUInt32LE(PAGE_SIZE);
  const sized = pageSize >= 512 && pageSize <= 65_536;
  if (sized) readSync(file, second, 0, HEADER_END, pageSize);
  const both = [first, second];
  const isLmdb = both.every(
    (one) => one.readUInt32LE(MAGIC) === MAGIC_NUMBER && one.readUInt16LE(FLAGS) & META,
  );
  const lastPage = Math.max(...both.map((one) => Number(one.readBigUInt64LE(LAST_PAGE))));
  if (!sized || !isLmdb || (lastPage + 1) * pageSize > LARGEST_BYTES) {
    throw new Damage(`the header of ${path}`);
  }
  // lmdb chooses the newer header in the same way.
  const isSecond = first.readBigUInt64LE(TRANSACTION) < second.readBigUInt64LE(TRANSACTION);
  return { pageSize, lastPage, newest: isSecond ? second : first };
}

class Walk {
  readonly #file: number;
  readonly #path: string;
  readonly #header: Header;
  readonly #thorough: boolean;
  /** A page that is referenced twice is damage. So the walk ends, whatever the pages contain. */
  readonly #seen = new Set<number>();

  constructor(file: number, path: string, header: Header, thorough: boolean) {
    this.#file = file;
    this.#path = path;
    this.#header = header;
    this.#thorough = thorough;
  }

  run(): void {
    const { newest } = this.#header;
    this.#tree(newest.subarray(FREE_TREE), true);
    this.#tree(newest.subarray(MAIN_TREE), true);
  }

  #tree(tree: Buffer, everyLeaf: boolean): void {
    const root = tree.readBigUInt64LE(ROOT);
    if (root === NO_ROOT) return;
    const levels = tree.readUInt16LE(DEPTH);
    if (levels < 1 || levels > MOST_LEVELS) throw this.#damage('a tree');
    this.#page(Number(root), levels, everyLeaf);
  }

  #page(number: number, levels: number, everyLeaf: boolean): void {
    const page = this.#read(number, levels === 1 ? LEAF : BRANCH, this.#header.pageSize);
    const nodes = this.#nodes(page, number);
    if (levels === 1) {
      for (const at of nodes) this.#data(page, at, number);
      return;
    }
    if (nodes.length === 0) throw this.#damage(`page ${number}`);
    for (const [index, at] of nodes.entries()) {
      const isEnd = index === 0 || index === nodes.length - 1;
      if (everyLeaf || isEnd || levels > 2) this.#page(childOf(page, at), levels - 1, everyLeaf);
    }
  }

  /** The offsets of the nodes of a page. Checks that each node and its key lie on the page. */
  #nodes(page: Buffer, number: number): number[] {
    const lower = page.readUInt16LE(LOWER);
    const upper = page.readUInt16LE(UPPER);
    const nodes: number[] = [];
    let fits = lower % 2 === 0 && lower <= upper && HEAD + upper <= page.length;
    for (let place = HEAD; fits && place < HEAD + lower; place += 2) {
      const at = HEAD + page.readUInt16LE(place);
      fits = at >= HEAD + upper && at + NODE_HEAD <= page.length && keyEnd(page, at) <= page.length;
      nodes.push(at);
    }
    if (fits) return nodes;
    throw this.#damage(`page ${number}`);
  }

  /** Checks the data of a leaf's node: a record on its page or on pages of its own, or a tree. */
  #data(page: Buffer, at: number, number: number): void {
    const flags = page.readUInt16LE(at + NODE_FLAGS);
    const start = keyEnd(page, at);
    const size = page.readUInt16LE(at) + page.readUInt16LE(at + 2) * 0x1_0000;
    const end = start + (flags === ON_PAGES_OF_ITS_OWN ? 8 : size);
    const isRecord = flags === 0 || flags === ON_PAGES_OF_ITS_OWN;
    const isTree = flags === IS_TREE && size === TREE_BYTES;
    if (!(isRecord || isTree) || end > page.length) throw this.#damage(`page ${number}`);
    if (flags === ON_PAGES_OF_ITS_OWN) this.#overflow(Number(page.readBigUInt64LE(start)), size);
    if (!isTree) return;
    const isLog = page
      .subarray(at + NODE_HEAD, start)
      .toString('latin1')
      .startsWith('log');
    this.#tree(page.subarray(start, end), this.#thorough || !isLog);
  }

  #overflow(number: number, size: number): void {
    const { pageSize, lastPage } = this.#header;
    const pages = this.#read(number, OVERFLOW, HEAD).readUInt32LE(PAGES);
    const needed = Math.floor((HEAD - 1 + size) / pageSize) + 1;
    if (pages < needed || number + pages - 1 > lastPage) throw this.#damage(`page ${number}`);
  }

  #read(number: number, kind: number, bytes: number): Buffer {
    const { pageSize, lastPage } = this.#header;
    const allowed = number >= 2 && number <= lastPage && !this.#seen.has(number);
    if (!allowed) throw this.#damage(`a reference to page ${number}`);
    this.#seen.add(number);
    const page = Buffer.allocUnsafe(bytes);
    const read = readSync(this.#file, page, 0, bytes, number * pageSize);
    const right =
      read === bytes &&
      page.readUIntLE(PAGE_NUMBER, 6) === number &&
      (page.readUInt16LE(FLAGS) & KIND) === kind;
    if (right) return page;
    throw this.#damage(`page ${number}`);
  }

  #damage(part: string): Damage {
    return new Damage(`${part} of ${this.#path}`);
  }
}

function keyEnd(page: Buffer, at: number): number {
  return at + NODE_HEAD + page.readUInt16LE(at + KEY_SIZE);
}

function childOf(page: Buffer, at: number): number {
  const high = page.readUInt16LE(at + NODE_FLAGS) * 2 ** 32;
  return high + page.readUInt16LE(at + 2) * 0x1_0000 + page.readUInt16LE(at);
}
