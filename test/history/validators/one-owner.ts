/**
 * One owner for each node and player, and nothing of an older generation is accepted. An event of a node comes from the
 * stream whose generation was the newest when it was stored. A living node keeps its name. A player has one proxy, and
 * generations of a player never run back.
 */
import { type Logged, logOf } from '../log.js';
import { groupedBy, type History, ofKind, type Step } from '../steps.js';

export function oneOwner(history: History): string[] {
  return [
    ...generations(history),
    ...staleEvents(history),
    ...stolenNames(history),
    ...grants(history),
    ...players(history),
  ];
}

type Welcome = Extract<Step, { kind: 'welcome' }>;

/** No two sessions have one generation, and a session that begins later has a higher one. */
function generations(history: History): string[] {
  const faults: string[] = [];
  const helloMs = new Map(ofKind(history, 'hello').map(({ stream, atMs }) => [stream, atMs]));
  for (const [name, welcomes] of byNode(history)) {
    for (const [index, { generation, stream }] of welcomes.entries()) {
      const begunMs = helloMs.get(stream) ?? 0;
      const older = welcomes.slice(0, index).filter(({ atMs }) => atMs < begunMs);
      const highest = Math.max(0, ...older.map((one) => one.generation));
      const twice = welcomes.slice(0, index).some((one) => one.generation === generation);
      if (generation <= highest || twice)
        faults.push(`${name} got the generation ${generation} after ${highest}`);
    }
  }
  return faults;
}

/** The sessions of each node, in the order of their Welcomes. */
function byNode(history: History): Map<string, Welcome[]> {
  return groupedBy(ofKind(history, 'welcome'), ({ client }) => client);
}

function staleEvents(history: History): string[] {
  const streams = new Map<string, Set<number>>();
  for (const { ids, stream } of ofKind(history, 'publishes'))
    for (const id of ids) streams.set(id, (streams.get(id) ?? new Set()).add(stream));
  const nodes = byNode(history);
  for (const welcomes of nodes.values())
    welcomes.sort((one, other) => one.generation - other.generation);
  return logOf(history).flatMap(({ id = '', sequence, source }) => {
    const sentOn = streams.get(id);
    const owner = nodes.get(source)?.findLast(({ generation }) => generation < sequence);
    if (!sentOn || !owner || sentOn.has(owner.stream)) return [];
    return [
      `${id} of ${source} is at ${sequence}, and was never sent by the generation ${owner.generation}`,
    ];
  });
}

/** A coordinator asks a node whether it lives, and waits so long for any frame. */
const PROBE_MS = 3000;

/** A coordinator from which a stream got nothing for so long may stand still: then nobody can ask its nodes. */
const STILL_MS = 3000;
/** So long after it goes on, the others may still count it as gone. */
const KNOWN_MS = 3000;

/**
 * A process that lives keeps its name when another one asks for it. It lives if it sends a frame meanwhile, or if nobody
 * waited until it had to.
 */
function stolenNames(history: History): string[] {
  const hellos = ofKind(history, 'hello');
  const alive = streamsOf(history);
  return ofKind(history, 'welcome')
    .filter(({ outcome }) => outcome === 'REPLACED')
    .flatMap(({ client, stream, atMs }) => {
      const thief = hellos.find((one) => one.stream === stream);
      const holder = hellos.find(
        (one) =>
          one.client === client &&
          one.instance !== thief?.instance &&
          alive.answered(one.stream, thief?.atMs ?? atMs, atMs),
      );
      return holder
        ? [`${client} lost its name while it answered, on stream ${holder.stream}`]
        : [];
    });
}

function streamsOf(history: History) {
  const welcomed = new Map(ofKind(history, 'welcome').map((step) => [step.stream, step.atMs]));
  const closed = new Map(ofKind(history, 'closed').map((step) => [step.stream, step]));
  const sent = groupedBy(
    [...ofKind(history, 'sends'), ...ofKind(history, 'publishes')],
    ({ stream }) => stream,
  );
  const got = groupedBy(
    [...ofKind(history, 'batch'), ...ofKind(history, 'receives'), ...ofKind(history, 'renewed')],
    ({ stream }) => stream,
  );
  return {
    /** Whether a stream that was open before and works did not break, and sent a frame in between or had no time to. */
    answered(stream: number, fromMs: number, toMs: number): boolean {
      const end = closed.get(stream);
      const broke = end && end.atMs < toMs && end.reason !== 'SESSION_REPLACED';
      if (broke || (end && end.atMs < fromMs)) return false;
      const welcomedMs = welcomed.get(stream) ?? Infinity;
      if (welcomedMs > fromMs) return false;
      if (stoodStill(got.get(stream) ?? [], welcomedMs, toMs)) return false;
      if (toMs - fromMs < PROBE_MS) return true;
      return (sent.get(stream) ?? []).some(({ atMs }) => atMs > fromMs && atMs < toMs);
    },
  };
}

/** Whether nothing came on a stream for long, up to a time or not long before it. */
function stoodStill(got: readonly Step[], welcomedMs: number, toMs: number): boolean {
  const times = got.map(({ atMs }) => atMs).filter((atMs) => atMs < toMs);
  return [...times, toMs].some((atMs, index) => {
    const silentMs = atMs - (times[index - 1] ?? welcomedMs);
    return silentMs >= STILL_MS && atMs > toMs - KNOWN_MS;
  });
}

/** No two proxies get one generation of a player. */
function grants(history: History): string[] {
  const owners = new Map<string, string>();
  const faults: string[] = [];
  for (const { client, player, generation } of ofKind(history, 'acquired')) {
    // 0: no coordinator has decided.
    if (!generation) continue;
    const grant = `${player} ${generation}`;
    const owner = owners.get(grant) ?? client;
    if (owner !== client) faults.push(`${owner} and ${client} both got ${grant}`);
    owners.set(grant, owner);
  }
  return faults;
}

/** A new epoch goes on with the rows that the storage has, which may be older. */
function players(history: History): string[] {
  const last = new Map<string, Logged>();
  const faults: string[] = [];
  for (const event of logOf(history)) {
    const { player, sequence, kind, epoch } = event;
    if (!player) continue;
    const former = last.get(player.id);
    const before = former?.epoch === epoch ? former.player : undefined;
    if (before && player.generation < before.generation)
      faults.push(`${player.id} has ${kind} at ${sequence} under a generation that has ended`);
    if (before?.generation === player.generation && before.proxy !== player.proxy)
      faults.push(`${player.id} changed from ${before.proxy} to ${player.proxy} without a grant`);
    last.set(player.id, event);
  }
  return faults;
}
