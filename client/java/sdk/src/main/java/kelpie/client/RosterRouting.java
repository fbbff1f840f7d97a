package kelpie.client;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import kelpie.v1.Node;
import kelpie.v1.Player;
import kelpie.v1.PlayerLookup;
import kelpie.v1.RoutingOccasion;
import kelpie.v1.RoutingRule;
import kelpie.v1.RoutingTable;

/** The routing rules of a roster, and the picks by them. */
final class RosterRouting {
  private static final long UINT32 = 1L << 32;

  final Rows<RoutingTable> rows;
  /** Null for a roster without players. */
  private final RosterPlayers players;
  private final RosterServers servers;
  private final LastServers lastServers = new LastServers();
  private final RecentPicks picks;
  private final Map<String, Long> turns = new HashMap<>();
  /** Null after a change of the rules, or of the servers that they may select. */
  private Rules rules;

  RosterRouting(RosterPlayers players, Runnable onChange, LongSupplier nowMs) {
    this.players = players;
    picks = new RecentPicks(nowMs, this::shownServer, this::count);
    servers = new RosterServers(this::playersOn, () -> rules = null);
    rows =
        new Rows<>(
            table -> "routing",
            (before, after) -> {
              rules = null;
              turns.keySet().retainAll(table().getRulesList().stream().map(RoutingRule::getName).collect(Collectors.toSet()));
              onChange.run();
            });
  }

  RoutingTable table() {
    List<RoutingTable> all = rows.all();
    return all.isEmpty() ? RoutingTable.getDefaultInstance() : all.get(0);
  }

  private String shownServer(String id) {
    Player player = players == null ? null : players.rows.get(id);
    return player == null ? "" : player.getServer();
  }

  private long playersOn(String server) {
    return (players == null ? 0 : players.onServer(server)) + picks.onServer(server);
  }

  private void count(String server) {
    servers.count(server);
  }

  /** Takes a node before and after its change; null: there was or is none. */
  void nodeChanged(Node before, Node after) {
    String name = (after == null ? before : after).getName();
    // Another process of the node begins without reservations.
    if (before != null && after != null && !before.getInstanceId().equals(after.getInstanceId()))
      servers.reserve(name, 0);
    servers.take(name, after);
  }

  /** Takes a player before and after their change; null: there was or is none. */
  void playerChanged(Player before, Player after) {
    if (before != null && after == null) picks.gone(before.getId());
    if (before != null && after != null && before.getServer().equals(after.getServer())) return;
    if (before != null && !before.getServer().isEmpty()) {
      servers.count(before.getServer());
      lastServers.left(before.getId(), before.getServer());
    }
    if (after == null) return;
    // The roster shows the player on another server, or on none.
    if (!after.getServer().isEmpty()) {
      servers.count(after.getServer());
      picks.end(after.getId());
    }
    picks.settle(after.getId());
  }

  /** This process has the player on this server now. Empty: on none; null: the player left this process. */
  void own(String id, String server) {
    picks.own(id, server);
  }

  /** Takes the number of slots that reservations hold on a server. */
  void reserve(String name, long slots) {
    servers.reserve(name, slots);
  }

  /** A new history has none of the reservations. */
  void releaseAll() {
    servers.releaseAll();
  }

  /** See {@link Roster#pick}. */
  Optional<PickedServer> pick(Pick pick) {
    Player online = onlineOf(pick.player);
    String id = online == null ? lower(pick.player.getId()) : online.getId();
    Rules.Need need = needOf(pick, id, online);
    picks.expire();
    picks.end(id);
    if (rules == null) rules = new Rules(table(), servers.all());
    Optional<PickedServer> picked = rules.pick(need);
    picked.ifPresent(server -> turns.merge(server.rule(), 1L, Long::sum));
    String present = online == null ? "" : online.getServer();
    // The roster counts a player who is on that server already.
    if (picked.isPresent() && !id.isEmpty() && !present.equals(picked.get().server()))
      picks.add(id, picked.get().server());
    else picks.settle(id);
    return picked;
  }

  private Rules.Need needOf(Pick pick, String id, Player online) {
    boolean fallback = pick.occasion == RoutingOccasion.ROUTING_OCCASION_FALLBACK;
    String left = fallback && online != null ? online.getServer() : "";
    Map<String, String> known = online == null ? Map.of() : online.getPropertiesMap();
    return new Rules.Need(
        pick.occasion,
        pick.reason,
        pick.host,
        pick.properties == null ? known : pick.properties,
        lower(pick.fromServer == null ? left : pick.fromServer),
        lower(pick.lastServer == null ? lastServers.of(id) : pick.lastServer),
        ThreadLocalRandom.current().nextLong(UINT32),
        rule -> turns.getOrDefault(rule, 0L));
  }

  /** Null if nobody online is meant. */
  private Player onlineOf(PlayerLookup lookup) {
    if (players == null) return null;
    if (lookup.hasId()) return players.rows.get(lower(lookup.getId()));
    return lookup.hasName() ? players.find(lookup).orElse(null) : null;
  }

  private static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }
}
