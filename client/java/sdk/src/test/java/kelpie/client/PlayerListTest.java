package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import kelpie.v1.Player;
import kelpie.v1.SyncPlayers;
import org.junit.jupiter.api.Test;

/** The list of a proxy, as it stands in SyncPlayers and in the digest of heartbeats. */
class PlayerListTest {
  private final PlayerList list = new PlayerList((id, server) -> {});

  /** The vectors of test/support/model/digest-vectors.ts, the same in every language. */
  @Test
  void theDigestIsThatOfTheContract() {
    assertDigest("e3b0c44298fc1c14");
    assertDigest("8ecfeded65cbcda5", PlayerList.line("2535400000000001", 1700000000000001L, "lobby-1"));
    assertDigest(
        "e0df045f25990497",
        PlayerList.line("9", 7, "lobby"),
        PlayerList.line("10", 8, ""),
        PlayerList.line("0a1b2c3d-0000-4000-8000-00000000000f", 9007199254740991L, "a_b-c"));
  }

  private static void assertDigest(String digest, String... lines) {
    assertEquals(digest, HexFormat.of().formatHex(PlayerList.digestOf(Stream.of(lines)).toByteArray()));
  }

  @Test
  void theDigestOfAListHasItsPlayers() {
    list.add(player("2535400000000001", "lobby-1"), 1700000000000001L, 0);
    assertEquals(1, list.digest().getPlayers());
    assertEquals("8ecfeded65cbcda5", HexFormat.of().formatHex(list.digest().getDigest().toByteArray()));
  }

  @Test
  void theListOfNobodyIsOnePartForAllIds() {
    List<PlayerList.Part> parts = list.parts(0);
    assertEquals(1, parts.size());
    assertEquals("", parts.get(0).value().getAfterId() + parts.get(0).value().getUpToId());
  }

  @Test
  void thePartsCoverAllIdsOnceAndFitInAMessage() {
    Random random = new Random(7);
    for (int at = 0; at < 2500; at++) {
      String text = "x".repeat(random.nextInt(2000));
      Player one = player("" + random.nextLong(1, Long.MAX_VALUE), "lobby").toBuilder().setAddress(text).build();
      list.add(one, at + 1, 0);
    }
    String afterId = "";
    List<String> ids = new ArrayList<>();
    List<PlayerList.Part> parts = list.parts(0);
    for (PlayerList.Part part : parts) {
      SyncPlayers value = part.value();
      assertEquals(afterId, value.getAfterId());
      assertTrue(value.getPlayersCount() <= 1000);
      assertTrue(value.getSerializedSize() < 1024 * 1024);
      for (Player one : value.getPlayersList()) ids.add(one.getId());
      afterId = value.getUpToId();
    }
    assertEquals("", afterId);
    assertEquals(list.size(), ids.size());
    assertEquals(ids.stream().sorted().toList(), ids);
  }

  @Test
  void playersWithoutAGrantHaveTheTimeSinceTheirLogin() {
    list.add(player("1", "lobby"), 0, 1000);
    list.add(player("2", "lobby"), 5, 1000);
    SyncPlayers value = list.parts(4500).get(0).value();
    assertEquals(1, value.getLoginAgesCount());
    assertEquals(3500, Durations.of(value.getLoginAgesOrThrow("1")).toMillis());
  }

  @Test
  void theListDoesNotConcernLoginsThatAreUnderWay() {
    list.saw(90);
    list.grant("1", 50, 0);
    assertEquals(49, list.parts(0).get(0).value().getAsOf());
    list.endLogin("1");
    assertEquals(90, list.parts(0).get(0).value().getAsOf());
  }

  @Test
  void aLoginThatNeverEndedIsDroppedAfterAMinute() {
    list.grant("1", 50, 0);
    list.grant("2", 51, 60_001);
    assertEquals(null, list.login("1"));
    assertEquals(51, list.login("2").generation);
  }

  private static Player player(String id, String server) {
    return Player.newBuilder().setId(id).setXuid(id).setName("Player" + id).setServer(server).build();
  }
}
