package kelpie.waterdogpe;

import static kelpie.waterdogpe.harness.Network.awaitScreen;
import static kelpie.waterdogpe.harness.Network.awaitServer;
import static kelpie.waterdogpe.harness.Network.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import dev.waterdog.waterdogpe.event.EventPriority;
import dev.waterdog.waterdogpe.event.defaults.PlayerLoginEvent;
import dev.waterdog.waterdogpe.utils.types.TextContainer;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import kelpie.v1.Player;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.Network;
import kelpie.waterdogpe.harness.Networks;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Logins, and the ends of connections, in every order that the proxy has. */
@Timeout(90)
@Execution(ExecutionMode.CONCURRENT)
class LoginTest {
  private static final Networks NETWORKS = new Networks(network -> {});
  private Network network;

  @BeforeEach
  void start() throws Exception {
    network = NETWORKS.take();
    network.server("lobby-1");
  }

  @AfterEach
  void clear() throws Exception {
    NETWORKS.giveBack(network);
  }

  @AfterAll
  static void stop() throws Exception {
    NETWORKS.close();
  }

  private HarnessProxy gate(Version version, String name, String... more) throws Exception {
    HarnessProxy proxy = network.proxy(version, name, more);
    awaitServer(proxy, "lobby-1");
    return proxy;
  }

  private static void healthy(HarnessProxy proxy) {
    assertEquals(List.of(), proxy.faults);
    assertEquals(List.of(), proxy.events.thrown);
  }

  @ParameterizedTest
  @EnumSource
  void aPlayerJoinsIsListedAndLeaves(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    JsonObject data = new JsonObject();
    data.addProperty("LanguageCode", "de_DE");
    data.addProperty("CurrentInputMode", 2);
    HarnessPlayer steve =
        gate.login(new HarnessPlayer(gate, "Steve", "2535400000000001", UUID.randomUUID(), data));
    Player row = network.awaitOn(steve, "lobby-1");
    assertEquals("gate-1", row.getProxy());
    assertEquals("de_DE", row.getLanguage());
    assertEquals("touch", row.getDevice().getInput());
    assertEquals("203.0.113.7", row.getAddress());
    assertEquals(766, row.getProtocolVersion());
    assertTrue(row.getGeneration() > 0);
    steve.quit();
    network.awaitGone(steve);
    healthy(gate);
  }

  /** Offline mode: the XUID is empty, and the UUID is the id. */
  @ParameterizedTest
  @EnumSource
  void aPlayerOfOfflineModeIsKnownByTheirUuid(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    HarnessPlayer ann = gate.login("Ann", "");
    assertEquals(ann.getUniqueId().toString(), network.awaitOn(ann, "lobby-1").getId());
    ann.quit();
    network.awaitGone(ann);
  }

  /** Trap 5: across proxies the proxy has nothing. The older client is silent, so the newer login wins. */
  @ParameterizedTest
  @EnumSource
  void aLoginOnAnotherProxyTakesASilentPlayerAway(Version version) throws Exception {
    HarnessProxy one = gate(version, "gate-1");
    HarnessProxy two = gate(version, "gate-2");
    HarnessPlayer older = one.login("Eve", "2535400000000002");
    network.awaitOn(older, "lobby-1");
    TimeUnit.MILLISECONDS.sleep(2100); // the silence that the contract names
    HarnessPlayer newer = two.login("Eve", "2535400000000002");
    awaitScreen(older, "disconnect ");
    until(() -> network.online(newer).map(Player::getProxy).orElse("").equals("gate-2"));
    assertTrue(newer.isConnected());
    healthy(one);
    healthy(two);
  }

  /** The older client is there, so the newer login is refused, with the reason on its screen. */
  @ParameterizedTest
  @EnumSource
  void aLoginOnAnotherProxyIsRefusedWhileTheClientIsHeard(Version version) throws Exception {
    HarnessProxy one = gate(version, "gate-1");
    HarnessProxy two = gate(version, "gate-2");
    HarnessPlayer older = one.login("Eve", "2535400000000003");
    network.awaitOn(older, "lobby-1");
    CompletableFuture<Void> plays =
        CompletableFuture.runAsync(
            () -> {
              while (older.isConnected()) {
                older.sendsPacket();
                Thread.onSpinWait();
                try {
                  TimeUnit.MILLISECONDS.sleep(50);
                } catch (InterruptedException stop) {
                  return;
                }
              }
            });
    TimeUnit.MILLISECONDS.sleep(2100); // longer than the silence that the contract names
    HarnessPlayer newer = two.login("Eve", "2535400000000003");
    awaitScreen(newer, "disconnect ");
    assertTrue(older.isConnected());
    older.quit();
    plays.get(10, TimeUnit.SECONDS);
    // The refused login has left nothing behind: the player comes in now.
    network.awaitGone(older);
    HarnessPlayer again = two.login("Eve", "2535400000000003");
    network.awaitOn(again, "lobby-1");
  }

