package dev.waterdog.waterdogpe.event;

/** A stub of an event that a handler may cancel. */
public interface CancellableEvent {
  boolean isCancelled();

  void setCancelled(boolean cancelled);

  void setCancelled();
}
