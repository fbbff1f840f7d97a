package kelpie.client;

import java.time.Duration;
import kelpie.v1.Cursor;
import kelpie.v1.StartAt;

/** Where reading starts. */
public final class Start {
  private final kelpie.v1.Start wire;

  private Start(kelpie.v1.Start.Builder wire) {
    this.wire = wire.build();
  }

  /** The present rows, then the events after them. */
  public static Start snapshot() {
    return new Start(kelpie.v1.Start.newBuilder().setAt(StartAt.START_AT_SNAPSHOT));
  }

  /** The oldest event of the history. */
  public static Start earliest() {
    return new Start(kelpie.v1.Start.newBuilder().setAt(StartAt.START_AT_EARLIEST));
  }

  /** Only new events. */
  public static Start latest() {
    return new Start(kelpie.v1.Start.newBuilder().setAt(StartAt.START_AT_LATEST));
  }

  /** The events after a position. */
  public static Start after(Cursor cursor) {
    return new Start(kelpie.v1.Start.newBuilder().setAfter(cursor));
  }

  /** The events of the last while. Throws OUT_OF_RANGE below 0. */
  public static Start since(Duration ago) {
    if (ago.isNegative()) throw Errors.outOfRange("start", ago, "at least 0");
    return new Start(kelpie.v1.Start.newBuilder().setSince(Durations.wire(ago)));
  }

  kelpie.v1.Start toWire() {
    return wire;
  }

  boolean isSnapshot() {
    return wire.getAt() == StartAt.START_AT_SNAPSHOT;
  }
}
