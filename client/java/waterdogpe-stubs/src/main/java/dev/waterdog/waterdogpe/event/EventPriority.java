package dev.waterdog.waterdogpe.event;

/** A stub of the order of handlers: LOWEST first. */
public enum EventPriority {
  LOWEST,
  LOW,
  NORMAL,
  HIGH,
  HIGHEST
}
