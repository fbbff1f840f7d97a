package kelpie.client;

/** A change of a shared value: a {@link SharedValue}, which is the new value, or an {@link EndedValue}. */
public sealed interface ValueChange permits SharedValue, EndedValue {
  /** The bucket. */
  String bucket();

  /** The key. */
  String key();

  /** The position of the change. */
  long sequence();
}
