package kelpie.client;

import java.time.Duration;

/** Durations of Java and of the contract. */
final class Durations {
  private Durations() {}

  static Duration of(com.google.protobuf.Duration wire) {
    return Duration.ofSeconds(wire.getSeconds(), wire.getNanos());
  }

  static com.google.protobuf.Duration wire(Duration duration) {
    return com.google.protobuf.Duration.newBuilder()
        .setSeconds(duration.getSeconds())
        .setNanos(duration.getNano())
        .build();
  }

  /** The milliseconds of a field; the default for a coordinator that does not set it. */
  static long msOf(boolean isSet, com.google.protobuf.Duration wire, long defaultMs) {
    return isSet ? of(wire).toMillis() : defaultMs;
  }
}
