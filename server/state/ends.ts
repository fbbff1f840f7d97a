/** Ends shared values with the process of their owner, and when their time has passed. */
import { StateEndReason } from '../../gen/ts/kelpie/v1/event.js';
import type { Clock } from '../core/clock.js';
import { sameBytes } from '../core/cursor.js';
import { inTurns, othersTurn } from '../core/fair-turn.js';
import type { Requirement } from '../journal/journal.js';
import { Expiry } from '../network/expiry.js';
import type { Network } from '../network/network.js';
import type { Dependent, Ending } from '../nodes/dependents.js';
import { nodeContested, type NodeRows } from '../nodes/rows.js';
import type { ValueRow, ValueRows } from './rows.js';

/** Values that one transaction ends. The entry of an end leaves the content out, so it has some hundred bytes. */
const PAGE = 256;
/** How often another writer may change a value of a page first. */
const ATTEMPTS = 16;

/** The parts that the ends of values use. */
export interface EndingParts {
  readonly network: Pick<Network, 'commit'>;
  readonly valueRows: ValueRows;
  readonly nodeRows: NodeRows;
  readonly clock: Clock;
}

/** Whether a value must end. Checked against the row at the moment of the write. */
type IsOver = (row: ValueRow) => boolean;

/** Ends the values of a node with the process that owns them. */
export function valuesOfNodes(parts: EndingParts): Dependent {
  const { valueRows, nodeRows } = parts;
  return {
    async end(node, fence, room) {
      const isOver: IsOver = ({ owner }) => owner === node;
      for (;;) {
        const names = firstOf(valueRows.ownedBy(node), PAGE + 1);
        if (names.length <= Math.min(room, PAGE)) return endsNow(parts, names, fence, isOver);
        const ended = await endPage(parts, names.slice(0, PAGE), fence, isOver);
        // The fence is stale: the transaction that ends the node will fail for the same reason.
        if (!ended) return { require: [], entries: [] };
        await othersTurn();
      }
    },
    async sweep(node) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const fence = nodeRows.fence(node, nodeRows.owners.get(node)?.sequence ?? 0);
        if (await endPages(parts, valueRows.ownedBy(node), fence, isOrphan(parts))) return;
      }
      throw nodeContested(node);
    },
  };
}

/** Ends values without their owner. They remain if a coordinator dies before it has ended them. */
export async function endOrphanValues(parts: EndingParts): Promise<void> {
  const all = function* (): Generator<string> {
    for (const [name, { value }] of parts.valueRows.table.entries()) {
      if (value.owner !== '') yield name;
    }
  };
  await endPages(parts, all(), undefined, isOrphan(parts));
}

/** Ends values with a time to live. Values that the table has already begin their time now. */
export function valueExpiry(
  { network, valueRows, clock }: EndingParts,
  options: { readonly listening: Clock; readonly onFault: (error: unknown) => void },
): Expiry<ValueRow> {
  return new Expiry(valueRows.table, {
    ...options,
    ttlMsOf: ({ ttlMs }) => ttlMs,
    end: (name, { value, sequence }) =>
      network.commit({
        require: [valueRows.at(name, sequence)],
        entries: [valueRows.endDraft(name, value, StateEndReason.EXPIRED, new Date(clock.wall()))],
      }),
  });
}

function isOrphan({ nodeRows }: EndingParts): IsOver {
  return ({ owner, instance }) => {
    if (owner === '') return false;
    const present = nodeRows.owners.get(owner)?.value;
    return !present || !sameBytes(present.instanceId, instance);
  };
}

/** Ends values page by page, and lets other work run after each page. False: the fence is stale. */
async function endPages(
  parts: EndingParts,
  names: Iterable<string>,
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  let page: string[] = [];
  for await (const name of inTurns(names)) {
    const row = parts.valueRows.get(name)?.value;
    if (!row || !isOver(row) || page.push(name) < PAGE) continue;
    if (!(await endPage(parts, page, fence, isOver))) return false;
    page = [];
    await othersTurn();
  }
  return endPage(parts, page, fence, isOver);
}

async function endPage(
  parts: EndingParts,
  names: readonly string[],
  fence: Requirement | undefined,
  isOver: IsOver,
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const transaction = endsNow(parts, names, fence, isOver);
    if (transaction.entries.length === 0) return true;
    const outcome = await parts.network.commit(transaction);
    if (outcome.kind === 'stored') return true;
    if (outcome.kind === 'conflict' && outcome.key === fence?.key) return false;
    // Another writer changed one of these values: look again which of them must end.
  }
  throw nodeContested(parts.valueRows.get(names[0] ?? '')?.value.owner ?? '');
}

function endsNow(
  { valueRows, clock }: EndingParts,
  names: readonly string[],
  fence: Requirement | undefined,
  isOver: IsOver,
): Ending {
  const time = new Date(clock.wall());
  const require = fence ? [fence] : [];
  const entries = [];
  for (const name of names) {
    const row = valueRows.get(name);
    if (!row || !isOver(row.value)) continue;
    require.push(valueRows.at(name, row.sequence));
    entries.push(valueRows.endDraft(name, row.value, StateEndReason.OWNER_LEFT, time));
  }
  return { require, entries };
}

function firstOf(names: Iterable<string>, most: number): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (first.push(name) === most) break;
  }
  return first;
}
