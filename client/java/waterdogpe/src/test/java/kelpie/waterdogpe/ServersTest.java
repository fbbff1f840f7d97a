package kelpie.waterdogpe;

import static kelpie.waterdogpe.harness.Network.awaitServer;
import static kelpie.waterdogpe.harness.Network.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.waterdog.waterdogpe.event.defaults.ProxyPingEvent;
import dev.waterdog.waterdogpe.event.defaults.ProxyQueryEvent;
import dev.waterdog.waterdogpe.network.serverinfo.ServerInfo;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import kelpie.client.KelpieClient;
import kelpie.v1.Address;
import kelpie.v1.FallbackReason;
import kelpie.v1.NodeChange;
import kelpie.v1.Player;
import kelpie.v1.RoutingCondition;
import kelpie.v1.RoutingOccasion;
import kelpie.v1.RoutingRule;
import kelpie.v1.RoutingTable;
import kelpie.v1.ServerSelector;
import kelpie.v1.SetRoutingRequest;
import kelpie.waterdogpe.harness.HarnessPlayer;
import kelpie.waterdogpe.harness.HarnessProxy;
import kelpie.waterdogpe.harness.Network;
import kelpie.waterdogpe.harness.Version;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The servers of the network as servers of the proxy, the routes of players, and the counts. */
@Timeout(90)
class ServersTest {
  private static Network network;

  @BeforeAll
  static void start() throws Exception {
    network = new Network();
  }

  @AfterAll
  static void stop() throws Exception {
    network.close();
  }

  @AfterEach
  void clear() throws Exception {
    network.clear();
    rules(RoutingTable.getDefaultInstance());
  }

  @Test
  void serversComeChangeAndGo() throws Exception {
    HarnessProxy gate = network.proxy(Version.MASTER, "gate-1");
    KelpieClient lobby = network.server("lobby-1");
    awaitServer(gate, "lobby-1");
    assertEquals(19133, gate.getServerInfo("LOBBY-1").getAddress().getPort());
    Address other = Address.newBuilder().setHost("127.0.0.1").setPort(19144).build();
    lobby.update(NodeChange.newBuilder().setAddress(other).build()).get(15, TimeUnit.SECONDS);
    until(() -> gate.getServerInfo("lobby-1") != null && gate.getServerInfo("lobby-1").getAddress().getPort() == 19144);
    lobby.close();
    until(() -> gate.getServerInfo("lobby-1") == null);
    assertEquals(List.of(), gate.faults);
  }

  /** Servers of config.yml need not be nodes, and are never removed; not even one with the name of a node. */
  @Test
  void serversOfTheProxysOwnConfigStay() throws Exception {
    HarnessProxy gate = network.prepared(Version.MASTER, "gate-1");
    ServerInfo own = gate.configServer("Lobby-1", 19500);
    ServerInfo alone = gate.configServer("alone", 19501);
    network.started(gate, "gate-1");
    KelpieClient node = network.server("lobby-1");
    network.server("lobby-2");
    awaitServer(gate, "lobby-2");
    node.close();
    until(() -> network.roster().node("lobby-1").isEmpty());
    network.server("lobby-3");
    awaitServer(gate, "lobby-3");
    assertSame(own, gate.getServerInfo("lobby-1"));
    assertSame(alone, gate.getServerInfo("alone"));
  }

  /** A server that nobody registered: the network keeps its name, and marks it. */
  @ParameterizedTest
  @EnumSource
  void withoutANodeThePlayerComesToAServerOfTheConfig(Version version) throws Exception {
    HarnessProxy gate = network.prepared(version, "gate-1");
    gate.configServer("OldLobby", 19500);
    gate.configServer("spare", 19501);
    network.started(gate, "gate-1");
    HarnessPlayer ann = gate.login("Ann", "2535400000000101");
    Player row = network.awaitOn(ann, "oldlobby");
    assertTrue(row.getServerUnregistered());
    gate.serverFails("OldLobby", "timeout");
    network.awaitOn(ann, "spare");
  }

