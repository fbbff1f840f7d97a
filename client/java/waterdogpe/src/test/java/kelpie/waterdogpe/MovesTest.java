package kelpie.waterdogpe;

import static kelpie.waterdogpe.harness.Network.awaitScreen;
import static kelpie.waterdogpe.harness.Network.awaitServer;
import static kelpie.waterdogpe.harness.Network.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.waterdog.waterdogpe.event.defaults.ServerTransferRequestEvent;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import kelpie.client.CommandResult;
import kelpie.client.CommandType;
import kelpie.client.Destination;
import kelpie.client.IssueOptions;
import kelpie.client.KelpieClient;
import kelpie.client.KelpieException;
import kelpie.client.Reason;
import kelpie.client.Target;
import kelpie.client.TransferOptions;
import kelpie.client.TransferStep;
import kelpie.v1.Player;
import kelpie.v1.RoutingCondition;
import kelpie.v1.RoutingOccasion;
import kelpie.v1.RoutingRule;
import kelpie.v1.RoutingTable;
import kelpie.v1.ServerSelector;
import kelpie.v1.SetRoutingRequest;
import kelpie.v1.TransferPlayerCommand;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.HarnessServer;
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

/** Transfers that the network asks for. The proxy itself reports nothing about one that it does not begin. */
@Timeout(90)
@Execution(ExecutionMode.CONCURRENT)
class MovesTest {
  private static final Networks NETWORKS = new Networks(MovesTest::setRouting);
  private Network network;

  private static void setRouting(Network network) throws Exception {
    // Players come to lobby-1, and may be moved anywhere.
    RoutingRule joins =
        RoutingRule.newBuilder()
            .setName("joins")
            .setWhen(RoutingCondition.newBuilder().addOccasions(RoutingOccasion.ROUTING_OCCASION_JOIN))
            .setTo(ServerSelector.newBuilder().addNames("lobby-1"))
            .build();
    RoutingTable table =
        RoutingTable.newBuilder().addRules(joins).addRules(RoutingRule.newBuilder().setName("rest")).build();
    network
        .desk
        .calls()
        .routing()
        .setRouting(SetRoutingRequest.newBuilder().setTable(table).build())
        .get(15, TimeUnit.SECONDS);
  }

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

  private HarnessProxy gate(Version version, String... more) throws Exception {
    HarnessProxy proxy = network.proxy(version, "gate-1", more);
    awaitServer(proxy, "lobby-1");
    return proxy;
  }

  private HarnessPlayer player(HarnessProxy gate, String name) throws Exception {
    HarnessPlayer player = gate.login(name, "25354111" + Math.abs(name.hashCode() % 100_000));
    network.awaitOn(player, "lobby-1");
    return player;
  }

  private void addServer(HarnessProxy gate, String name) throws Exception {
    network.server(name);
    awaitServer(gate, name);
  }

  private CompletableFuture<TransferStep> move(HarnessPlayer player, String server, int seconds) {
    TransferOptions options = TransferOptions.DEFAULT.timeout(Duration.ofSeconds(seconds));
    return network.desk.transfers().move(player.getXuid(), Destination.server(server), options);
  }

  private static KelpieException failure(CompletableFuture<?> future) {
    ExecutionException error =
        assertThrows(ExecutionException.class, () -> future.get(40, TimeUnit.SECONDS));
    return KelpieClient.errorOf(error);
  }

  @ParameterizedTest
  @EnumSource
  void aPlayerIsMovedAndArrives(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    HarnessPlayer sue = player(gate, "Sue");
    move(sue, "arena", 20).get(30, TimeUnit.SECONDS);
    assertEquals("arena", network.awaitOn(sue, "arena").getServer());
    assertEquals(List.of(), sue.screen);
    assertEquals(List.of(), gate.faults);
  }

