package dev.waterdog.waterdogpe.event;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** A stub of an event. */
public abstract class Event {
  private final List<CompletableFuture<Void>> futures = new CopyOnWriteArrayList<>();
  private volatile boolean cancelled;

  public boolean isCancelled() {
    return cancelled;
  }

  public void setCancelled(boolean cancelled) {
    this.cancelled = cancelled;
  }

  public void setCancelled() {
    setCancelled(true);
  }

  /** The proxy waits for the future before it goes on. For asynchronous events. */
  public void addCompletableFuture(CompletableFuture<Void> future) {
    futures.add(future);
  }

  protected List<CompletableFuture<Void>> getCompletableFutures() {
    return futures;
  }
}
