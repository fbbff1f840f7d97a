/** The public and internal rows of nodes, and the entries that write them. */
import { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import { DrainRow } from '../../gen/ts/kelpie/storage/v1/transfer_rows.js';
import { Event, type NodeLeaveReason } from '../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** The topics of entries that write internal rows. No pattern matches them, and these entries are no events. */
const OWNER_TOPIC = 'kelpie.sessions';
const DRAIN_TOPIC = 'kelpie.drains';
const NO_EVENT = new Uint8Array();

export class NodeRows {
  /** The public facts, `nodes/<node>`. */
  readonly nodes: Table<Node>;
  /** The owner of a node, `sessions/<node>`. The row's sequence is the node's generation. */
  readonly owners: Table<SessionRow>;
  /** The nodes that an operator drains, `drains/<node>`. Such a row outlives its node. */
  readonly drains: Table<DrainRow>;

  constructor(tables: Pick<Tables, 'table'>) {
    this.nodes = tables.table('nodes/', {
      decode: (bytes) => Node.decode(bytes),
      resource: (value) => ({ $case: 'node', value }),
    });
    this.owners = tables.table('sessions/', { decode: (bytes) => SessionRow.decode(bytes) });
    this.drains = tables.table('drains/', { decode: (bytes) => DrainRow.decode(bytes) });
  }

  /** The requirement of every write on behalf of a node: this generation still owns it. */
  fence(name: string, generation: number): Requirement {
    return { key: this.owners.keyOf(name), sequence: generation };
  }

  /** The requirement of a write that depends on the node's public row: the row is still as it is now. */
  seen(name: string): Requirement {
    return this.nodes.seen(name);
  }

  /** The entry that gives the node to an owner; null: the node has no owner. */
  ownerDraft(name: string, owner: SessionRow | null): Draft {
    const value = owner && SessionRow.encode(owner).finish();
    const key = this.owners.keyOf(name);
    return { topic: OWNER_TOPIC, event: NO_EVENT, source: '', key, value };
  }

  /** The entry that stores the drain of a node; null: nobody drains the node. */
  drainDraft(name: string, drain: DrainRow | null): Draft {
    const value = drain && DrainRow.encode(drain).finish();
    const key = this.drains.keyOf(name);
    return { topic: DRAIN_TOPIC, event: NO_EVENT, source: '', key, value };
  }

  /** The entry that ends a node's row. */
  departureDraft(node: Node, reason: NodeLeaveReason, time: Date): Draft {
    return this.nodeDraft(node.name, time, { $case: 'nodeLeft', value: { node, reason } }, null);
  }

  /** The entry that changes a node's row. */
  updateDraft(row: Node, time: Date): Draft {
    return this.nodeDraft(row.name, time, { $case: 'nodeUpdated', value: { node: row } }, row);
  }

  /** The entry with an event about a node, which also writes or deletes the node's row. */
  nodeDraft(name: string, time: Date, body: NonNullable<Event['body']>, row: Node | null): Draft {
    const key = this.nodes.keyOf(name);
    const topic = this.nodes.topicOf(name);
    const event = { sequence: 0, topic, source: name, time, body };
    return {
      topic,
      event: Event.encode(event).finish(),
      source: name,
      key,
      value: row && Node.encode(row).finish(),
    };
  }
}

/** The error for a stream that does not own its node any more. */
export function notOwner({ name }: { readonly name: string }): KelpieError {
  const message = `this stream does not own "${name}" any more: the node has left, or has a newer stream`;
  return new KelpieError('STALE_GENERATION', message, { name });
}

/** The error where other writers changed a node's rows at each attempt. */
export function nodeContested(name: string): KelpieError {
  const message = `other writers changed the node "${name}" during each attempt; try again`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name }, { retryAfterMs: 1000 });
}
