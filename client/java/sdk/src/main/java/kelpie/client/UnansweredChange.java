package kelpie.client;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;

/**
 * The facts of a player that the proxy changed without an answer of the coordinator. The list of the proxy does not
 * replace facts that other nodes changed, so the proxy reports these facts as a change again. The player in the list has
 * their values.
 *
 * @param names names of properties, including removed ones
 */
record UnansweredChange(Set<String> names, boolean context, boolean language) {
  /** The most names. A player has at most 64 properties; the same number of removed ones fits beside them. */
  private static final int NAMES = 128;

  /** After one more change. If there are too many names, removed ones go first. {@code before} may be null. */
  static UnansweredChange with(UnansweredChange before, PlayerChange change, Player player) {
    Set<String> names = new LinkedHashSet<>(before == null ? Set.of() : before.names());
    List<String> news = new ArrayList<>(change.getPropertiesMap().keySet());
    news.addAll(change.getRemovedPropertiesList());
    names.removeAll(news);
    names.addAll(news);
    List<String> removedFirst = new ArrayList<>();
    for (String name : names) if (!player.containsProperties(name)) removedFirst.add(name);
    for (String name : names) if (player.containsProperties(name)) removedFirst.add(name);
    List<String> kept = removedFirst.subList(Math.max(0, removedFirst.size() - NAMES), removedFirst.size());
    return new UnansweredChange(
        new LinkedHashSet<>(kept),
        change.hasContext() || (before != null && before.context()),
        change.hasLanguage() || (before != null && before.language()));
  }

  /** One change that gives all these facts the values that the player has now. */
  PlayerChange again(Player player) {
    Map<String, String> properties = player.getPropertiesMap();
    PlayerChange.Builder change = PlayerChange.newBuilder();
    for (String name : names) {
      String value = properties.get(name);
      if (value == null) change.addRemovedProperties(name);
      else change.putProperties(name, value);
    }
    if (context) change.setContext(player.getContext());
    if (language) change.setLanguage(player.getLanguage());
    return change.build();
  }
}
