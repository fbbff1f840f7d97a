/** A short digest of the players on a proxy. The coordinator compares the proxy's digest with its own. */
import { createHash } from 'node:crypto';
import type { Player } from '../../gen/ts/kelpie/v1/player.js';
import type { PlayerRows } from './rows.js';

const DIGEST_BYTES = 8;

type Line = Pick<Player, 'id' | 'generation' | 'server'>;

/** The digest of players who have joined, given in any order, as PresenceDigest describes it. */
export function digestOf(players: Iterable<Line>): Buffer {
  // By id. This also sorts the lines by their bytes: a space sorts before every character of an id.
  const sorted = [...players].sort((left, right) => (left.id < right.id ? -1 : 1));
  const hash = createHash('sha256');
  hash.update(sorted.map(lineOf).join(''));
  return hash.digest().subarray(0, DIGEST_BYTES);
}

function lineOf({ id, generation, server }: Line): string {
  return `${id} ${generation} ${server}\n`;
}

/** The digest of a proxy's players in the table, at one version of their index. */
export interface TableDigest {
  readonly version: number;
  readonly players: number;
  readonly digest: Uint8Array;
}

const PIECE = 64;

/**
 * Computes the digest of a proxy's players in the table, in pieces. Returns undefined if they change meanwhile.
 */
export function* tableDigest(
  rows: PlayerRows,
  proxy: string,
): Generator<undefined, TableDigest | undefined> {
  const ids = rows.byProxy.get(proxy);
  const { version, size } = ids;
  const hash = createHash('sha256');
  let lines: string[] = [];
  for (const id of ids) {
    const { generation = 0, server = '' } = rows.get(id) ?? {};
    if (lines.push(lineOf({ id, generation, server })) < PIECE) continue;
    hash.update(lines.join(''));
    lines = [];
    yield;
    if (rows.byProxy.get(proxy).version !== version) return undefined;
  }
  hash.update(lines.join(''));
  return { version, players: size, digest: hash.digest().subarray(0, DIGEST_BYTES) };
}