  /** The transfer is complete when the client has acknowledged it, and not before: the server is the player's already. */
  @ParameterizedTest
  @EnumSource
  void aTransferWaitsForTheClient(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    HarnessPlayer slow = player(gate, "Slow");
    slow.acknowledges = false;
    CompletableFuture<TransferStep> moved = move(slow, "arena", 30);
    until(() -> slow.getServerInfo().getServerName().equals("arena"));
    TimeUnit.MILLISECONDS.sleep(2500); // longer than the looks of the plugin at its players
    assertFalse(moved.isDone());
    assertEquals("lobby-1", network.online(slow).orElseThrow().getServer());
    // Trap 1: another transfer in between would be denied with a line of chat.
    addServer(gate, "broken");
    KelpieException busy = failure(move(slow, "broken", 5));
    assertTrue(
        busy.reason() == Reason.TRANSFER_IN_PROGRESS || busy.reason() == Reason.REJECTED_BY_PROXY, busy.toString());
    slow.acknowledge(slow.getServerInfo());
    moved.get(30, TimeUnit.SECONDS);
    network.awaitOn(slow, "arena");
  }

  /** The command of somebody else is refused, and the proxy still reports the end of the transfer under way. */
  @ParameterizedTest
  @EnumSource
  void aRefusedTransferDoesNotForgetTheOneUnderWay(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    HarnessPlayer two = player(gate, "Two");
    two.acknowledges = false;
    CompletableFuture<List<CommandResult<Void>>> first = command(two, "arena");
    until(() -> two.getServerInfo().getServerName().equals("arena"));
    KelpieException busy = command(two, "lobby-1").get(20, TimeUnit.SECONDS).get(0).error().orElseThrow();
    assertTrue(busy.getMessage().contains("under way"), busy.getMessage());
    two.acknowledge(two.getServerInfo());
    assertEquals(Optional.empty(), first.get(20, TimeUnit.SECONDS).get(0).error());
  }

  private CompletableFuture<List<CommandResult<Void>>> command(HarnessPlayer player, String server) {
    TransferPlayerCommand asked =
        TransferPlayerCommand.newBuilder().setPlayer(network.ref(player)).setServer(server).build();
    IssueOptions options = new IssueOptions(Duration.ofSeconds(15), 1, Map.of());
    return network.desk.issue(Target.node("gate-1"), CommandType.TRANSFER_PLAYER, asked, options).results();
  }

  /** Trap 1: the proxy refuses with a line of chat alone what it does already. The plugin joins in. */
  @ParameterizedTest
  @EnumSource
  void aTransferThatTheProxyHasBegunItselfCounts(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    HarnessPlayer kim = player(gate, "Kim");
    kim.acknowledges = false;
    kim.connect(gate.getServerInfo("arena"));
    CompletableFuture<TransferStep> moved = move(kim, "arena", 20);
    until(() -> kim.getServerInfo().getServerName().equals("arena"));
    TimeUnit.MILLISECONDS.sleep(500);
    kim.acknowledge(kim.getServerInfo());
    moved.get(30, TimeUnit.SECONDS);
    assertEquals(List.of(), kim.screen, "no denial reached the player");
  }

  /** Trap 2: a veto of another plugin ends without any event. */
  @ParameterizedTest
  @EnumSource
  void aVetoOfAnotherPluginIsReported(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    HarnessPlayer vic = player(gate, "Vic");
    gate.events.subscribe(ServerTransferRequestEvent.class, ServerTransferRequestEvent::setCancelled);
    KelpieException error = failure(move(vic, "arena", 30));
    assertEquals(Reason.REJECTED_BY_PROXY, error.reason());
    assertTrue(error.getMessage().contains("another plugin stopped the transfer"), error.getMessage());
    assertEquals("lobby-1", network.online(vic).orElseThrow().getServer());
  }

