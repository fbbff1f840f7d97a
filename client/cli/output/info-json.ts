/** GetInfoResponse in the JSON form of protobuf. */
import type { Duration } from '../../../gen/ts/google/protobuf/duration.js';
import { GetInfoResponse } from '../../../gen/ts/kelpie/v1/coordinator_service.js';

/** The generated form has durations as objects; protobuf has them as `"90.5s"`. */
export function infoJson(info: GetInfoResponse): object {
  const retentionTopics = info.retentionTopics.map(({ maxAge, ...topic }) => ({
    ...topic,
    ...(maxAge && { maxAge: durationJson(maxAge) }),
  }));
  return {
    ...(GetInfoResponse.toJSON(info) as object),
    ...(info.uptime && { uptime: durationJson(info.uptime) }),
    ...(retentionTopics.length > 0 && { retentionTopics }),
  };
}

function durationJson({ seconds, nanos }: Duration): string {
  return `${seconds + nanos / 1e9}s`;
}
