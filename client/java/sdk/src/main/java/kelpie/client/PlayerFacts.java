package kelpie.client;

import java.util.Locale;
import java.util.Map;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;

/** Players as programs give them, and as the client reports them. */
final class PlayerFacts {
  private PlayerFacts() {}

  /**
   * The facts that a proxy reports, with the id: a copy without the fields that the coordinator sets. Throws
   * PLAYER_INVALID if XUID and UUID are missing, VALUE_INVALID for broken text. The coordinator checks the rest.
   */
  static Player of(Player given) {
    Texts.wellFormed("name", given.getName());
    Player.Builder player =
        Player.newBuilder()
            .setId(idOf(given))
            .setXuid(given.getXuid())
            .setUuid(given.getUuid())
            .setName(given.getName())
            .setServer(lower(given.getServer()))
            .setAddress(given.getAddress())
            .setLanguage(given.getLanguage())
            .setProtocolVersion(given.getProtocolVersion())
            .putAllProperties(given.getPropertiesMap())
            .setContext(given.getContext());
    if (given.hasDevice()) player.setDevice(given.getDevice());
    return player.build();
  }

  /** The player's id: the XUID, else the UUID. */
  private static String idOf(Player player) {
    String xuid = player.getXuid();
    String id = xuid.isEmpty() || xuid.equals("0") ? lower(player.getUuid()) : xuid;
    if (!id.isEmpty()) return id;
    throw invalid("a player needs a XUID or a UUID; both are missing");
  }

  /** The player on {@code ownServer}; null: players do not join this node directly. Throws PLAYER_INVALID. */
  static Player onOwnServer(Player player, String ownServer) {
    if (ownServer == null) return player;
    return player.toBuilder().setServer(ownServerOf(player.getServer(), ownServer)).build();
  }

  /** Throws PLAYER_INVALID for another server than the own one. */
  static String ownServerOf(String server, String ownServer) {
    if (ownServer == null || server.equals(ownServer)) return server;
    if (server.isEmpty()) return ownServer;
    throw invalid("players who join \"" + ownServer + "\" directly are on \"" + ownServer + "\"");
  }

  static Player changed(Player player, PlayerChange change) {
    Player.Builder changed = player.toBuilder().putAllProperties(change.getPropertiesMap());
    change.getRemovedPropertiesList().forEach(changed::removeProperties);
    if (change.hasContext()) changed.setContext(change.getContext());
    if (change.hasLanguage()) changed.setLanguage(change.getLanguage());
    return changed.build();
  }

  /** The player without a refused change. Fields that have changed again since stay. */
  static Player unchanged(Player now, Player before, PlayerChange change) {
    Player.Builder back = now.toBuilder();
    for (Map.Entry<String, String> property : change.getPropertiesMap().entrySet()) {
      String name = property.getKey();
      if (!property.getValue().equals(now.getPropertiesMap().get(name))) continue;
      String former = before.getPropertiesMap().get(name);
      if (former == null) back.removeProperties(name);
      else back.putProperties(name, former);
    }
    if (change.hasContext() && now.getContext().equals(change.getContext())) back.setContext(before.getContext());
    if (change.hasLanguage() && now.getLanguage().equals(change.getLanguage())) back.setLanguage(before.getLanguage());
    return back.build();
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  private static KelpieException invalid(String message) {
    return Errors.permanent(Reason.PLAYER_INVALID, message, Map.of());
  }
}
