package kelpie.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import kelpie.v1.PlayerLatency;

/** The latencies of players that a heartbeat reports: those that changed. Loop only. */
final class Latencies {
  /** The most latencies of a Heartbeat. */
  private static final int LATENCIES = 10_000;
  /** The most bytes of their ids, so that a Heartbeat fits in a message. The next one has the rest. */
  private static final int ID_BYTES = 256 * 1024;

  private final PlayerList list;
  private final Supplier<Map<String, Integer>> measured;
  /** The latencies that the coordinator has. */
  private Map<String, Integer> reported = new HashMap<>();

  Latencies(PlayerList list, Supplier<Map<String, Integer>> measured) {
    this.list = list;
    this.measured = measured;
  }

  /** A new stream: the coordinator has none. */
  void restart() {
    reported = new HashMap<>();
  }

  /** Throws what the function of the program throws. */
  List<PlayerLatency> news() {
    Map<String, Integer> before = reported;
    Map<String, Integer> now = new HashMap<>();
    List<PlayerLatency> news = new ArrayList<>();
    int bytes = 0;
    for (Map.Entry<String, Integer> one : measured.get().entrySet()) {
      String id = one.getKey();
      if (list.get(id) == null) continue;
      int ms = Math.max(0, one.getValue());
      boolean same = before.containsKey(id) && before.get(id) == ms;
      if (!same && (news.size() == LATENCIES || bytes > ID_BYTES)) continue;
      now.put(id, ms);
      if (same) continue;
      news.add(PlayerLatency.newBuilder().setPlayerId(id).setLatencyMs(ms).build());
      bytes += id.length();
    }
    reported = now;
    return news;
  }
}
