/**
 * Presence is true. A node leaves only if it left, vanished or was replaced, and a player only if they quit, logged in
 * elsewhere, or lost their proxy: so the loss of a coordinator causes no storm of leaves. Each leaves once. A node that vanishes
 * leaves within the longest silence and the grace. At rest everybody sees who is there, and nobody else. Nodes of a run that
 * stood still were silent, and may be lost.
 */
import { type Logged, logOf } from '../log.js';
import { stallsOf } from '../stalls.js';
import { groupedBy, type History, ofKind, type Step } from '../steps.js';

/** For stalls of the coordinators, and for their timers. */
const SLACK_MS = 5000;

export function presence(history: History): string[] {
  return [
    ...falseLeaves(history),
    ...falsePlayerLeaves(history),
    ...lateLeaves(history),
    ...rosters(history),
  ];
}

/** The steps by which nodes go away, by their names. */
function departuresOf(history: History): Map<string, Step> {
  const steps = history.filter(({ kind }) => kind === 'leaves' || kind === 'vanishes');
  return new Map(steps.map((step) => [step.client, step]));
}

/** Whether the run stood still for the longest silence, not long before a time. */
function silences(history: History): (atMs: number) => boolean {
  const { maxSilenceMs = 0, graceMs = 0 } = ofKind(history, 'welcome')[0] ?? {};
  const backMs = maxSilenceMs + graceMs + SLACK_MS;
  const stalledMs = stallsOf(history);
  return (atMs) => maxSilenceMs > 0 && stalledMs(atMs - backMs, atMs + SLACK_MS) >= maxSilenceMs;
}

function falseLeaves(history: History): string[] {
  const silent = silences(history);
  const gone = departuresOf(history);
  const faults: string[] = [];
  const left = new Set<string>();
  const replaced = new Set(
    ofKind(history, 'welcome')
      .filter(({ outcome }) => outcome === 'REPLACED')
      .map(({ client }) => client),
  );
  for (const { kind, node = '', reason, sequence, atMs, epoch } of logOf(history)) {
    // A new epoch goes on with the rows that the storage has: it may repeat a leave that was lost.
    const key = `${node} ${epoch}`;
    if (kind === 'nodeJoined') left.delete(key);
    if (kind !== 'nodeLeft') continue;
    if (left.has(key)) faults.push(`${node} left twice, at ${sequence}`);
    left.add(key);
    const true_ = (gone.get(node)?.atMs ?? Infinity) < atMs;
    const isOther = reason === 'REPLACED' && replaced.has(node);
    if (!true_ && !isOther && !(reason === 'LOST' && silent(atMs)))
      faults.push(`${node} was there, and left as ${reason} at ${sequence}`);
  }
  return faults;
}

function falsePlayerLeaves(history: History): string[] {
  const silent = silences(history);
  const gone = departuresOf(history);
  const quits = groupedBy(ofKind(history, 'quits'), ({ player }) => player);
  const again = loginsAgain(history);
  const ended = new Set<string>();
  return logOf(history).flatMap(({ kind, player, reason, sequence, atMs, epoch }) => {
    if (kind !== 'playerLeft' || !player) return [];
    const { id, proxy, generation } = player;
    const login = `${id} ${generation} ${epoch}`;
    if (ended.has(login)) return [`${id} left twice as ${generation}, at ${sequence}`];
    ended.add(login);
    const quit = quits.get(id)?.some((one) => one.client === proxy && one.atMs < atMs);
    const lost =
      (gone.get(proxy)?.atMs ?? Infinity) < atMs || (reason === 'PROXY_LOST' && silent(atMs));
    if (quit === true || lost || again(id, generation, atMs)) return [];
    return [`${id} was on ${proxy}, and left as ${reason} at ${sequence}`];
  });
}

/** Whether a player had begun another login, after the one of a generation and before a time. */
function loginsAgain(history: History) {
  const begun = groupedBy(ofKind(history, 'acquire'), ({ player }) => player);
  const granted = new Map(
    ofKind(history, 'acquired').map((step) => [`${step.player} ${step.generation}`, step.atMs]),
  );
  return (player: string, generation: number, beforeMs: number): boolean => {
    // Without a grant on record, the login itself may be the other one.
    const afterMs = granted.get(`${player} ${generation}`) ?? -Infinity;
    return (begun.get(player) ?? []).some(({ atMs }) => atMs > afterMs && atMs < beforeMs);
  };
}

