/** Changes of a player's facts by any node that may make them, under the player's generation. */
import { PlayerChange } from '../../gen/ts/kelpie/v1/player.js';
import type { UpdatePlayer } from '../../gen/ts/kelpie/v1/presence.js';
import { invalid, playerNotFound } from './player.js';
import { holds, type ProxySession, staleLogin } from './proxy-session.js';
import { notOwner } from '../nodes/rows.js';
import { PlayerTransition } from './reports.js';
import type { PlayerRow } from './rows.js';
import type { PlayerWriter, WriteResult } from './writer.js';

/** Throws RIGHT_MISSING unless the node may change a player who is neither its own nor on it. */
export type CheckOther = (playerId: string, isOnline: boolean) => void;

/** Writes the change. Throws the errors that UpdatePlayer names. */
export async function updatePlayer(
  writer: PlayerWriter,
  session: ProxySession,
  { playerId, generation, change = PlayerChange.create() }: UpdatePlayer,
  checkOther: CheckOther,
): Promise<void> {
  if (playerId === '') throw invalid('player_id', 'the frame has no player_id; set it');
  for (;;) {
    const row = writer.rows.onlineOf(playerId);
    if (!row || !concerns(session, row)) checkOther(playerId, row !== undefined);
    if (!row) throw playerNotFound(playerId);
    if (row.generation !== generation) throw staleLogin(playerId);
    const written = await write(writer, session, row, change);
    if (written === 'stored') return;
    if (written === 'stale') throw notOwner(session);
    // Another write of the player was faster: judge the change against what is there now.
  }
}

/** A new process of the node counts too: its name is what a credential gives. */
function concerns({ name }: ProxySession, { proxy, server }: PlayerRow): boolean {
  return proxy === name || server === name;
}

async function write(
  writer: PlayerWriter,
  session: ProxySession,
  row: PlayerRow,
  change: PlayerChange,
): Promise<WriteResult> {
  const by = holds(session, row) ? undefined : session.name;
  const verdict = new PlayerTransition(writer, row).change(change, by);
  if (verdict.kind === 'unchanged') return 'stored';
  const { id } = row.player;
  const admission = writer.admission.admit(row.proxy);
  try {
    admission.take(id, row, verdict.after?.bytes ?? 0);
    return await writer.commit(writer.fence(session), [writer.write(id, [verdict.draft])]);
  } finally {
    admission.release();
  }
}
