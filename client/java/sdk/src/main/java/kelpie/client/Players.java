package kelpie.client;

/** The players of this node. */
public final class Players implements Part {
  Players(Session session) {}
}
