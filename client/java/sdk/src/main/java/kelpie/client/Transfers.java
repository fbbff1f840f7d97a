package kelpie.client;

/** Moves players, and holds slots for them. */
public final class Transfers {
  Transfers(Session session) {}
}
