/** Encodes a CommandRequest once for all its nodes. Only `time_left` is encoded for each node. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Duration } from '../../gen/ts/google/protobuf/duration.js';
import { CommandRequest } from '../../gen/ts/kelpie/v1/command.js';
import { durationOf } from '../core/duration.js';

/** `command` and `time_left` of CommandRequest: `<field number> << 3 | <wire type>`. A test decodes them. */
const COMMAND = (3 << 3) | 2;
const TIME_LEFT = (4 << 3) | 2;

/** Encodes all fields but `time_left`. `command` is encoded already. */
export function encodeRequest(
  commandId: number,
  source: string,
  attributes: CommandRequest['attributes'],
  command: Uint8Array,
): Uint8Array {
  const rest = { command: undefined, timeLeft: undefined };
  const writer = CommandRequest.encode({ commandId, source, attributes, ...rest });
  return writer.uint32(COMMAND).bytes(command).finish();
}

/** Encodes `time_left`. Its bytes follow the other fields when the request is sent. */
export function encodeTimeLeft(ms: number): Uint8Array {
  const writer = new BinaryWriter().uint32(TIME_LEFT).fork();
  return Duration.encode(durationOf(Math.max(0, ms)), writer)
    .join()
    .finish();
}
