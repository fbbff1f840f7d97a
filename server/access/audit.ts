/**
 * Records acts as events on `kelpie.audit`. A record follows the outcome of its act, and neither delays nor fails the
 * act: records wait in a bounded queue, and the coordinator counts and logs those that are lost.
 */
import { AuditRecord } from '../../gen/ts/kelpie/v1/audit.js';
import { Event } from '../../gen/ts/kelpie/v1/event.js';
import type { NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import type { Clock } from '../core/clock.js';
import { cutBytes } from '../core/text.js';
import type { Draft } from '../journal/journal.js';
import type { Network } from '../network/network.js';
import { AUDIT_TOPIC } from '../topics/topic.js';
import { type Actor, DETAIL_BYTES, type Ended, OpenAct } from './act.js';
import { calls, frames, type Rule } from './acts.js';
import { RecordBudget } from './record-budget.js';

/** Records that wait for the journal. */
const WAITING = 4096;
const WAITING_BYTES = 4 * 1024 * 1024;
/** Records of one transaction. */
const AT_ONCE = 64;
const AT_ONCE_BYTES = 256 * 1024;
/** The log gets a line about lost records at most this often. */
const LOST_MS = 10_000;

/** The parts that the audit uses. */
interface AuditParts {
  readonly network: Pick<Network, 'commit'>;
  readonly clock: Clock;
  /** Hears of faults: none of them gets to the act. */
  readonly onFault: (error: unknown) => void;
  /** Called with each record, also with those that are lost. */
  readonly onRecord?: ((record: AuditRecord) => void) | undefined;
  /** Called with the number of records that were lost, not for each of them. */
  readonly onLost?: ((records: number) => void) | undefined;
}

export class Audit {
  readonly #parts: AuditParts;
  /** Denied acts, and minor acts. */
  readonly #budgets: { readonly denied: RecordBudget; readonly minor: RecordBudget };
  #waiting: Draft[] = [];
  #waitingBytes = 0;
  #storing: Promise<void> | undefined;
  #lost = 0;
  #loggedLost = 0;
  #loggedMs = -Infinity;

  constructor(parts: AuditParts) {
    this.#parts = parts;
    const { clock } = parts;
    this.#budgets = { denied: new RecordBudget(clock), minor: new RecordBudget(clock) };
  }

  /** Records that the journal did not take, or that found no room in the queue. */
  get lost(): number {
    return this.#lost;
  }

  /** Records that were left out, because their actor had too many of their kind. */
  get leftOut(): number {
    return this.#budgets.denied.leftOut + this.#budgets.minor.leftOut;
  }

  /** The act of a call that begins; undefined: the call is none. */
  ofCall(path: string, request: unknown, actor: Actor): OpenAct | undefined {
    return this.#open(calls[path], request, actor);
  }

  /** The act of a frame of a node; undefined: the frame is none. */
  ofFrame(frame: NodeFrame['frame'], actor: Actor): OpenAct | undefined {
    return frame && this.#open(frames[frame.$case], frame.value, actor);
  }

  #open(rule: Rule | undefined, request: unknown, actor: Actor): OpenAct | undefined {
    // Most requests are no acts.
    if (typeof rule !== 'function') return undefined;
    const { onFault } = this.#parts;
    try {
      const act = rule(request as never);
      return act && new OpenAct(act, { actor, onEnd: this.#ended, onFault });
    } catch (error) {
      onFault(error);
      return undefined;
    }
  }

  readonly #ended = ({ record, limit }: Ended): void => {
    const leftOut = limit ? this.#budgets[limit].take(actorOf(record)) : 0;
    if (leftOut === undefined) return;
    this.record(leftOut === 0 ? record : withLeftOut(record, leftOut));
  };

  /** Stores a record soon. Never throws. */
  record(record: AuditRecord): void {
    this.#report(record);
    const draft = this.#draft(record);
    const bytes = draft.event.length;
    const isFull = this.#waiting.length >= WAITING || this.#waitingBytes + bytes > WAITING_BYTES;
    if (isFull) return this.#lose(1);
    this.#waiting.push(draft);
    this.#waitingBytes += bytes;
    this.#storing ??= this.#store();
  }

  #report(record: AuditRecord): void {
    try {
      this.#parts.onRecord?.(record);
    } catch (error) {
      this.#parts.onFault(error);
    }
  }

  /** Resolves when all records are stored or lost. */
  async close(): Promise<void> {
    await this.#storing;
  }

  async #store(): Promise<void> {
    // In a later turn: the caller is in the middle of its act.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const entries = this.#next();
      try {
        await this.#parts.network.commit({ require: [], entries });
      } catch {
        // The journal logs its own faults. A record is not stored twice, so nobody tries again.
        this.#lose(entries.length);
      }
      for (const { event } of entries) this.#waitingBytes -= event.length;
    }
    this.#storing = undefined;
  }

  /** As many records as one transaction takes. */
  #next(): Draft[] {
    let bytes = 0;
    const end = this.#waiting.findIndex(({ event }, index) => {
      bytes += event.length;
      return index > 0 && (index >= AT_ONCE || bytes > AT_ONCE_BYTES);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  #draft(record: AuditRecord): Draft {
    const { actorNode: source } = record;
    const time = new Date(this.#parts.clock.wall());
    const body: Event['body'] = { $case: 'auditRecorded', value: record };
    const event = Event.encode({ sequence: 0, topic: AUDIT_TOPIC, source, time, body }).finish();
    return { topic: AUDIT_TOPIC, event, source };
  }

  #lose(records: number): void {
    this.#lost += records;
    const now = this.#parts.clock.now();
    if (now - this.#loggedMs < LOST_MS) return;
    this.#loggedMs = now;
    this.#parts.onLost?.(this.#lost - this.#loggedLost);
    this.#loggedLost = this.#lost;
  }
}

/** Each kind of act has a budget of its own, so that one kind does not hide another. */
function actorOf({ action, actorNode, credentialId, address }: AuditRecord): string {
  // A credential counts once, whatever nodes its peers are and wherever they come from.
  const actor = credentialId === '' ? `${address} ${actorNode}` : credentialId;
  return `${action} ${actor}`;
}

function withLeftOut(record: AuditRecord, leftOut: number): AuditRecord {
  const note = `(${leftOut} such records before this one were left out)`;
  const detail = cutBytes(record.detail, DETAIL_BYTES - note.length - 1);
  return { ...record, detail: detail === '' ? note : `${detail} ${note}` };
}
