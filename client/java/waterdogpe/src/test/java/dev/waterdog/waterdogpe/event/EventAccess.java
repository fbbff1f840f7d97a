package dev.waterdog.waterdogpe.event;

import java.util.concurrent.CompletableFuture;

/** Reads what the proxy reads of an event, for the harness. */
public final class EventAccess {
  private EventAccess() {}

  /** The futures that handlers added. */
  public static CompletableFuture<?>[] futuresOf(Event event) {
    return event.getCompletableFutures().toArray(CompletableFuture[]::new);
  }
}