  /** Trap 5: the proxy kicks the older connection, whose events may come late. */
  @ParameterizedTest
  @EnumSource
  void aSecondLoginHereReplacesTheFirstWhateverTheOrderOfTheEvents(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    HarnessPlayer older = gate.login("Tom", "2535400000000004");
    long first = network.awaitOn(older, "lobby-1").getGeneration();
    older.endsLate = true;
    HarnessPlayer newer = gate.login("Tom", "2535400000000004");
    until(() -> network.online(newer).map(Player::getGeneration).orElse(first) > first);
    long second = network.awaitOn(newer, "lobby-1").getGeneration();
    assertFalse(older.isConnected());
    // The newer one is in, and only now the end of the older one is told.
    older.tellEnd().get(10, TimeUnit.SECONDS);
    HarnessPlayer witness = gate.login("Witness", "2535400000000015");
    network.awaitOn(witness, "lobby-1"); // later than any report about Tom
    assertEquals(second, network.online(newer).orElseThrow().getGeneration());
    assertTrue(newer.isConnected());
    newer.quit();
    network.awaitGone(newer);
    healthy(gate);
  }

  /** A login that another plugin refuses after the grant, or whose client is gone, gives the grant back. */
  @ParameterizedTest
  @EnumSource
  void aLoginThatDiesBeforeItJoinedIsReleased(Version version) throws Exception {
    HarnessProxy one = gate(version, "gate-1");
    HarnessProxy two = gate(version, "gate-2", "policy", "deny-new");
    CompletableFuture<Void> held = new CompletableFuture<>();
    // Another plugin decides later than this one.
    one.events.subscribe(
        PlayerLoginEvent.class,
        event -> event.addCompletableFuture(held.thenRun(() -> cancel(event))),
        EventPriority.HIGHEST);
    HarnessPlayer refused = one.login("Max", "2535400000000005");
    TimeUnit.MILLISECONDS.sleep(300); // the grant of the first proxy comes first
    held.complete(null);
    awaitScreen(refused, "disconnect banned");
    // The grant may come back after the screen; until then the second proxy refuses the login.
    HarnessPlayer elsewhere = two.login("Max", "2535400000000005");
    for (int more = 0; more < 100 && !isIn(elsewhere); more++) elsewhere = two.login("Max", "2535400000000005");
    network.awaitOn(elsewhere, "lobby-1");
    healthy(one);
  }

  /** Whether the login came through, once that is decided. */
  private boolean isIn(HarnessPlayer player) throws Exception {
    until(() -> network.online(player).isPresent() || !player.screen.isEmpty());
    return network.online(player).isPresent();
  }

  private static void cancel(PlayerLoginEvent event) {
    event.setCancelReason("banned");
    event.setCancelled();
  }

  /** A login that another plugin has refused already asks the network for nobody. */
  @ParameterizedTest
  @EnumSource
  void aRefusedLoginTakesNobodyAway(Version version) throws Exception {
    HarnessProxy one = gate(version, "gate-1");
    HarnessProxy two = gate(version, "gate-2", "policy", "kick-old");
    HarnessPlayer older = one.login("Kim", "2535400000000006");
    network.awaitOn(older, "lobby-1");
    two.events.subscribe(PlayerLoginEvent.class, LoginTest::cancel);
    HarnessPlayer refused = two.login("Kim", "2535400000000006");
    awaitScreen(refused, "disconnect banned");
    assertTrue(older.isConnected());
    assertEquals("gate-1", network.online(older).orElseThrow().getProxy());
  }

  /** Trap 6: the event of a connection's end is missing. The next looks at the connection find it. */
  @ParameterizedTest
  @EnumSource
  void aGhostIsFound(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    HarnessPlayer ghost = gate.login("Ghost", "2535400000000007");
    network.awaitOn(ghost, "lobby-1");
    ghost.dieUnseen();
    network.awaitGone(ghost);
  }

  /** The end comes before the event of the first server: nobody is left online. */
  @ParameterizedTest
  @EnumSource
  void anEndThatComesFirstLeavesNobodyOnline(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    for (int round = 0; round < 20; round++) {
      HarnessPlayer brief = gate.login("Brief", "2535400000000008");
      until(() -> brief.getServerInfo() != null);
      brief.quit();
    }
    HarnessPlayer last = gate.login("Last", "2535400000000009");
    network.awaitOn(last, "lobby-1");
    until(() -> network.roster().playerCount() == 1);
    healthy(gate);
  }

  /** The proxy disconnects a player in their login only after the event: the plugin must not wait for it. */
  @ParameterizedTest
  @EnumSource
  void aPlayerWhoLeavesDuringTheLoginIsReleased(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    CompletableFuture<Void> held = new CompletableFuture<>();
    gate.events.subscribe(PlayerLoginEvent.class, event -> event.addCompletableFuture(held));
    HarnessPlayer fast = gate.login("Fast", "2535400000000010");
    fast.disconnect(new TextContainer("quit"));
    held.complete(null);
    awaitScreen(fast, "disconnect quit");
    HarnessProxy two = gate(version, "gate-2", "policy", "deny-new");
    HarnessPlayer again = two.login("Fast", "2535400000000010");
    network.awaitOn(again, "lobby-1");
  }

  /** Trap 4: plugins are disabled first. The goodbye takes all players off at once. */
  @ParameterizedTest
  @EnumSource
  void theGoodbyeComesBeforeThePlayersLeave(Version version) throws Exception {
    HarnessProxy gate = gate(version, "gate-1");
    HarnessPlayer stays = gate.login("Stays", "2535400000000014");
    network.awaitOn(stays, "lobby-1");
    gate.shutdown();
    // No grace of 15 s: the node has left.
    until(() -> network.roster().node("gate-1").isEmpty());
    network.awaitGone(stays);
    assertFalse(stays.isConnected());
    healthy(gate);
  }
}
