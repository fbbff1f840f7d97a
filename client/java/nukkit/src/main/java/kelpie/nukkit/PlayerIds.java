package kelpie.nukkit;

import cn.nukkit.Player;
import cn.nukkit.utils.LoginChainData;
import com.google.gson.JsonElement;
import java.util.UUID;

/** The ids of players in the network. */
final class PlayerIds {
  private PlayerIds() {}

  /** The XUID, else the UUID. */
  static String of(Player player) {
    return of(player.getLoginChainData(), player.getUniqueId());
  }

  static String of(LoginChainData login, UUID uuid) {
    String xuid = xuidOf(login);
    return xuid.isEmpty() ? uuid.toString() : xuid;
  }

  /**
   * The XUID; empty if the player has none. WaterdogPE with {@code use_login_extras} tells it beside the login, because
   * the login itself is its own.
   */
  static String xuidOf(LoginChainData login) {
    if (login == null) return "";
    JsonElement extra = login.getRawData() == null ? null : login.getRawData().get("Waterdog_XUID");
    String xuid = extra == null || extra.isJsonNull() ? login.getXUID() : extra.getAsString();
    // A player without a Microsoft account has none, or 0.
    return xuid == null || xuid.equals("0") ? "" : xuid;
  }
}
