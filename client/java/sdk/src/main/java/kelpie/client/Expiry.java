package kelpie.client;

import java.time.Duration;
import java.util.function.Consumer;

/** Warns some time before a credential expires, and with it the session. */
final class Expiry {
  private static final Duration DAY = Duration.ofDays(1);
  /** The warnings begin so long before the end. */
  private static final Duration BEFORE = Duration.ofDays(7);

  private final Loop loop;
  private final Consumer<Duration> warn;
  private Runnable cancel = () -> {};

  Expiry(Loop loop, Consumer<Duration> warn) {
    this.loop = loop;
    this.warn = warn;
  }

  /** A session has begun: it warns now if the end is near, and once a day. */
  void begin(Duration expiresIn) {
    end();
    if (expiresIn.isNegative() || expiresIn.isZero()) return;
    if (expiresIn.compareTo(BEFORE) <= 0) warn.accept(expiresIn);
    cancel = loop.after(DAY.toMillis(), () -> begin(expiresIn.minus(DAY)));
  }

  /** The session has ended. */
  void end() {
    cancel.run();
  }
}
