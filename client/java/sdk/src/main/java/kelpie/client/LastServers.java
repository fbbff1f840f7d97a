package kelpie.client;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** The server that each player left last, by moving or by leaving the network: for rules with STICKY. */
final class LastServers {
  /** Of more players than this the roster forgets those who left a server longest ago. */
  private static final int PLAYERS = 100_000;

  /** By player id, in the order in which the players left a server. */
  private final Map<String, String> left = new LinkedHashMap<>();

  void left(String id, String server) {
    left.remove(id);
    left.put(id, server);
    if (left.size() <= PLAYERS) return;
    Iterator<String> oldest = left.keySet().iterator();
    oldest.next();
    oldest.remove();
  }

  /** Empty: not known. */
  String of(String id) {
    return left.getOrDefault(id, "");
  }

  int size() {
    return left.size();
  }
}
