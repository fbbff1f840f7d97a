/** Shared values, and their ends, in the form of programs. */
import type { StateDeleted, StateValue } from '../../gen/ts/kelpie/v1/event.js';
import { msOf } from '../core/duration.js';
import { type StateEndReasonName, stateEndReasonNameOf } from '../core/spelling.js';
import type { MessageContent } from './content.js';

/** A value that the programs of a network share. */
export interface SharedValue {
  readonly bucket: string;
  readonly key: string;
  /** The content: text, bytes, or JSON. */
  readonly value: MessageContent;
  /** The sequence of the last write: what a later write may `expect`. */
  readonly sequence: number;
  /** When the coordinator took the value, by its own clock. For display only. */
  readonly updateTime: Date | undefined;
  /** The time after which the value ends; undefined: it does not end by itself. */
  readonly ttlMs: number | undefined;
  /** The node that the value ends with; empty: none. */
  readonly owner: string;
  /** Undefined: the value is there. */
  readonly ended?: undefined;
}

/** A value that has ended. */
export interface EndedValue {
  readonly bucket: string;
  readonly key: string;
  readonly value?: undefined;
  /** The position of the end. */
  readonly sequence: number;
  /** The reason. UNKNOWN: the value ended while this node did not get its event. */
  readonly ended: StateEndReasonName;
}

/** A change of a value: the new value, or its end. */
export type ValueChange = SharedValue | EndedValue;

export function valueOf(value: StateValue, sequence = value.sequence): SharedValue {
  const { bucket, key, content, updateTime, ttl, owner } = value;
  return {
    bucket,
    key,
    value: content?.form?.value ?? '',
    sequence,
    updateTime,
    ttlMs: ttl && msOf(ttl, 0),
    owner,
  };
}

/** The end of a value, from its event at this position. */
export function endedValueOf({ value, reason }: StateDeleted, sequence: number): EndedValue {
  const { bucket = '', key = '' } = value ?? {};
  return { bucket, key, sequence, ended: stateEndReasonNameOf(reason) };
}
