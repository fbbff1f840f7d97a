/**
 * Reads messages whose numbers of 64 bits a JavaScript number cannot hold: they become the nearest that
 * it can. So none of them ends a session, and each is judged where its field is: a position that is too
 * high is refused by name, a measurement (Java says Long.MAX_VALUE for "no limit") is kept.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';

const HIGHEST = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Signed ones are the seconds of google.protobuf's Duration and Timestamp alone: a test holds the contract to
 * that. Both have a range of 10,000 years, within which milliseconds and dates are exact.
 */
const LONGEST_SECONDS = 315_576_000_000n;

export class WireReader extends BinaryReader {
  override uint64(): bigint {
    const value = BigInt(super.uint64());
    return value > HIGHEST ? HIGHEST : value;
  }

  override int64(): bigint {
    const value = BigInt(super.int64());
    if (value > LONGEST_SECONDS) return LONGEST_SECONDS;
    return value < -LONGEST_SECONDS ? -LONGEST_SECONDS : value;
  }
}
