/**
 * Each command ends once, within its deadline. A node executes a command at most once and never after the deadline. Each
 * target has at most one result, a reply comes from an execution, and NOT_DELIVERED means that the node never got the
 * command.
 */
import { stallsOf } from '../stalls.js';
import { groupedBy, type History, ofKind, type Step } from '../steps.js';

/** For stalls of the coordinators: the deadline is theirs, and the steps are of the clients. */
const SLACK_MS = 10_000;

type Kinds = 'issue' | 'executes' | 'result' | 'ended';
type Of<Kind extends Kinds> = Extract<Step, { kind: Kind }>;

export function commands(history: History): string[] {
  const restMs = ofKind(history, 'rest').at(-1)?.atMs ?? Infinity;
  const stalledMs = stallsOf(history);
  const executions = groupedBy(ofKind(history, 'executes'), ({ command }) => command);
  const results = groupedBy(ofKind(history, 'result'), ({ command }) => command);
  const ends = groupedBy(ofKind(history, 'ended'), ({ command }) => command);
  return ofKind(history, 'issue').flatMap((issue) => {
    const { command, atMs, timeoutMs } = issue;
    const lateMs = (untilMs: number): number =>
      untilMs - stalledMs(atMs, untilMs) - (atMs + timeoutMs + SLACK_MS);
    return [
      ...judgeEnd(command, ends.get(command) ?? [], restMs, lateMs),
      ...judgeExecutions(issue, executions.get(command) ?? [], lateMs),
      ...judgeResults(issue, results.get(command) ?? [], executions.get(command) ?? []),
    ];
  });
}

/** How late something is that happens at a time. */
type Late = (atMs: number) => number;

function judgeEnd(command: string, ends: Of<'ended'>[], restMs: number, lateMs: Late) {
  const [end] = ends;
  if (!end) return lateMs(restMs) > 0 ? [`${command} never ended`] : [];
  if (ends.length > 1) return [`${command} ended ${ends.length} times`];
  const late = Math.round(lateMs(end.atMs));
  return late > 0 ? [`${command} ended ${late} ms late`] : [];
}

function judgeExecutions({ command, targets }: Of<'issue'>, all: Of<'executes'>[], lateMs: Late) {
  const faults: string[] = [];
  for (const { client } of all)
    if (all.filter((one) => one.client === client).length > 1)
      faults.push(`${client} executed ${command} more than once`);
  for (const step of all) {
    if (!targets.includes(step.client)) faults.push(`${step.client} executed ${command} of others`);
    if (lateMs(step.atMs) > 0) faults.push(`${step.client} executed ${command} after its deadline`);
  }
  return faults;
}

function judgeResults({ command }: Of<'issue'>, all: Of<'result'>[], executions: Of<'executes'>[]) {
  const faults: string[] = [];
  for (const { node, reply, reason } of all) {
    const executed = executions.some(({ client }) => client === node);
    if (all.filter((one) => one.node === node).length > 1)
      faults.push(`${command} has several results of ${node}`);
    if (reason === 'NOT_DELIVERED' && executed)
      faults.push(`${command} is NOT_DELIVERED, and ${node} executed it`);
    if (reply !== undefined && (!executed || reply !== replyTo(command, node)))
      faults.push(`${command} has a reply that ${node} never gave: ${reply}`);
  }
  return faults;
}

/** The reply that a node of a run gives to a command. */
export function replyTo(command: string, node: string): string {
  return `${command} by ${node}`;
}
