/** The screen of `kelpie top`, from one look at a coordinator. Pure. */
import { GetInfoResponse, Session } from '../../../gen/ts/kelpie/v1/coordinator_service.js';
import { NodeLoad } from '../../../gen/ts/kelpie/v1/node.js';
import { bytes, duration, table } from './output.js';

/** One look. */
export interface View {
  readonly info: GetInfoResponse;
  /** Of this coordinator, the worst first. */
  readonly sessions: readonly Session[];
  /** By the names of nodes; those that say how they do. */
  readonly loads: ReadonlyMap<string, NodeLoad>;
}

/** The session that is furthest behind comes first, then the one with the most queued bytes. */
export function worstFirst(sessions: readonly Session[]): Session[] {
  return [...sessions].sort(
    (left, right) =>
      right.entriesBehind - left.entriesBehind ||
      right.queuedBytes - left.queuedBytes ||
      (left.nodeName < right.nodeName ? -1 : 1),
  );
}

/**
 * Entries a second from one look to the next, by the coordinator's own uptime. Undefined where two
 * sequences cannot be compared: another process answered, or another epoch began.
 */
export function entriesPerSecond(
  { info: now }: View,
  before: View | undefined,
): number | undefined {
  if (now.coordinatorId !== before?.info.coordinatorId) return undefined;
  const [from, to] = [before.info.head, now.head];
  const seconds = secondsOf(now) - secondsOf(before.info);
  if (!from || !to || !Buffer.from(from.epoch).equals(to.epoch) || seconds <= 0) return undefined;
  return (to.sequence - from.sequence) / seconds;
}

/** The lines that fit on a screen of `rows` lines; all lines if it is not given. */
export function linesOf(view: View, rate: number | undefined, rows?: number): string[] {
  const { info, sessions, loads } = view;
  const entries = rate === undefined ? '' : `, ${rate.toFixed(1)} entries/s`;
  const head = [
    `kelpied ${info.version}, network ${info.network}, up ${duration(info.uptime?.seconds ?? 0)}`,
    `nodes: ${info.nodes}, sessions here: ${info.sessions}`,
    `journal: ${info.entries} entries, ${bytes(info.bytes)}${entries}`,
    '',
  ];
  const room =
    rows === undefined ? sessions.length : roomFor(sessions.length, rows - head.length - 1);
  const shown = sessions.slice(0, room).map((session) => row(session, loads));
  const titles = ['NODE', 'BEHIND', 'UNACKED', 'QUEUED', 'WAKEUPS', 'TPS', 'MEMORY', 'ROUND TRIP'];
  const left = sessions.length - shown.length;
  const more = left > 0 ? [`and ${left} more`] : [];
  return [...head, ...table(titles, shown), ...more];
}

/** Of `count` rows as many as fit into `lines`, with a line for how many are left out. */
function roomFor(count: number, lines: number): number {
  return count <= lines ? count : Math.max(0, lines - 1);
}

function row(session: Session, loads: View['loads']): string[] {
  const { nodeName, entriesBehind, unacknowledgedBytes, queuedBytes, wakeups } = session;
  const { tps, memoryUsedBytes, roundTripMs } = loads.get(nodeName) ?? NodeLoad.create();
  return [
    nodeName,
    String(entriesBehind),
    bytes(unacknowledgedBytes),
    bytes(queuedBytes),
    String(wakeups),
    tps === undefined ? '-' : tps.toFixed(1),
    memoryUsedBytes === undefined ? '-' : bytes(memoryUsedBytes),
    roundTripMs === undefined ? '-' : `${roundTripMs} ms`,
  ];
}

/** For programs: messages as the contract has them. */
export function jsonOf({ info, sessions, loads }: View, rate: number | undefined): object {
  return {
    info: GetInfoResponse.toJSON(info),
    entriesPerSecond: rate ?? null,
    sessions: sessions.map((session) => {
      const load = loads.get(session.nodeName);
      return {
        ...(Session.toJSON(session) as object),
        ...(load && { load: NodeLoad.toJSON(load) }),
      };
    }),
  };
}

function secondsOf({ uptime }: GetInfoResponse): number {
  return (uptime?.seconds ?? 0) + (uptime?.nanos ?? 0) / 1e9;
}
