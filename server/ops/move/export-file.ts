/** The file of an export: parts in protobuf, each after its length, compressed. Its content is for its owner alone. */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { ExportPart } from '../../../gen/ts/kelpie/storage/v1/export.js';
import { JournalError } from '../../journal/error.js';

/** A part is never larger: an entry and its row have at most 1 MiB each. */
const PART_BYTES = 8 * 1024 ** 2;
const LENGTH_BYTES = 4;
const CHUNK_BYTES = 64 * 1024;

/**
 * Writes the parts. The file has its name only when it is whole and on the disk. Throws a JournalError if there is such a
 * file already, or if it cannot be written.
 */
export async function writeExport(path: string, parts: AsyncIterable<ExportPart>): Promise<void> {
  // Two exports never write one file, since each makes this one.
  const unfinished = `${path}.part`;
  const taken = [path, unfinished].find((one) => existsSync(one));
  if (taken !== undefined) throw isThere(taken);
  try {
    const sink = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(framed(parts), createGzip({ level: 1 }), sink);
    await rename(unfinished, path);
    await syncFolder(dirname(path));
  } catch (error) {
    const fault = faultOf(error, path);
    // It may be of another export, which began just now.
    if (!isCollision(error)) await rm(unfinished, { force: true });
    throw fault;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

async function* framed(parts: AsyncIterable<ExportPart>): AsyncGenerator<Buffer> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    const encoded = ExportPart.encode(part).finish();
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(encoded.length);
    chunks.push(length, encoded);
    bytes += encoded.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(chunks);
    chunks = [];
    bytes = 0;
  }
  yield Buffer.concat(chunks);
}

/** The parts of a file. Throws a JournalError if the file cannot be read, or is no whole export. */
export async function* readExport(path: string): AsyncGenerator<NonNullable<ExportPart['part']>> {
  let isWhole = false;
  for await (const { part } of partsOf(path)) {
    // A newer version may write kinds that this one does not know; its format says whether that matters.
    if (!part) continue;
    isWhole = part.$case === 'end';
    yield part;
  }
  if (!isWhole) throw cut(path);
}

async function* partsOf(path: string): AsyncGenerator<ExportPart> {
  const gunzip = createGunzip();
  const input = createReadStream(path);
  input.on('error', (error) => gunzip.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of input.pipe(gunzip) as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (let end = endOf(rest); end <= rest.length; end = endOf(rest)) {
        yield ExportPart.decode(rest.subarray(LENGTH_BYTES, end));
        rest = rest.subarray(end);
      }
    }
  } catch (error) {
    throw faultOf(error, path);
  } finally {
    input.destroy();
  }
  if (rest.length > 0) throw cut(path);
}

/** Where the first part ends; Infinity if its length has not come yet. */
function endOf(bytes: Buffer): number {
  if (bytes.length < LENGTH_BYTES) return Infinity;
  const length = bytes.readUInt32LE();
  if (length > PART_BYTES) throw new RangeError(`a part of ${length} bytes`);
  return LENGTH_BYTES + length;
}

function isCollision(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function isThere(path: string): JournalError {
  return new JournalError('FOLDER', `${path} is there already. Name another file, or remove it.`);
}

function cut(path: string): JournalError {
  return new JournalError('DAMAGED', `${path} is not whole: its end is missing. Export again.`);
}

/** Says what stands in the way of the file. Errors of the journal pass. */
function faultOf(error: unknown, path: string): Error {
  if (error instanceof JournalError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (isCollision(error)) return isThere(`${path}.part`);
  if (['ENOSPC', 'EDQUOT'].includes(code)) {
    return new JournalError('DISK_FULL', `The disk has no room for ${path}. Make room.`, error);
  }
  // Errors of the file system have a system call.
  if ((error as NodeJS.ErrnoException).syscall !== undefined) {
    return new JournalError('FOLDER', `${path} cannot be used: ${message}.`, error);
  }
  const isContent = code.startsWith('Z_') || error instanceof RangeError || code === '';
  return isContent
    ? new JournalError('DAMAGED', `${path} is no whole export of kelpied: ${message}.`, error)
    : (error as Error);
}
