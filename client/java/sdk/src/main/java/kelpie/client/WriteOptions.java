package kelpie.client;

import java.time.Duration;
import kelpie.v1.StateGuard;

/** The conditions of a write of a shared value, and how long the value lives. It never changes. */
public final class WriteOptions {
  /** No condition. The value lives until somebody deletes it. */
  public static final WriteOptions NONE = new WriteOptions(null, null, null, false);

  private static final long MOST = (1L << 53) - 1;
  private static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final Duration LONGEST = Duration.ofDays(30);

  final Long expected;
  final ValueGuard guard;
  final Duration ttl;
  final boolean bound;

  private WriteOptions(Long expected, ValueGuard guard, Duration ttl, boolean bound) {
    this.expected = expected;
    this.guard = guard;
    this.ttl = ttl;
    this.bound = bound;
  }

  /**
   * The sequence of the value that the writer has seen; 0: it must be absent. Otherwise the write fails with
   * SEQUENCE_CONFLICT and changes nothing. Throws OUT_OF_RANGE.
   */
  public WriteOptions expect(long sequence) {
    checkSequence("expect", sequence, 0);
    return new WriteOptions(sequence, guard, ttl, bound);
  }

  /** Another value that must be as the writer has seen it. Otherwise SEQUENCE_CONFLICT. */
  public WriteOptions guard(ValueGuard other) {
    return new WriteOptions(expected, other, ttl, bound);
  }

  /**
   * The time after which the value ends, from 1 s to 30 days. Each put begins it anew. Only for a put. Throws
   * OUT_OF_RANGE.
   */
  public WriteOptions ttl(Duration time) {
    if (time.compareTo(SHORTEST) < 0 || time.compareTo(LONGEST) > 0)
      throw Errors.outOfRange("ttl", time, "1 s to 30 days");
    return new WriteOptions(expected, guard, time, bound);
  }

  /** The value ends with this process: when the node leaves, or when another process takes its name. Only for a put. */
  public WriteOptions bound() {
    return new WriteOptions(expected, guard, ttl, true);
  }

  /** The guard in the form of the contract; null if there is none. */
  StateGuard wireGuard() {
    if (guard == null) return null;
    return StateGuard.newBuilder()
        .setBucket(guard.bucket())
        .setKey(guard.key())
        .setSequence(guard.sequence())
        .build();
  }

  static void checkSequence(String field, long sequence, long least) {
    if (sequence < least || sequence > MOST) throw Errors.outOfRange(field, sequence, "a whole number from " + least);
  }
}
