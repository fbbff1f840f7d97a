package kelpie.waterdogpe;

import com.google.gson.JsonElement;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import dev.waterdog.waterdogpe.player.ProxiedPlayer;
import java.net.InetSocketAddress;
import java.util.Locale;
import kelpie.v1.Device;
import kelpie.v1.Player;

/** The facts of a player, as the proxy has them. */
final class Facts {
  /** The limits of the contract, in bytes: longer texts of a client's own making are cut, and refuse no login. */
  private static final int LANGUAGE = 32;

  private static final int DEVICE_MODEL = 128;

  private Facts() {}

  /** The id of the player in the network: the XUID. It is empty in offline mode: then the UUID. */
  static String idOf(ProxiedPlayer player) {
    String xuid = player.getXuid();
    if (xuid != null && !xuid.isEmpty() && !xuid.equals("0")) return xuid;
    return player.getUniqueId().toString().toLowerCase(Locale.ROOT);
  }

  /** The name of the player's server, in lower case as in the network; empty if they are on none. */
  static String serverOf(ProxiedPlayer player) {
    ServerInfo server = player.getServerInfo();
    return server == null ? "" : server.getServerName().toLowerCase(Locale.ROOT);
  }

  static Player of(ProxiedPlayer player) {
    Player.Builder facts =
        Player.newBuilder()
            .setName(player.getName())
            .setUuid(player.getUniqueId().toString())
            .setServer(serverOf(player))
            .setLanguage(cut(clientText(player, "LanguageCode"), LANGUAGE));
    if (player.getXuid() != null) facts.setXuid(player.getXuid());
    if (player.getProtocol() != null) facts.setProtocolVersion(player.getProtocol().getProtocol());
    InetSocketAddress address = player.getAddress();
    if (address != null && address.getAddress() != null) facts.setAddress(address.getAddress().getHostAddress());
    return facts.setDevice(deviceOf(player)).build();
  }

  private static Device deviceOf(ProxiedPlayer player) {
    Device.Builder device = Device.newBuilder();
    if (player.getDevicePlatform() != null) device.setOs(player.getDevicePlatform().getName());
    if (player.getDeviceModel() != null) device.setModel(cut(player.getDeviceModel(), DEVICE_MODEL));
    String input =
        switch (clientText(player, "CurrentInputMode")) {
          case "1" -> "mouse";
          case "2" -> "touch";
          case "3" -> "gamepad";
          default -> "";
        };
    return device.setInput(input).build();
  }

  /** A text of the client's own data; empty if it has none. */
  private static String clientText(ProxiedPlayer player, String name) {
    try {
      JsonElement value = player.getLoginData().getClientData().get(name);
      return value == null || !value.isJsonPrimitive() ? "" : value.getAsString();
    } catch (RuntimeException odd) {
      // A client can send anything here, and no login fails for it.
      return "";
    }
  }

  /** At most this many bytes of UTF-8: a letter has up to four. */
  private static String cut(String text, int bytes) {
    int most = bytes;
    for (String cut = text; ; cut = text.substring(0, text.offsetByCodePoints(0, Math.max(0, --most)))) {
      if (cut.getBytes(java.nio.charset.StandardCharsets.UTF_8).length <= bytes) return cut;
      most = Math.min(most, text.codePointCount(0, text.length()));
    }
  }
}