  /** Trap 2: master has an event for it and the player stays; v2.0.3 has none, and needs a third server. */
  @ParameterizedTest
  @EnumSource
  void aServerThatCannotBeReachedIsReported(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "broken");
    addServer(gate, "arena");
    gate.behave("broken", HarnessServer.Behaviour.REFUSES);
    HarnessPlayer bob = player(gate, "Bob");
    KelpieException error = failure(move(bob, "broken", 30));
    assertEquals(Reason.REJECTED_BY_PROXY, error.reason());
    assertTrue(bob.isConnected(), "the player is still in the network");
    network.awaitOn(bob, version == Version.MASTER ? "lobby-1" : "arena");
    assertEquals(List.of(), gate.faults);
  }

  /** Nothing comes at all: the plugin's own deadline is earlier than that of the network. */
  @ParameterizedTest
  @EnumSource
  void aServerThatNeverAnswersEndsInTime(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    gate.behave("arena", HarnessServer.Behaviour.HANGS);
    HarnessPlayer pat = player(gate, "Pat");
    KelpieException error = failure(move(pat, "arena", 2));
    assertTrue(
        error.reason() == Reason.TIMED_OUT || error.reason() == Reason.REJECTED_BY_PROXY, error.toString());
    assertTrue(pat.isConnected());
  }

  @ParameterizedTest
  @EnumSource
  void aPlayerWhoQuitsEndsTheirTransfer(Version version) throws Exception {
    HarnessProxy gate = gate(version);
    addServer(gate, "arena");
    gate.behave("arena", HarnessServer.Behaviour.HANGS);
    HarnessPlayer joe = player(gate, "Joe");
    CompletableFuture<TransferStep> moved = move(joe, "arena", 30);
    until(() -> !joe.getPendingServers().isEmpty());
    joe.quit();
    assertEquals(Reason.PLAYER_QUIT, failure(moved).reason());
  }

  /** A move to another proxy: its public address, and there the server of the ticket, before a forced host. */
  @ParameterizedTest
  @EnumSource
  void aPlayerComesToAnotherProxyAndToTheServerOfTheirTicket(Version version) throws Exception {
    HarnessProxy one = gate(version);
    HarnessProxy two = network.proxy(version, "gate-2", "public-address", "localhost:19200");
    addServer(one, "arena");
    awaitServer(two, "arena");
    awaitServer(two, "lobby-1");
    ServerInfo forced = two.configServer("forced", 19999);
    two.forcedHosts.put("play.example.org", forced);
    HarnessPlayer max = player(one, "Max");
    CompletableFuture<TransferStep> moved =
        network
            .desk
            .transfers()
            .move(max.getXuid(), Destination.proxy("gate-2", "arena"), TransferOptions.DEFAULT.timeout(Duration.ofSeconds(30)));
    String redirect = awaitScreen(max, "redirect ");
    assertEquals("redirect " + (version == Version.MASTER ? "localhost" : "127.0.0.1") + ":19200", redirect);
    // The client connects to the next proxy before the older one has seen that it left.
    HarnessPlayer arrived =
        two.login(new HarnessPlayer(two, max.getName(), max.getXuid(), max.getUniqueId(), new com.google.gson.JsonObject()));
    Player row = network.awaitOn(arrived, "arena");
    assertEquals("gate-2", row.getProxy());
    moved.get(30, TimeUnit.SECONDS);
    until(() -> !max.isConnected());
    assertTrue(arrived.isConnected());
    assertEquals(List.of(), one.faults);
    // The ticket counts once: the next login goes to the forced host.
    arrived.quit();
    network.awaitGone(arrived);
    HarnessPlayer again = two.login(max.getName(), max.getXuid());
    network.awaitOn(again, "forced");
  }

  @ParameterizedTest
  @EnumSource
  void aServerThatTheProxyDoesNotHaveIsNamed(Version version) throws Exception {
    HarnessProxy gate = gate(version, "register-servers", "true");
    // No address: no proxy can connect to it.
    KelpieClient hidden = network.hiddenServer("hidden");
    HarnessPlayer amy = player(gate, "Amy");
    KelpieException error = failure(move(amy, "hidden", 10));
    assertEquals(Reason.REJECTED_BY_PROXY, error.reason());
    assertTrue(error.getMessage().contains("no server hidden"), error.getMessage());
    hidden.close();
  }
}
