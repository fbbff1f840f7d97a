package kelpie.nukkit;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Warnings that may come many times a second. The log gets one a minute, with the number of those it did not get. */
final class RareWarning {
  private static final long INTERVAL_NS = TimeUnit.MINUTES.toNanos(1);

  private final Consumer<String> log;
  private final LongSupplier nowNs;
  private boolean warned;
  private long lastNs;
  private int leftOut;

  RareWarning(Consumer<String> log, LongSupplier nowNs) {
    this.log = log;
    this.nowNs = nowNs;
  }

  synchronized void warn(String message) {
    long now = nowNs.getAsLong();
    if (warned && now - lastNs < INTERVAL_NS) {
      leftOut += 1;
      return;
    }
    log.accept(leftOut == 0 ? message : message + " (and " + leftOut + " more like it)");
    warned = true;
    lastNs = now;
    leftOut = 0;
  }
}