/** A coordinator that dies takes with it how long it has waited: the others begin again when they see that it is dead. */
function lateLeaves(history: History): string[] {
  const { maxSilenceMs = 0, graceMs = 0 } = ofKind(history, 'welcome')[0] ?? {};
  const restMs = ofKind(history, 'rest').at(-1)?.atMs ?? 0;
  const faults = ofKind(history, 'fault');
  const log = logOf(history);
  const stalledMs = stallsOf(history);
  return ofKind(history, 'vanishes').flatMap(({ client, atMs }) => {
    // A node whose Hello was never stored was never there.
    if (!log.some(({ kind, node }) => kind === 'nodeJoined' && node === client)) return [];
    const left = log.find((event) => isLeaveOf(event, client) && event.atMs > atMs);
    const endMs = left?.atMs ?? restMs;
    const fromMs = Math.max(atMs, faults.findLast((fault) => fault.atMs < endMs)?.atMs ?? 0);
    const ranMs = endMs - fromMs - stalledMs(fromMs, endMs);
    const late = ranMs > maxSilenceMs + graceMs + SLACK_MS;
    return late ? [`${client} vanished, and did not leave in time`] : [];
  });
}

function isLeaveOf({ kind, node }: Logged, name: string): boolean {
  return kind === 'nodeLeft' && node === name;
}

/**
 * While no coordinator answers, two proxies may let one player in; at rest one of them has them. So the players are pairs
 * of a player and a proxy. A node that is gone may be shown until the longest silence and the grace have passed.
 */
function rosters(history: History): string[] {
  const { maxSilenceMs = 0, graceMs = 0 } = ofKind(history, 'welcome')[0] ?? {};
  const nodes = new Map<string, Presence>();
  const players = new Map<string, string>();
  return history.flatMap((step) => {
    const { client, atMs } = step;
    if (step.kind === 'roster') return judgeRoster(step, nodes, players);
    if (step.kind === 'welcome' && !nodes.has(client)) nodes.set(client, { untilMs: Infinity });
    if (step.kind === 'joins') players.set(`${step.player} on ${client}`, client);
    if (step.kind === 'quits' || step.kind === 'evicted')
      players.delete(`${step.player} on ${client}`);
    if (step.kind !== 'leaves' && step.kind !== 'vanishes') return [];
    nodes.set(client, { untilMs: atMs + maxSilenceMs + graceMs + SLACK_MS });
    for (const [player, proxy] of players) if (proxy === client) players.delete(player);
    return [];
  });
}

/** Until when rosters may show a node. */
interface Presence {
  readonly untilMs: number;
}

function judgeRoster(
  { client, nodes, players, atMs }: Extract<Step, { kind: 'roster' }>,
  known: ReadonlyMap<string, Presence>,
  holders: ReadonlyMap<string, string>,
): string[] {
  const there = [...known].filter(([, { untilMs }]) => untilMs === Infinity).map(([name]) => name);
  const shown = nodes.filter(
    (name) => there.includes(name) || (known.get(name)?.untilMs ?? 0) < atMs,
  );
  const held = Object.entries(players).map(([id, proxy]) => `${id} on ${proxy}`);
  const wrong = [...difference(shown, there), ...difference(held, [...holders.keys()])];
  return wrong.length > 0 ? [`${client} shows at rest ${wrong.slice(0, 10).join(', ')}`] : [];
}

/** Things that are shown and should not be, with a plus; things that are missing, with a minus. */
function difference(shown: readonly string[], wanted: readonly string[]): string[] {
  const [has, should] = [new Set(shown), new Set(wanted)];
  const more = shown.filter((one) => !should.has(one)).map((one) => `+${one}`);
  return [...more, ...wanted.filter((one) => !has.has(one)).map((one) => `-${one}`)];
}
