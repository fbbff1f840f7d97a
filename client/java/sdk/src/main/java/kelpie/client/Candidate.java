package kelpie.client;

import java.util.Map;
import kelpie.v1.Node;
import kelpie.v1.NodeState;

/** A server that may be picked. Its state and its counts change in place: a pick needs no new list for them. */
final class Candidate {
  private static final long UNLIMITED = Long.MAX_VALUE;

  final String name;
  final Map<String, String> labels;
  private NodeState state;
  private NodeState lastState;
  private boolean drained;
  private long maxPlayers;
  private long players;
  private long reserved;

  Candidate(Node node, long players, long reserved) {
    this.name = node.getName();
    this.labels = node.getLabelsMap();
    this.players = players;
    this.reserved = reserved;
    take(node);
  }

  /** Takes the facts of the node, except its labels. */
  void take(Node node) {
    state = node.getState();
    lastState = node.getLastState();
    drained = node.getDrained();
    maxPlayers = node.hasMaxPlayers() ? Integer.toUnsignedLong(node.getMaxPlayers()) : UNLIMITED;
  }

  void setPlayers(long players) {
    this.players = players;
  }

  void setReserved(long reserved) {
    this.reserved = reserved;
  }

  /** Players and reserved slots together. */
  long used() {
    return players + reserved;
  }

  /** Whether a server in this state may take one player more. {@code limit}: that of the rule; 0 is no limit. */
  boolean takes(long limit, NodeState wanted) {
    if (state != wanted || drained) return false;
    if (wanted == NodeState.NODE_STATE_UNREACHABLE && lastState != NodeState.NODE_STATE_READY) return false;
    return used() < maxPlayers && (limit == 0 || used() < limit);
  }
}
