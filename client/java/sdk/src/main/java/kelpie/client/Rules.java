package kelpie.client;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.ToLongFunction;
import kelpie.v1.FallbackReason;
import kelpie.v1.NodeState;
import kelpie.v1.RoutingCondition;
import kelpie.v1.RoutingOccasion;
import kelpie.v1.RoutingRule;
import kelpie.v1.RoutingStrategy;
import kelpie.v1.RoutingTable;
import kelpie.v1.ServerSelector;

/**
 * Picks a server for a player by the rules of the network, as routing.proto states. The pick is a function of its
 * inputs alone. test/contract/routing holds the picks of all clients and of the coordinator to the same scenarios.
 */
final class Rules {
  /**
   * The player who needs a server, and why. Names are in lower case, and empty if there is none.
   *
   * @param random a number of 32 bits that the picker drew
   * @param turns the number of picks by this rule before
   */
  record Need(
      RoutingOccasion occasion,
      FallbackReason reason,
      String host,
      Map<String, String> properties,
      String from,
      String lastServer,
      long random,
      ToLongFunction<String> turns) {}

  /** A rule that is ready for picks: its tests, and its servers by name. */
  private static final class Ready {
    final RoutingRule rule;
    final List<BiPredicate<Need, Candidate>> tests;
    List<Candidate> servers;

    Ready(RoutingRule rule) {
      this.rule = rule;
      this.tests = testsOf(rule.getWhen());
    }
  }

  private final List<Ready> ready;
  private final List<Candidate> servers;
  private final Map<String, Candidate> byName = new HashMap<>();

  /** The order of the servers does not matter. */
  Rules(RoutingTable table, Collection<Candidate> servers) {
    List<RoutingRule> rules =
        table.getRulesCount() == 0 ? List.of(RoutingRule.getDefaultInstance()) : table.getRulesList();
    // A stable sort: rules of the same priority keep the order of the table.
    this.ready =
        rules.stream()
            .sorted(Comparator.comparingInt(RoutingRule::getPriority).reversed())
            .map(Ready::new)
            .toList();
    this.servers = servers.stream().sorted(Comparator.comparing(server -> server.name)).toList();
    for (Candidate server : this.servers) byName.put(server.name, server);
  }

  /** The server for this player; empty if there is none. */
  Optional<PickedServer> pick(Need need) {
    Candidate from = byName.get(need.from());
    Candidate left = need.occasion() == RoutingOccasion.ROUTING_OCCASION_FALLBACK ? from : null;
    PickedServer lost = null;
    for (Ready one : ready) {
      if (!one.tests.stream().allMatch(test -> test.test(need, from))) continue;
      Candidate open = best(one, need, left, NodeState.NODE_STATE_READY);
      if (open != null) return Optional.of(new PickedServer(open.name, one.rule.getName(), false));
      if (lost != null) continue;
      Candidate found = best(one, need, left, NodeState.NODE_STATE_UNREACHABLE);
      if (found != null) lost = new PickedServer(found.name, one.rule.getName(), true);
    }
    return Optional.ofNullable(lost);
  }

  private List<Candidate> serversOf(Ready one) {
    if (one.servers == null) {
      ServerSelector to = one.rule.getTo();
      one.servers = servers.stream().filter(server -> isIn(to, server)).toList();
    }
    return one.servers;
  }

  private static List<BiPredicate<Need, Candidate>> testsOf(RoutingCondition when) {
    List<BiPredicate<Need, Candidate>> tests = new ArrayList<>();
    if (when.getOccasionsCount() > 0) tests.add((need, from) -> when.getOccasionsList().contains(need.occasion()));
    if (when.getFallbackReasonsCount() > 0)
      tests.add(
          (need, from) ->
              need.occasion() == RoutingOccasion.ROUTING_OCCASION_FALLBACK
                  && when.getFallbackReasonsList().contains(need.reason()));
    List<String> hosts = when.getHostsList().stream().map(Rules::lower).toList();
    if (!hosts.isEmpty())
      tests.add((need, from) -> hosts.stream().anyMatch(host -> isHost(host, lower(need.host()))));
    if (when.getPlayerPropertiesCount() > 0)
      tests.add((need, from) -> hasAll(need.properties(), when.getPlayerPropertiesMap()));
    if (when.hasFrom()) tests.add((need, from) -> from != null && isIn(when.getFrom(), from));
    return tests;
  }

  private static boolean isHost(String wanted, String host) {
    return host.equals(wanted) || (wanted.startsWith("*.") && host.endsWith(wanted.substring(1)));
  }

  private static boolean isIn(ServerSelector selector, Candidate server) {
    boolean named =
        selector.getNamesCount() == 0
            || selector.getNamesList().stream().anyMatch(name -> lower(name).equals(server.name));
    return named && hasAll(server.labels, selector.getLabelsMap());
  }

  private static boolean hasAll(Map<String, String> texts, Map<String, String> wanted) {
    return wanted.entrySet().stream().allMatch(one -> one.getValue().equals(texts.get(one.getKey())));
  }

  /** The server that the strategy of the rule prefers. {@code left}: the player must not come back to it. */
  private Candidate best(Ready one, Need need, Candidate left, NodeState wanted) {
    RoutingRule rule = one.rule;
    long limit = Integer.toUnsignedLong(rule.getLimit());
    List<Candidate> open =
        serversOf(one).stream().filter(server -> server != left && server.takes(limit, wanted)).toList();
    if (open.isEmpty()) return null;
    boolean sticky = rule.getStrategy() == RoutingStrategy.ROUTING_STRATEGY_STICKY;
    if (sticky && !need.lastServer().isEmpty())
      for (Candidate server : open) if (server.name.equals(need.lastServer())) return server;
    return switch (sticky ? rule.getOtherwise() : rule.getStrategy()) {
      case ROUTING_STRATEGY_RANDOM -> nth(open, need.random());
      case ROUTING_STRATEGY_ROUND_ROBIN -> nth(open, need.turns().applyAsLong(rule.getName()));
      case ROUTING_STRATEGY_MOST_PLAYERS -> extreme(open, -1);
      default -> extreme(open, 1);
    };
  }

  private static Candidate nth(List<Candidate> open, long index) {
    return open.get((int) (index % open.size()));
  }

  /** The fullest server (sign -1) or the emptiest one (sign 1); of equal ones the first. */
  private static Candidate extreme(List<Candidate> open, int sign) {
    Candidate found = open.get(0);
    for (Candidate server : open) if (sign * server.used() < sign * found.used()) found = server;
    return found;
  }

  private static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }
}
