package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeRole;
import kelpie.v1.Player;
import kelpie.v1.PlayerTarget;
import kelpie.v1.PrepareArrivalCommand;
import kelpie.v1.ReserveSlotsRequest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A proxy with two players, and two servers, against a real coordinator. */
@Timeout(60)
class TransfersTest {
  private static final String MAJA = "2535400000000001";
  private static final String NILS = "2535400000000002";

  private Kelpied kelpied;
  private KelpieClient gate;
  private KelpieClient lobby;
  private KelpieClient arena;

  @BeforeEach
  void start() throws Exception {
    kelpied = Kelpied.dev();
    PlayersOptions players = PlayersOptions.builder(evicted -> {}).build();
    gate = ready(options("gate", NodeRole.NODE_ROLE_PROXY).players(players));
    lobby = ready(options("lobby", NodeRole.NODE_ROLE_DOWNSTREAM));
    arena = ready(options("arena", NodeRole.NODE_ROLE_DOWNSTREAM).maxPlayers(2));
    for (Player player : List.of(player(MAJA, "Maja"), player(NILS, "Nils"))) {
      get(gate.players().acquire(player));
      get(gate.players().joined(player));
      get(gate.players().moved(player.getXuid(), "lobby"));
    }
  }

  @AfterEach
  void stop() throws Exception {
    kelpied.close();
    for (KelpieClient client : List.of(gate, lobby, arena)) client.close(Duration.ZERO);
  }

  private ConnectOptions.Builder options(String name, NodeRole role) {
    return ConnectOptions.builder(name, role).endpoints(kelpied.endpoint);
  }

  private static KelpieClient ready(ConnectOptions.Builder options) throws Exception {
    KelpieClient client = KelpieClient.connect(options.build());
    get(client.ready());
    return client;
  }

  private static Player player(String xuid, String name) {
    return Player.newBuilder().setXuid(xuid).setName(name).build();
  }

  private static PlayerTarget lobbyPlayers() {
    return PlayerTarget.newBuilder().setServer("lobby").build();
  }

  /** The proxy moves a player as soon as it is asked. */
  private void moveAtOnce() throws Exception {
    gate.handleAsync(
        CommandType.TRANSFER_PLAYER,
        (request, context) -> gate.players().moved(request.getPlayer().getPlayerId(), request.getServer()));
    listed(gate);
  }

  /** The coordinator has stored the commands of the node: it takes the frames of a stream in their order. */
  private static void listed(KelpieClient client) throws Exception {
    get(client.update(NodeChange.newBuilder().putLabels("handles", "all").build()));
  }

  @Test
  void aPlayerIsMovedAndTheTargetGetsTheContext() throws Exception {
    moveAtOnce();
    Awaited<PrepareArrivalCommand> prepared = new Awaited<>();
    arena.handle(
        CommandType.PREPARE_ARRIVAL,
        (request, context) -> {
          prepared.accept(request);
          return null;
        });
    listed(arena);
    TransferOptions options = TransferOptions.DEFAULT.context("{\"team\":\"red\"}").timeout(Duration.ofSeconds(10));
    TransferStep end = get(lobby.transfers().move(MAJA, Destination.server("arena"), options));
    assertEquals("arena", end.target());
    assertEquals("Maja", end.playerName());
    PrepareArrivalCommand request = prepared.next();
    assertEquals("{\"team\":\"red\"}", request.getContext().toStringUtf8());
    assertEquals("lobby", request.getFromServer());
    KelpieException again =
        failure(lobby.transfers().move(MAJA, Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.ALREADY_THERE, again.reason());
  }

  @Test
  void theListenerGetsTheStepsOfAllPlayers() throws Exception {
    moveAtOnce();
    Awaited<TransferStep> steps = new Awaited<>();
    get(lobby.transfers().transfer(lobbyPlayers(), Destination.server("arena"), TransferOptions.DEFAULT, steps));
    List<TransferStep> all = steps.next(steps.waiting());
    assertEquals(List.of("Maja", "Nils"), namesOf(all.stream().filter(TransferStep::ended).toList()));
    assertEquals(0, all.get(all.size() - 1).playersLeft());
    assertEquals(List.of(), all.stream().flatMap(step -> step.error().stream()).toList());
  }

  private static List<String> namesOf(List<TransferStep> steps) {
    return steps.stream().map(TransferStep::playerName).sorted().toList();
  }

  @Test
  void aTargetThatRefusesKeepsThePlayerWhereTheyAre() throws Exception {
    moveAtOnce();
    arena.handle(
        CommandType.PREPARE_ARRIVAL,
        (request, context) -> {
          throw new IllegalStateException("the round has begun");
        });
    listed(arena);
    KelpieException refused =
        failure(lobby.transfers().move(NILS, Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.REJECTED_BY_TARGET, refused.reason());
    assertTrue(refused.getMessage().contains("the round has begun"), refused.getMessage());
    KelpieException nobody =
        failure(lobby.transfers().move("2535499999999999", Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.PLAYER_NOT_FOUND, nobody.reason());
  }

  @Test
  void slotsAreHeldUsedAndReleased() throws Exception {
    moveAtOnce();
    ReserveSlotsRequest both =
        ReserveSlotsRequest.newBuilder()
            .setNode("arena")
            .setSlots(2)
            .setTtl(Durations.wire(Duration.ofSeconds(30)))
            .build();
    Reservation held = get(lobby.transfers().reserve(both));
    assertEquals("arena", held.node());
    assertEquals(Reason.SERVER_FULL, failure(lobby.transfers().reserve(both)).reason());
    KelpieException full =
        failure(lobby.transfers().move(NILS, Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.SERVER_FULL, full.reason());
    get(lobby.transfers().move(MAJA, Destination.server("arena"), TransferOptions.DEFAULT.reservation(held)));
    get(held.release(1));
    assertEquals(Reason.RESERVATION_NOT_FOUND, failure(held.release()).reason());
    get(lobby.transfers().move(NILS, Destination.server("arena"), TransferOptions.DEFAULT));
  }

  @Test
  void aBrokenStreamLeavesTheOutcomeUnknown() throws Exception {
    CompletableFuture<Void> asked = new CompletableFuture<>();
    gate.handleAsync(
        CommandType.TRANSFER_PLAYER,
        (request, context) -> {
          asked.complete(null);
          return new CompletableFuture<>();
        });
    listed(gate);
    CompletableFuture<TransferStep> moving =
        lobby.transfers().move(MAJA, Destination.server("arena"), TransferOptions.DEFAULT);
    get(asked);
    Awaited<Status> statuses = new Awaited<>();
    lobby.onStatus(statuses);
    kelpied.kill();
    assertEquals(Reason.OUTCOME_UNKNOWN, failure(moving).reason());
    statuses.next(Status.Disconnected.class);
    KelpieException away =
        failure(lobby.transfers().move(MAJA, Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.UNAVAILABLE, away.reason());
    lobby.close(Duration.ofSeconds(1));
    KelpieException closed =
        failure(lobby.transfers().move(MAJA, Destination.server("arena"), TransferOptions.DEFAULT));
    assertEquals(Reason.CLOSED, closed.reason());
  }

  @Test
  void argumentsThatCannotWorkAreRefused() {
    assertThrows(KelpieException.class, () -> Destination.server(""));
    assertThrows(KelpieException.class, () -> Destination.proxy(""));
    assertThrows(KelpieException.class, () -> TransferOptions.DEFAULT.timeout(Duration.ZERO));
    assertThrows(KelpieException.class, () -> TransferOptions.DEFAULT.context("x".repeat(16 * 1024 + 1)));
  }
}
