package kelpie.nukkit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import cn.nukkit.utils.LoginChainData;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.lang.reflect.Proxy;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** The id of a player in the network, by what their client and the proxy before this server sent. */
class PlayerIdsTest {
  private static final UUID PLAYER = UUID.fromString("3b0c1c1e-7f0a-4a41-9d0e-6a3f4f2d7a11");

  private static String idOf(String xuid, JsonObject raw) {
    Object login =
        Proxy.newProxyInstance(
            LoginChainData.class.getClassLoader(),
            new Class<?>[] {LoginChainData.class},
            (self, method, arguments) ->
                switch (method.getName()) {
                  case "getXUID" -> xuid;
                  case "getRawData" -> raw;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
    return PlayerIds.of((LoginChainData) login, PLAYER);
  }

  @Test
  void theXuidElseTheUuid() {
    assertEquals("2535400000000001", idOf("2535400000000001", null));
    assertEquals(PLAYER.toString(), idOf(null, null));
    assertEquals(PLAYER.toString(), idOf("", new JsonObject()));
    assertEquals(PLAYER.toString(), idOf("0", null), "a client without a Microsoft account");
    assertEquals(PLAYER.toString(), PlayerIds.of(null, PLAYER));
  }

  @Test
  void theXuidThatWaterdogPeSendsBesideTheLogin() {
    JsonObject raw = new JsonObject();
    raw.add("Waterdog_XUID", JsonNull.INSTANCE);
    assertEquals("1", idOf("1", raw));
    raw.addProperty("Waterdog_XUID", "2535400000000002");
    assertEquals("2535400000000002", idOf("1", raw));
  }
}
