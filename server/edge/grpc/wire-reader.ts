/**
 * Reads 64-bit numbers that a JavaScript number cannot hold as the nearest number that it can. So no such
 * number ends a session. The code of each field judges it: a position that is too high gives an error, and a
 * measurement (Java sends Long.MAX_VALUE for "no limit") is kept.
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