  @ParameterizedTest
  @EnumSource
  void theRoutingRulesChooseServers(Version version) throws Exception {
    HarnessProxy gate = network.prepared(version, "gate-1");
    gate.configServer("config-lobby", 19500);
    network.started(gate, "gate-1");
    network.server("lobby-1", options -> options.labels(Map.of("mode", "lobby")));
    network.server("lobby-2", options -> options.labels(Map.of("mode", "lobby")));
    network.server("vip-1", options -> options.labels(Map.of("mode", "vip")));
    network.server("limbo", options -> options.labels(Map.of("mode", "limbo")));
    for (String name : List.of("lobby-1", "lobby-2", "vip-1", "limbo")) awaitServer(gate, name);
    RoutingRule vip =
        rule("vip", "vip", RoutingCondition.newBuilder().addHosts("vip.example.org")).setPriority(2).build();
    RoutingRule kicked =
        rule(
                "kicked",
                "limbo",
                RoutingCondition.newBuilder()
                    .addOccasions(RoutingOccasion.ROUTING_OCCASION_FALLBACK)
                    .addFallbackReasons(FallbackReason.FALLBACK_REASON_SERVER_KICK))
            .setPriority(3)
            .build();
    RoutingRule rest = rule("rest", "lobby", RoutingCondition.newBuilder()).build();
    rules(RoutingTable.newBuilder().addRules(vip).addRules(kicked).addRules(rest).build());
    until(() -> network.roster().routing().size() == 3);
    // The proxy's copy has come when its picks follow the rules: a host decides.
    HarnessPlayer rich = new HarnessPlayer(gate, "Rich", "2535400000000102", java.util.UUID.randomUUID(), new com.google.gson.JsonObject());
    rich.host = "vip.example.org";
    gate.login(rich);
    network.awaitOn(rich, "vip-1");
    // Players who join at once are spread, also before the network shows them.
    HarnessPlayer one = gate.login("One", "2535400000000103");
    HarnessPlayer two = gate.login("Two", "2535400000000104");
    until(() -> network.online(one).isPresent() && network.online(two).isPresent());
    until(() -> serverOf(one).startsWith("lobby") && serverOf(two).startsWith("lobby"));
    assertTrue(!serverOf(one).equals(serverOf(two)), serverOf(one));
    // A lost server, and a kick: two reasons, two rules.
    String lost = serverOf(one);
    gate.serverFails(lost, "timeout");
    network.awaitOn(one, lost.equals("lobby-1") ? "lobby-2" : "lobby-1");
    gate.serverFails(serverOf(one), "server_kick");
    network.awaitOn(one, "limbo");
    assertEquals(List.of(), gate.faults);
    assertEquals(List.of(), gate.events.thrown);
  }

  private static String serverOf(HarnessPlayer player) {
    return network.online(player).map(Player::getServer).orElse("");
  }

  private static RoutingRule.Builder rule(String name, String mode, RoutingCondition.Builder when) {
    return RoutingRule.newBuilder()
        .setName(name)
        .setWhen(when)
        .setTo(ServerSelector.newBuilder().putLabels("mode", mode));
  }

  private static void rules(RoutingTable table) throws Exception {
    network
        .desk
        .calls()
        .routing()
        .setRouting(SetRoutingRequest.newBuilder().setTable(table).build())
        .get(15, TimeUnit.SECONDS);
  }

  /** The handlers of the proxy's config are set after onStartup, and come back when the plugin ends. */
  @Test
  void theProxysOwnHandlersComeBack() throws Exception {
    HarnessProxy gate = network.proxy(Version.MASTER, "gate-1", "route", "true");
    Object ours = gate.getJoinHandler();
    assertSame(ours, gate.getReconnectHandler());
    gate.shutdown();
    assertTrue(gate.getJoinHandler() != ours && gate.getReconnectHandler() != ours);
  }

  @Test
  void withoutRouteTheProxyDecides() throws Exception {
    HarnessProxy gate = network.prepared(Version.MASTER, "gate-1", "route", "false");
    gate.configServer("config-lobby", 19500);
    network.started(gate, "gate-1");
    network.server("lobby-1");
    awaitServer(gate, "lobby-1");
    HarnessPlayer ann = gate.login("Ann", "2535400000000105");
    network.awaitOn(ann, "config-lobby");
  }

  /** The proxy ignores the count 0, and shows its own list then. */
  @Test
  void pingsAndQueriesShowTheWholeNetwork() throws Exception {
    HarnessProxy one = network.proxy(Version.MASTER, "gate-1");
    HarnessProxy two = network.proxy(Version.MASTER, "gate-2");
    network.server("lobby-1");
    awaitServer(one, "lobby-1");
    awaitServer(two, "lobby-1");
    HarnessPlayer ann = one.login("Ann", "2535400000000106");
    HarnessPlayer bea = two.login("Bea", "2535400000000107");
    network.awaitOn(ann, "lobby-1");
    network.awaitOn(bea, "lobby-1");
    until(() -> ping(one).getPlayerCount() == 2 && ping(two).getPlayerCount() == 2);
    assertEquals(40, ping(one).getMaximumPlayerCount());
    ProxyQueryEvent query = new ProxyQueryEvent(one.getPlayers().values(), 20);
    one.events.call(query);
    assertEquals(2, query.getPlayerCount());
    bea.quit();
    ann.quit();
    until(() -> ping(two).getPlayerCount() == 0 && ping(one).getPlayerCount() == 0);
    // A ghost in the proxy's own table does not come back by the count 0.
    ProxyPingEvent ghost = new ProxyPingEvent(List.of(ann), 20);
    one.events.call(ghost);
    assertEquals(0, ghost.getPlayerCount());
    assertEquals(List.of(), one.faults);
  }

  private static ProxyPingEvent ping(HarnessProxy proxy) {
    ProxyPingEvent ping = new ProxyPingEvent(proxy.getPlayers().values(), 20);
    proxy.events.call(ping);
    return ping;
  }

  /** A server whose host has no address does not hold up the others. */
  @Test
  void aHostWithoutAnAddressHoldsUpNobody() throws Exception {
    HarnessProxy gate = network.proxy(Version.MASTER, "gate-1");
    network.server("ghost", options -> options.address("no-such-host.invalid", 19132));
    network.server("lobby-1");
    awaitServer(gate, "lobby-1");
    // The rules name "ghost" first: it has no players, and its name comes first. Then they choose again.
    HarnessPlayer ann = gate.login("Ann", "2535400000000108");
    network.awaitOn(ann, "lobby-1");
    assertEquals(List.of(), gate.faults);
  }
}
