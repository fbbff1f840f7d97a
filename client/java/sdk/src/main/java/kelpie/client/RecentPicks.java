package kelpie.client;

import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;

/**
 * The players that this process has sent to a server and that the roster does not show there yet. They count as players
 * of that server: else all players who join at once would land on one server. While no coordinator is there, the roster
 * gets no news, so the players that this process holds count until they leave it.
 */
final class RecentPicks {
  /** A player whom this process does not hold, and who has not arrived for this time, does not count any more. */
  private static final long LIFETIME_MS = 10_000;
  /** Of more players than this the oldest ones do not count. */
  private static final int PLAYERS = 10_000;

  private record Sent(String server, long untilMs) {}

  /** By player id, the oldest first: all live equally long. */
  private final Map<String, Sent> sent = new LinkedHashMap<>();
  /** The players that this process holds, and the server that it has reported of each, or empty. */
  private final Map<String, String> own = new HashMap<>();
  /** Of those, the players who count on a server without an end by time. */
  private final Map<String, String> kept = new HashMap<>();
  private final Map<String, Integer> onServer = new HashMap<>();
  private final LongSupplier nowMs;
  private final UnaryOperator<String> shown;
  private final Consumer<String> onChange;

  /**
   * {@code shown}: the server that the roster shows a player on, or empty. {@code onChange} gets each server whose
   * number changes.
   */
  RecentPicks(LongSupplier nowMs, UnaryOperator<String> shown, Consumer<String> onChange) {
    this.nowMs = nowMs;
    this.shown = shown;
    this.onChange = onChange;
  }

  void add(String player, String server) {
    end(player);
    sent.put(player, new Sent(server, nowMs.getAsLong() + LIFETIME_MS));
    count(server, 1);
    if (sent.size() <= PLAYERS) return;
    Map.Entry<String, Sent> oldest = sent.entrySet().iterator().next();
    expire(oldest.getKey(), oldest.getValue().server());
  }

  /** This process has the player on this server now. Empty: on none; null: the player left this process. */
  void own(String player, String server) {
    if (server == null || !server.isEmpty() || kept.containsKey(player)) end(player);
    if (server == null) own.remove(player);
    else own.put(player, server);
    settle(player);
  }

  /** The player needs another server, or the roster shows them on one. */
  void end(String player) {
    Sent pick = sent.remove(player);
    String keptOn = kept.remove(player);
    String server = pick == null ? keptOn : pick.server();
    if (server != null) count(server, -1);
  }

  /** The roster does not show the player any more. If this process holds them, the roster will show them again. */
  void gone(String player) {
    if (own.containsKey(player)) settle(player);
    else end(player);
  }

  /** Counts a player without a newer pick on the server that this process has reported. */
  void settle(String player) {
    if (!sent.containsKey(player)) keep(player, own.getOrDefault(player, ""));
  }

  /** Ends the picks that are too old. A pick calls it first, so no timer is needed. */
  void expire() {
    long now = nowMs.getAsLong();
    for (Iterator<Map.Entry<String, Sent>> all = sent.entrySet().iterator(); all.hasNext(); ) {
      Map.Entry<String, Sent> oldest = all.next();
      if (oldest.getValue().untilMs() > now) return;
      expire(oldest.getKey(), oldest.getValue().server());
      all = sent.entrySet().iterator();
    }
  }

  private void expire(String player, String server) {
    end(player);
    String reported = own.get(player);
    if (reported != null) keep(player, reported.isEmpty() ? server : reported);
  }

  private void keep(String player, String server) {
    if (server.isEmpty()) return;
    end(player);
    if (shown.apply(player).equals(server)) return;
    kept.put(player, server);
    count(server, 1);
  }

  int onServer(String server) {
    return onServer.getOrDefault(server, 0);
  }

  /** The number of players that are remembered: those with a pick, and those that this process holds. */
  int size() {
    return sent.size() + own.size() + kept.size();
  }

  private void count(String server, int change) {
    onServer.merge(server, change, (before, more) -> before + more == 0 ? null : before + more);
    onChange.accept(server);
  }
}
