package kelpie.client;

/** Shared values and locks. */
public final class State implements Part {
  State(Session session) {}
}
