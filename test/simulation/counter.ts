/**
 * A number in a shared value, to which nodes add one: each reads it, and writes it if nobody has written it meanwhile. So it
 * is the number of the writes that took effect.
 */
import type { CoordinatorFrame, NodeFrame } from '../../gen/ts/kelpie/v1/session_service.js';
import { ErrorReason } from '../../gen/ts/kelpie/v1/error.js';
import type { Services } from '../../server/wiring.js';

const PLACE = { bucket: 'simulation', key: 'counter' };

/** The writes of all nodes, counted by their outcomes. */
export class Counter {
  #stored = 0;
  /** Writes that may have taken effect. */
  #unknown = 0;

  stored(): void {
    this.#stored += 1;
  }

  unknown(): void {
    this.#unknown += 1;
  }

  /** How the stored number is wrong, if it is. A failover may lose writes. */
  faults(services: Pick<Services, 'values'> | undefined, failedOver: boolean): string[] {
    const count = services ? storedIn(services) : 0;
    const [least, most] = [failedOver ? 0 : this.#stored, this.#stored + this.#unknown];
    if (count >= least && count <= most) return [];
    return [`the shared number is ${count}, after ${least} to ${most} additions`];
  }
}

type Send = (one: { requestId: number; frame: NonNullable<NodeFrame['frame']> }) => void;

/** The additions of one node on one stream. */
export class Additions {
  readonly #counter: Counter;
  readonly #send: Send;
  readonly #number: () => number;
  readonly #reads = new Set<number>();
  readonly #writes = new Set<number>();

  /** `number` gives a number for a request. */
  constructor(counter: Counter, number: () => number, send: Send) {
    this.#counter = counter;
    this.#number = number;
    this.#send = send;
  }

  add(): void {
    const requestId = this.#number();
    this.#reads.add(requestId);
    this.#send({ requestId, frame: { $case: 'getValue', value: PLACE } });
  }

  /** Takes the answers to its requests. */
  take(requestId: number, frame: NonNullable<CoordinatorFrame['frame']>): void {
    if (this.#reads.delete(requestId)) {
      if (frame.$case === 'value')
        this.#write(numberOf(frame.value.value) + 1, frame.value.value?.sequence ?? 0);
      else if (reasonOf(frame) === ErrorReason.VALUE_NOT_FOUND) this.#write(1, 0);
      return;
    }
    if (!this.#writes.delete(requestId)) return;
    if (frame.$case === 'valueStored') this.#counter.stored();
    else if (reasonOf(frame) === ErrorReason.OUTCOME_UNKNOWN) this.#counter.unknown();
  }

  #write(number: number, expectedSequence: number): void {
    const requestId = this.#number();
    this.#writes.add(requestId);
    const content = { form: { $case: 'text', value: String(number) } } as const;
    const value = { ...PLACE, content, expectedSequence, owner: '', ttl: undefined };
    this.#send({ requestId, frame: { $case: 'putValue', value: { ...value, guard: undefined } } });
  }

  /** The stream has ended: its answers do not come. */
  end(): void {
    this.#writes.forEach(() => this.#counter.unknown());
    this.#reads.clear();
    this.#writes.clear();
  }
}

function storedIn({ values }: Pick<Services, 'values'>): number {
  try {
    return numberOf(values.get(PLACE).value);
  } catch {
    // Nobody has written it.
    return 0;
  }
}

function numberOf(value: { content: unknown } | undefined): number {
  const { form } = (value?.content ?? {}) as { form?: { value: unknown } };
  return Number(form?.value ?? 0);
}

function reasonOf(frame: NonNullable<CoordinatorFrame['frame']>): ErrorReason | undefined {
  return frame.$case === 'requestFailed' ? frame.value.error?.reason : undefined;
}
