package kelpie.client;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import kelpie.v1.Player;
import kelpie.v1.PlayerLookup;

/** The online players of a roster: finds and counts them from memory. */
final class RosterPlayers {
  /** The most players that the message of PLAYER_AMBIGUOUS names. */
  private static final int CANDIDATES = 10;

  final Rows<Player> rows;
  private final Index onProxy = new Index();
  private final Index onServer = new Index();
  private final Index byName = new Index();
  private final Index byUuid = new Index();

  RosterPlayers(BiConsumer<Player, Player> onChange) {
    rows =
        new Rows<>(
            Player::getId,
            (before, after) -> {
              if (before != null) remove(before);
              if (after != null) add(after);
              onChange.accept(before, after);
            });
  }

  private void add(Player player) {
    onProxy.add(player.getProxy(), player.getId());
    onServer.add(player.getServer(), player.getId());
    byName.add(folded(player.getName()), player.getId());
    byUuid.add(player.getUuid(), player.getId());
  }

  private void remove(Player player) {
    onProxy.remove(player.getProxy(), player.getId());
    onServer.remove(player.getServer(), player.getId());
    byName.remove(folded(player.getName()), player.getId());
    byUuid.remove(player.getUuid(), player.getId());
  }

  /** Finds a player by the rules of the coordinator. Throws PLAYER_AMBIGUOUS, or VALUE_INVALID for no lookup. */
  Optional<Player> find(PlayerLookup lookup) {
    List<Player> found = new ArrayList<>();
    for (String id : idsOf(lookup)) {
      Player player = rows.get(id);
      if (player != null) found.add(player);
    }
    if (found.size() < 2 || !lookup.hasName()) return found.stream().findFirst();
    List<Player> exact = found.stream().filter(player -> player.getName().equals(lookup.getName())).toList();
    List<Player> meant = exact.isEmpty() ? found : exact;
    if (meant.size() == 1) return Optional.of(meant.get(0));
    throw ambiguous(lookup.getName(), meant);
  }

  private Iterable<String> idsOf(PlayerLookup lookup) {
    return switch (lookup.getByCase()) {
      case ID -> List.of(lookup.getId());
      case XUID -> List.of(lookup.getXuid());
      case UUID -> byUuid.get(lookup.getUuid().toLowerCase(Locale.ROOT));
      case NAME -> byName.get(folded(lookup.getName()));
      case BY_NOT_SET -> {
        String message = "the player has none of id, xuid, uuid and name; it must have one of them";
        throw Errors.invalid(message, "player");
      }
    };
  }

  /** The number of players on the server of this name, in lower case. */
  int onServer(String name) {
    return onServer.get(name).size();
  }

  /** The number of players on the proxy of this name, in lower case. */
  int onProxy(String name) {
    return onProxy.get(name).size();
  }

  private static KelpieException ambiguous(String name, List<Player> players) {
    String candidates =
        players.stream()
            .limit(CANDIDATES)
            .map(player -> player.getName() + " (" + player.getId() + ")")
            .collect(Collectors.joining(", "));
    String message = Texts.shown(name) + " may be " + candidates + "; name the player by id";
    return Errors.permanent(Reason.PLAYER_AMBIGUOUS, message, Map.of());
  }

  /**
   * The form of a name without case: two names are equal if their forms are equal. The coordinator and the other clients
   * have the same function. Lower case and then upper case, because some letters have more than one form of a case.
   */
  static String folded(String name) {
    String simple = Normalizer.normalize(name, Normalizer.Form.NFD).toLowerCase(Locale.ROOT);
    return Normalizer.normalize(simple.toUpperCase(Locale.ROOT), Normalizer.Form.NFD);
  }

  /** Ids of players by a common key: a server, a proxy, a name or a UUID. */
  private static final class Index {
    private final Map<String, Set<String>> ids = new HashMap<>();

    Set<String> get(String key) {
      return ids.getOrDefault(key, Set.of());
    }

    void add(String key, String id) {
      ids.computeIfAbsent(key, none -> new HashSet<>()).add(id);
    }

    void remove(String key, String id) {
      Set<String> of = ids.get(key);
      if (of == null) return;
      of.remove(id);
      if (of.isEmpty()) ids.remove(key);
    }
  }
}
