package kelpie.waterdogpe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonObject;
import java.util.UUID;
import kelpie.client.ConnectOptions;
import kelpie.client.Evicted;
import kelpie.client.KelpieClient;
import kelpie.client.PlayersOptions;
import kelpie.v1.NodeRole;
import kelpie.v1.PlayerLeaveReason;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An eviction may come late, on another thread than the answer to a login: a player may have logged in again meanwhile. No
 * coordinator is there, so players come in without a generation.
 */
@Timeout(30)
class SessionsTest {
  private static final String ID = "2535400000000001";

  private final KelpieClient client =
      KelpieClient.connect(
          ConnectOptions.builder("gate-1", NodeRole.NODE_ROLE_PROXY)
              .endpoints("127.0.0.1:1")
              .logger(line -> {})
              .players(PlayersOptions.builder(evicted -> {}).build())
              .build());
  private final Sessions sessions = new Sessions(client.players());
  private final HarnessProxy proxy = new HarnessProxy(Version.MASTER, null);

  @AfterEach
  void stop() {
    client.closeAsync();
    proxy.loop.shutdownNow();
  }

  private PlayerSession granted(long generation) {
    PlayerSession session = sessions.begin(new HarnessPlayer(proxy, "Eve", ID, UUID.randomUUID(), new JsonObject()));
    sessions.granted(session, generation, "");
    return session;
  }

  private PlayerSession joined(long generation) {
    PlayerSession session = granted(generation);
    sessions.arrived(session.player, "lobby-1");
    return session;
  }

  private void evict(long generation) {
    sessions.evicted(new Evicted(ID, generation, PlayerLeaveReason.PLAYER_LEAVE_REASON_REPLACED, "gone"));
  }

  @Test
  void theEndOfAPresenceWithoutAGrantLeavesANewerLoginIn() {
    PlayerSession older = joined(0);
    PlayerSession newer = granted(8);
    evict(0);
    assertEquals(PlayerSession.State.ENDED, older.state);
    assertEquals(PlayerSession.State.GRANTED, newer.state);
    sessions.arrived(newer.player, "lobby-1");
    evict(0);
    assertEquals(PlayerSession.State.JOINED, newer.state);
  }

  @Test
  void theEndOfAGrantLeavesANewerLoginWithoutOneIn() {
    PlayerSession older = joined(7);
    PlayerSession newer = granted(0);
    evict(7);
    assertEquals(PlayerSession.State.ENDED, older.state);
    assertEquals(PlayerSession.State.GRANTED, newer.state);
  }

  @Test
  void aLoginThatWaitsForItsAnswerStays() {
    PlayerSession asking = sessions.begin(new HarnessPlayer(proxy, "Eve", ID, UUID.randomUUID(), new JsonObject()));
    evict(7);
    evict(0);
    assertEquals(PlayerSession.State.ASKING, asking.state);
  }

  @Test
  void aPresenceEndsByItsGeneration() {
    PlayerSession in = joined(7);
    evict(6);
    assertEquals(PlayerSession.State.JOINED, in.state);
    evict(7);
    assertEquals(PlayerSession.State.ENDED, in.state);
  }

  /** The client has forgotten the grant, so it reported the player without one. */
  @Test
  void aPresenceWhoseGrantHasLapsedEndsWithoutAGeneration() {
    PlayerSession slow = granted(7);
    slow.grantedNanos -= 61_000_000_000L;
    sessions.arrived(slow.player, "lobby-1");
    evict(0);
    assertEquals(PlayerSession.State.ENDED, slow.state);
  }
}
