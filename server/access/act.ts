/** An act under way: its outcomes, until it ends and its record is made. */
import { AuditAction, AuditRecord } from '../../gen/ts/kelpie/v1/audit.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import { KelpieError, type ReasonName } from '../core/errors.js';
import { cutBytes } from '../core/text.js';
import type { Access } from './access.js';
import { masked } from './masked.js';

/** An act as its request names it. */
export interface Act<Answer = never> {
  readonly action: AuditAction;
  /** Empty: the answers name the targets, or there is none. */
  readonly targets?: readonly string[];
  /** For people; its secrets are masked later. */
  readonly detail?: string;
  /** The outcomes in an answer. Without it an answer is one success. */
  readonly read?: (answer: Answer) => Iterable<ActOutcome>;
  /** The act is done with its first answer; later ones report what became of it. */
  readonly endsAtOnce?: true;
  /** It changes nothing that stays, and games do it often: its records are limited, as those of denied acts are. */
  readonly isMinor?: true;
}

/** The outcome of an act on one target, or on several. */
export interface ActOutcome {
  readonly target?: string | undefined;
  /** Unspecified, or not set: a success. */
  readonly reason?: ErrorReason | undefined;
  /** Default 1. */
  readonly count?: number;
  /** Something that the answer alone has, for people. */
  readonly detail?: string | undefined;
}

/** The actor: a node with a session, or a caller. */
export interface Actor {
  /** Empty for a call. */
  readonly node: string;
  readonly access: Access;
}

const TARGETS = 100;
const TARGET_BYTES = 255;
/** The most bytes of a detail. */
export const DETAIL_BYTES = 1024;
/** Masking reads no more of a detail; longer ones are cut anyway. */
const MASKED_BYTES = 8 * 1024;

const DENIALS: readonly ReasonName[] = [
  'RIGHT_MISSING',
  'CREDENTIAL_REVOKED',
  'CREDENTIAL_EXPIRED',
];

/** The record of an act that has ended. */
export interface Ended {
  readonly record: AuditRecord;
  /** Set if too many records of its kind are left out. */
  readonly limit?: 'denied' | 'minor' | undefined;
}

interface ActParts {
  readonly actor: Actor;
  readonly onEnd: (ended: Ended) => void;
  readonly onFault: (error: unknown) => void;
}

/** No method throws: a fault of a record does not fail the act. */
export class OpenAct {
  readonly #act: Act;
  readonly #parts: ActParts;
  readonly #counts = new Map<ErrorReason, number>();
  readonly #targets: string[] = [];
  #count = 0;
  /** The detail of the answer. */
  #detail = '';
  #isDenied = false;
  #hasEnded = false;

  constructor(act: Act, parts: ActParts) {
    this.#act = act;
    this.#parts = parts;
  }

  /** An answer. */
  answered(answer: unknown): void {
    if (this.#hasEnded) return;
    const { read, endsAtOnce } = this.#act;
    this.#safely(() => {
      if (!read) this.#add({ count: Math.max(1, this.#named.length) });
      else for (const outcome of read(answer as never)) this.#add(outcome);
    });
    if (endsAtOnce) this.end();
  }

  /** The act failed as a whole, or ended with an error after its answers. */
  failed(error: unknown): void {
    const reason = reasonOf(error);
    this.#isDenied = DENIALS.includes(reason);
    this.end(reason);
  }

  /** The act has ended. `rest`: the outcome of the targets that have none. */
  end(rest?: ReasonName): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#safely(() => {
      if (rest) this.#tally(ErrorReason[rest], this.#leftFor(ErrorReason[rest]));
      else if (this.#counts.size === 0) this.#counts.set(ErrorReason.UNSPECIFIED, 0);
      const record = this.#record();
      this.#parts.onEnd({ record, limit: this.#isDenied ? 'denied' : this.#limit });
    });
  }

  /** An act that reached nobody can be repeated without end, as a minor one. */
  get #limit(): 'minor' | undefined {
    return this.#act.isMinor || !this.#counts.has(ErrorReason.UNSPECIFIED) ? 'minor' : undefined;
  }

  #safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.onFault(error);
    }
  }

  #add({ target, reason = ErrorReason.UNSPECIFIED, count = 1, detail }: ActOutcome): void {
    this.#detail = detail ?? this.#detail;
    this.#count += count;
    this.#tally(reason, count);
    if (target !== undefined && this.#targets.length < TARGETS)
      this.#targets.push(cutBytes(target, TARGET_BYTES));
  }

  /** Targets without an outcome. Nobody may know their number; a reason that no target has counts once. */
  #leftFor(reason: ErrorReason): number {
    return Math.max(this.#counts.has(reason) ? 0 : 1, this.#named.length - this.#count);
  }

  #tally(reason: ErrorReason, count: number): void {
    if (count > 0) this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
  }

  /** The targets that the request names. */
  get #named(): readonly string[] {
    return this.#act.targets ?? [];
  }

  #record(): AuditRecord {
    const { action, detail = this.#detail } = this.#act;
    const { node, access } = this.#parts.actor;
    const seen = this.#targets.length > 0;
    const targets = seen ? this.#targets : this.#named.slice(0, TARGETS).map(shortened);
    const count = seen ? Math.max(this.#count, this.#named.length) : this.#named.length;
    return {
      action,
      actorNode: node,
      actorName: access.credential?.name ?? '',
      credentialId: access.credential?.id ?? '',
      address: access.address,
      targets,
      targetCount: count > targets.length ? count : 0,
      detail: cutBytes(masked(cutBytes(detail, MASKED_BYTES)), DETAIL_BYTES),
      outcomes: [...this.#counts].map(([reason, number]) => ({ reason, count: number })),
    };
  }
}

function reasonOf(error: unknown): ReasonName {
  if (error instanceof KelpieError) return error.reason;
  // The caller left.
  return (error as Error).name === 'AbortError' ? 'OUTCOME_UNKNOWN' : 'INTERNAL';
}

/** A name that a caller typed may be anything, also a token. */
function shortened(target: string): string {
  return cutBytes(target.replace(/\bklp_[\w-]+/g, 'klp_***'), TARGET_BYTES);
}
