/** The rows of nodes, public and internal, and what is stored in them. */
import { SessionRow } from '../../gen/ts/kelpie/storage/v1/session_row.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import { Node } from '../../gen/ts/kelpie/v1/node.js';
import { KelpieError } from '../core/errors.js';
import type { Draft, Requirement } from '../journal/journal.js';
import type { Table } from '../network/table.js';
import type { Tables } from '../network/tables.js';

/** Entries that say who owns a node. No pattern matches it, and they are no events. */
const OWNER_TOPIC = 'kelpie.sessions';
const NO_EVENT = new Uint8Array();

export class NodeRows {
  /** The public facts, `nodes/<node>`. */
  readonly nodes: Table<Node>;
  /** Who owns a node, `sessions/<node>`; the row's sequence is the node's generation. */
  readonly owners: Table<SessionRow>;

  constructor(tables: Pick<Tables, 'table'>) {
    this.nodes = tables.table('nodes/', {
      decode: (bytes) => Node.decode(bytes),
      resource: (value) => ({ $case: 'node', value }),
    });
    this.owners = tables.table('sessions/', { decode: (bytes) => SessionRow.decode(bytes) });
  }

  /** What every write in the name of a node must require. */
  fence(name: string, generation: number): Requirement {
    return { key: this.owners.keyOf(name), sequence: generation };
  }

  /** What a write must require that is made of the node's public row as it is now. */
  seen(name: string): Requirement {
    return this.nodes.seen(name);
  }

  /** The entry that gives the node to an owner, or to nobody. */
  ownerDraft(name: string, owner: SessionRow | null): Draft {
    const value = owner && SessionRow.encode(owner).finish();
    const key = this.owners.keyOf(name);
    return { topic: OWNER_TOPIC, event: NO_EVENT, source: '', key, value };
  }

  /** The entry that gives a node another row. */
  updateDraft(row: Node, time: Date): Draft {
    return this.nodeDraft(row.name, time, { $case: 'nodeUpdated', value: { node: row } }, row);
  }

  /** The entry that tells what became of a node, and writes or deletes its row. */
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

/** The error where a node's rows were never twice the same. */
export function nodeContested(name: string): KelpieError {
  const message = `others write about the node "${name}" all the time; try again`;
  return new KelpieError('OUTCOME_UNKNOWN', message, { name }, { retryAfterMs: 1000 });
}
