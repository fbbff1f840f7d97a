package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.GetPlayerRequest;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.NetworkSettings;
import kelpie.v1.NodeRole;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;
import kelpie.v1.PlayerDenialReason;
import kelpie.v1.PlayerLeaveReason;
import kelpie.v1.PlayerLookup;
import kelpie.v1.PlayerRef;
import kelpie.v1.SetSettingsRequest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The players of a proxy, against a real coordinator. */
@Timeout(30)
class ProxyPlayersTest {
  private static Kelpied kelpied;
  private static int count;

  private final List<KelpieClient> clients = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    kelpied = Kelpied.dev();
  }

  @AfterAll
  static void stop() throws Exception {
    kelpied.close();
  }

  @AfterEach
  void close() {
    clients.forEach(KelpieClient::close);
  }

  /** A proxy of the network, and what it evicted. */
  private final class Gate {
    final Awaited<Evicted> evicted = new Awaited<>();
    final Map<String, Duration> heard = new ConcurrentHashMap<>();
    final Map<String, Integer> latencies = new ConcurrentHashMap<>();
    final KelpieClient client;
    final Players players;

    Gate(Kelpied at, UnaryOperator<PlayersOptions.Builder> more) throws Exception {
      PlayersOptions.Builder options =
          PlayersOptions.builder(evicted)
              .verify(id -> Optional.ofNullable(heard.get(id)))
              .latencies(() -> latencies);
      client =
          KelpieClient.connect(
              ConnectOptions.builder("gate-" + ++count, NodeRole.NODE_ROLE_PROXY)
                  .endpoints(at.endpoint)
                  .players(more.apply(options).build())
                  .rosterPlayers(true)
                  .build());
      clients.add(client);
      players = client.players();
      get(client.ready());
    }

    Acquired.Granted grant(Player player) throws Exception {
      return assertInstanceOf(Acquired.Granted.class, get(players.acquire(player)));
    }

    void in(Player player) throws Exception {
      grant(player);
      get(players.joined(player));
    }
  }

  private Gate gate() throws Exception {
    return new Gate(kelpied, options -> options);
  }

  private static Player player(String name) {
    return Player.newBuilder().setXuid("2535400" + (1_000_000 + ++count)).setName(name + count).build();
  }

  private static String idOf(Player player) {
    return player.getXuid();
  }

  private static Player row(KelpieClient client, Player player) {
    return rowOf(client, player).orElseThrow(() -> new AssertionError(player.getName() + " is not online"));
  }

  /** The row of the coordinator; empty if the player is not online. */
  private static Optional<Player> rowOf(KelpieClient client, Player player) {
    PlayerLookup lookup = PlayerLookup.newBuilder().setId(idOf(player)).build();
    GetPlayerRequest request = GetPlayerRequest.newBuilder().setPlayer(lookup).build();
    try {
      return Optional.of(client.calls().players().getPlayer(request).get(15, TimeUnit.SECONDS).getPlayer());
    } catch (Exception error) {
      assertEquals(Reason.PLAYER_NOT_FOUND, KelpieClient.errorOf(error).reason());
      return Optional.empty();
    }
  }

  private static void until(BooleanSupplier holds) throws InterruptedException {
    for (int look = 0; look < 1500; look++) {
      if (holds.getAsBoolean()) return;
      TimeUnit.MILLISECONDS.sleep(10);
    }
    throw new AssertionError("it did not come true in time");
  }

  @Test
  void aPlayerComesMovesChangesAndLeaves() throws Exception {
    Gate gate = gate();
    Player steve = player("Steve");
    assertTrue(gate.grant(steve).generation() > 0);
    assertEquals(0, gate.players.size());
    get(gate.players.joined(steve));
    get(gate.players.moved(idOf(steve), "Lobby-X"));
    get(gate.players.changed(idOf(steve), PlayerChange.newBuilder().putProperties("rank", "vip").build()));
    Player row = row(gate.client, steve);
    assertEquals("lobby-x", row.getServer());
    assertTrue(row.getServerUnregistered());
    assertEquals("vip", row.getPropertiesOrThrow("rank"));
    assertEquals("lobby-x", gate.players.get(idOf(steve)).orElseThrow().getServer());
    until(() -> gate.client.roster().player(idOf(steve)).isPresent());
    get(gate.players.left(idOf(steve), PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT));
    assertEquals(0, gate.players.size());
    until(() -> gate.client.roster().player(idOf(steve)).isEmpty());
    assertEquals(Reason.PLAYER_NOT_FOUND, failure(gate.players.moved(idOf(steve), "lobby")).reason());
    assertEquals(0, gate.evicted.waiting());
  }

  @Test
  void aLoginElsewhereIsDecidedByThePolicyAndBySilence() throws Exception {
    Gate one = gate();
    Gate two = gate();
    Player alex = player("Alex");
    one.in(alex);
    Acquired.Denied denied =
        assertInstanceOf(
            Acquired.Denied.class,
            get(two.players.acquire(alex, DuplicatePolicy.DUPLICATE_POLICY_DENY_NEW)));
    assertEquals(PlayerDenialReason.PLAYER_DENIAL_REASON_ONLINE, denied.reason());
    assertEquals(one.client.name(), denied.proxy());
    // Heard just now: the new login is denied.
    one.heard.put(idOf(alex), Duration.ofMillis(50));
    assertInstanceOf(Acquired.Denied.class, get(two.players.acquire(alex)));
    // Silent for long: the new login wins.
    one.heard.put(idOf(alex), Duration.ofSeconds(9));
    two.in(alex);
    Evicted evicted = one.evicted.next();
    assertEquals(idOf(alex), evicted.id());
    assertEquals(PlayerLeaveReason.PLAYER_LEAVE_REASON_REPLACED, evicted.reason());
    assertEquals(0, one.players.size());
    assertEquals(two.client.name(), row(one.client, alex).getProxy());
  }

  @Test
  void aReleasedLoginIsFreeAtOnce() throws Exception {
    Gate one = gate();
    Gate two = gate();
    Player eve = player("Eve");
    one.heard.put(idOf(eve), Duration.ZERO);
    one.grant(eve);
    assertInstanceOf(Acquired.Denied.class, get(two.players.acquire(eve)));
    get(one.players.release(idOf(eve)));
    two.in(eve);
    assertEquals(0, one.evicted.waiting());
  }

  @Test
  void aLoginThatIsReleasedBeforeItsAnswerIsGivenBack() throws Exception {
    Gate one = gate();
    Gate two = gate();
    Player tom = player("Tom");
    CompletableFuture<Acquired> asked = one.players.acquire(tom);
    get(one.players.release(idOf(tom)));
    Acquired acquired = get(asked);
    if (acquired instanceof Acquired.Denied denied) assertEquals("The login was cancelled.", denied.text());
    one.heard.put(idOf(tom), Duration.ZERO);
    two.in(tom);
  }

  @Test
  void aSecondLoginHereEndsTheFirst() throws Exception {
    Gate gate = gate();
    Player sue = player("Sue");
    long first = gate.grant(sue).generation();
    get(gate.players.joined(sue));
    long second = gate.grant(sue).generation();
    assertTrue(second > first);
    Evicted evicted = gate.evicted.next();
    assertEquals(first, evicted.generation());
    get(gate.players.left(idOf(sue), PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT));
    get(gate.players.joined(sue));
    assertEquals(second, row(gate.client, sue).getGeneration());
  }

  @Test
  void theListAfterANewStreamSettlesWhatHappenedMeanwhile(@TempDir Path data) throws Exception {
    int port = Kelpied.freePort();
    Kelpied first = Kelpied.in(data, port);
    Gate gate = new Gate(first, options -> options);
    Player stays = player("Stays");
    Player goes = player("Goes");
    Player comes = player("Comes");
    gate.in(stays);
    gate.in(goes);
    first.kill();
    until(() -> gate.client.connectionState() == ConnectionState.AWAY);
    get(gate.players.left(idOf(goes), PlayerLeaveReason.PLAYER_LEAVE_REASON_QUIT));
    get(gate.players.moved(idOf(stays), "arena"));
    get(gate.players.changed(idOf(stays), PlayerChange.newBuilder().putProperties("kit", "7").build()));
    assertEquals(0, gate.grant(comes).generation());
    get(gate.players.joined(comes));
    try (Kelpied second = Kelpied.in(data, port)) {
      until(() -> gate.client.connectionState() == ConnectionState.CONNECTED);
      // The list goes out after the state has changed.
      until(() -> row(gate.client, stays).getServer().equals("arena"));
      until(() -> gate.client.pending() == 0);
      assertEquals("7", row(gate.client, stays).getPropertiesOrThrow("kit"));
      assertTrue(row(gate.client, comes).getGeneration() > 0);
      assertEquals(Optional.empty(), rowOf(gate.client, goes));
      assertEquals(2, gate.players.size());
      assertEquals(0, gate.evicted.waiting());
      gate.client.close();
    }
  }

  /**
   * A proxy that waits less long than the coordinator lets the player in. The grant that comes then settles them, before
   * or after their join.
   */
  @Test
  void aLateGrantSettlesThePlayerWhoWasLetIn() throws Exception {
    Gate holder =
        new Gate(
            kelpied,
            options ->
                options.verify(
                    id -> {
                      sleep(Duration.ofMillis(600));
                      return Optional.of(Duration.ZERO);
                    }));
    Gate gate = new Gate(kelpied, options -> options.acquireTimeout(Duration.ofMillis(50)));
    Player before = player("Before");
    Player after = player("After");
    for (Player one : List.of(before, after)) {
      holder.in(one);
      assertEquals(0, gate.grant(one).generation());
      // The grant evicts the older login.
      if (one == before) holder.evicted.next();
      get(gate.players.joined(one));
      assertEquals(gate.client.name(), row(gate.client, one).getProxy());
    }
    assertEquals(0, gate.evicted.waiting());
    until(() -> gate.client.pending() == 0);
  }

  private static void sleep(Duration time) {
    try {
      TimeUnit.MILLISECONDS.sleep(time.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void withoutACoordinatorTheOptionDecides() throws Exception {
    Kelpied lost = Kelpied.dev();
    Gate closed = new Gate(lost, options -> options.openWhenAway(false));
    Gate open = new Gate(lost, options -> options);
    lost.close();
    until(() -> closed.client.connectionState() == ConnectionState.AWAY);
    until(() -> open.client.connectionState() == ConnectionState.AWAY);
    assertInstanceOf(Acquired.Denied.class, get(closed.players.acquire(player("Max"))));
    assertEquals(0, open.grant(player("Max")).generation());
    // Also after the end of the client, whose loop runs nothing any more.
    open.client.close();
    closed.client.close();
    assertEquals(0, open.grant(player("Max")).generation());
    assertInstanceOf(Acquired.Denied.class, get(closed.players.acquire(player("Max"))));
    assertEquals(Reason.CLOSED, failure(open.players.joined(player("Max"))).reason());
  }

  @Test
  void inMaintenanceOnlyTheAllowedComeIn() throws Exception {
    try (Kelpied own = Kelpied.dev()) {
      Gate gate = new Gate(own, options -> options);
      Player allowed = player("Admin");
      Player other = player("Other");
      gate.in(other);
      setMaintenance(gate.client, "Back at 20:00", allowed.getName().toUpperCase(java.util.Locale.ROOT));
      until(() -> gate.client.roster().settings().getMaintenance());
      Acquired.Denied denied =
          assertInstanceOf(Acquired.Denied.class, get(gate.players.acquire(player("New"))));
      assertEquals("Back at 20:00", denied.text());
      assertEquals(PlayerDenialReason.PLAYER_DENIAL_REASON_MAINTENANCE, denied.reason());
      gate.grant(allowed);
      // While the coordinator is away, the roster has the settings.
      own.kill();
      until(() -> gate.client.connectionState() == ConnectionState.AWAY);
      denied = assertInstanceOf(Acquired.Denied.class, get(gate.players.acquire(player("New"))));
      assertEquals("Back at 20:00", denied.text());
      assertEquals(0, gate.grant(allowed).generation());
      assertEquals(0, gate.grant(other).generation(), "who is in already stays in the network");
      gate.client.close();
    }
  }

  private static void setMaintenance(KelpieClient client, String message, String allowed) throws Exception {
    NetworkSettings settings =
        NetworkSettings.newBuilder()
            .setMaintenance(true)
            .setMaintenanceMessage(message)
            .addAllowedPlayers(allowed)
            .build();
    SetSettingsRequest request = SetSettingsRequest.newBuilder().setSettings(settings).build();
    client.calls().network().setSettings(request).get(15, TimeUnit.SECONDS);
  }

  @Test
  void aKickReachesThePlayersWhoAreHere() throws Exception {
    Gate gate = gate();
    Player kim = player("Kim");
    gate.in(kim);
    Awaited<KickPlayersCommand> asked = new Awaited<>();
    gate.client.handle(
        CommandType.KICK_PLAYERS,
        (request, context) -> {
          asked.accept(request);
          return List.of();
        });
    try (KelpieClient desk = kelpied.ready("desk-" + ++count)) {
      PlayerRef here = refOf(row(desk, kim));
      PlayerRef stale = here.toBuilder().setGeneration(here.getGeneration() - 1).build();
      KickPlayersCommand kick =
          KickPlayersCommand.newBuilder().addPlayers(here).addPlayers(stale).setMessage("bye").build();
      until(() -> desk.roster().node(gate.client.name()).orElseThrow().getCommandsList().contains("kick_players"));
      desk.issue(Target.node(gate.client.name()), CommandType.KICK_PLAYERS, kick, IssueOptions.DEFAULT);
      assertEquals(List.of(here), asked.next().getPlayersList());
    }
  }

  @Test
  void latenciesReachTheCoordinator() throws Exception {
    Gate gate = gate();
    Player ann = player("Ann");
    gate.in(ann);
    gate.latencies.put(idOf(ann), 42);
    until(() -> row(gate.client, ann).getLatencyMs() == 42);
  }

  @Test
  void factsThatCannotBeAreRefused() throws Exception {
    Gate gate = gate();
    Player nobody = Player.newBuilder().setName("Nobody").build();
    assertEquals(Reason.PLAYER_INVALID, failure(gate.players.acquire(nobody)).reason());
    Player odd = player("Odd").toBuilder().setUuid("no uuid").build();
    assertEquals(Reason.PLAYER_INVALID, failure(gate.players.joined(odd)).reason());
    assertEquals(0, gate.players.size(), "a refused player does not count as online here");
    Player fine = player("Fine");
    gate.in(fine);
    PlayerChange large = PlayerChange.newBuilder().setContext(ByteString.copyFrom(new byte[20_000])).build();
    assertEquals(Reason.PLAYER_INVALID, failure(gate.players.changed(idOf(fine), large)).reason());
    assertEquals(0, gate.players.get(idOf(fine)).orElseThrow().getContext().size());
  }

  @Test
  void aNodeWithoutPlayersSaysSo() throws Exception {
    try (KelpieClient service = kelpied.ready("service-" + ++count)) {
      KelpieException error = assertThrows(KelpieException.class, () -> service.players().size());
      assertEquals(Reason.ROLE_HOLDS_NO_PLAYERS, error.reason());
    }
  }

  /** The order of one thread's reports about a player is the order of their results, whatever their number. */
  @Test
  void manyReportsKeepTheirOrder() throws Exception {
    Gate gate = gate();
    Player run = player("Run");
    gate.in(run);
    List<CompletableFuture<Void>> reports = new ArrayList<>();
    for (int at = 0; at < 3000; at++) reports.add(gate.players.moved(idOf(run), "server-" + at % 7));
    get(CompletableFuture.allOf(reports.toArray(CompletableFuture[]::new)));
    assertEquals("server-" + 2999 % 7, row(gate.client, run).getServer());
    assertEquals(0, gate.evicted.waiting());
  }

  private static PlayerRef refOf(Player row) {
    return PlayerRef.newBuilder().setPlayerId(row.getId()).setGeneration(row.getGeneration()).build();
  }
}
