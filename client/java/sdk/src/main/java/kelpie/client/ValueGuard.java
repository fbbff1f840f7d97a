package kelpie.client;

/**
 * A shared value that must be as the writer has seen it, such as a lock.
 *
 * @param bucket the bucket
 * @param key the key
 * @param sequence the sequence of the value; 0: it must be absent
 */
public record ValueGuard(String bucket, String key, long sequence) {
  /** Throws KEY_INVALID, VALUE_INVALID or OUT_OF_RANGE. */
  public ValueGuard {
    ValuePlace.of(bucket, key);
    WriteOptions.checkSequence("guard.sequence", sequence, 0);
  }
}
