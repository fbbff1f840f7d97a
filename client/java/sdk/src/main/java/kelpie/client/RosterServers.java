package kelpie.client;

import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import kelpie.v1.Node;
import kelpie.v1.NodeRole;

/** The servers of a roster as a pick sees them. */
final class RosterServers {
  private final Map<String, Candidate> servers = new HashMap<>();
  /** The slots that reservations hold, by server, also of servers whose row has not come yet. */
  private final Map<String, Long> reserved = new HashMap<>();
  private final ToLongFunction<String> playersOn;
  private final Runnable onChange;

  /** Calls {@code onChange} if a server comes, goes, or has other labels. */
  RosterServers(ToLongFunction<String> playersOn, Runnable onChange) {
    this.playersOn = playersOn;
    this.onChange = onChange;
  }

  /** Takes a node after its change; null: it left. */
  void take(String name, Node node) {
    if (node == null) reserved.remove(name);
    if (node == null || node.getRole() != NodeRole.NODE_ROLE_DOWNSTREAM) {
      if (servers.remove(name) != null) onChange.run();
      return;
    }
    Candidate before = servers.get(name);
    if (before != null && before.labels.equals(node.getLabelsMap())) {
      before.take(node);
      return;
    }
    servers.put(name, new Candidate(node, playersOn.applyAsLong(name), reserved.getOrDefault(name, 0L)));
    onChange.run();
  }

  /** The players of a server changed. */
  void count(String name) {
    Candidate server = servers.get(name);
    if (server != null) server.setPlayers(playersOn.applyAsLong(name));
  }

  /** Takes the number of slots that reservations hold. */
  void reserve(String name, long slots) {
    if (slots == 0) reserved.remove(name);
    else reserved.put(name, slots);
    Candidate server = servers.get(name);
    if (server != null) server.setReserved(slots);
  }

  /** No slots are reserved any more. */
  void releaseAll() {
    for (String name : List.copyOf(reserved.keySet())) reserve(name, 0);
  }

  Collection<Candidate> all() {
    return servers.values();
  }
}
