package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import kelpie.v1.Cursor;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.GapReason;
import kelpie.v1.NamedLoad;
import kelpie.v1.Node;
import kelpie.v1.NodeJoined;
import kelpie.v1.NodeLeft;
import kelpie.v1.NodeRole;
import kelpie.v1.NodeState;
import kelpie.v1.Player;
import kelpie.v1.PlayerJoined;
import kelpie.v1.PlayerLeft;
import kelpie.v1.PlayerLookup;
import kelpie.v1.Row;
import kelpie.v1.Snapshot;
import org.junit.jupiter.api.Test;

/** The roster from Snapshots, events and gaps, with a clock of the test. */
class RosterTest {
  private static final long GRACE_MS = 15_000;

  private long nowMs;
  private volatile Runnable onChange = () -> {};
  private final List<Runnable> timers = new ArrayList<>();
  private final Roster roster =
      new Roster(
          true,
          () -> onChange.run(),
          () -> nowMs,
          (delayMs, work) -> {
            timers.add(work);
            return () -> timers.remove(work);
          });

  @Test
  void aSnapshotReplacesTheRowsBefore() {
    load(1, node("lobby-1"), node("lobby-2"));
    assertEquals(List.of("lobby-1", "lobby-2"), names());
    assertTrue(roster.complete());
    load(9, node("lobby-2").toBuilder().setMotd("new").build());
    assertEquals(List.of("lobby-2"), names());
    assertEquals("new", roster.node("LOBBY-2").orElseThrow().getMotd());
  }

  @Test
  void anOlderEventChangesNothing() {
    load(5, node("lobby-1"));
    left(4, "lobby-1");
    assertEquals(List.of("lobby-1"), names());
    left(6, "lobby-1");
    assertEquals(List.of(), names());
  }

  @Test
  void aRowThatAnEventBringsDuringASnapshotStays() {
    roster.applySnapshot(Snapshot.newBuilder().setCursor(Cursor.newBuilder().setSequence(5)).build(), GRACE_MS);
    joined(6, node("lobby-3"));
    roster.applySnapshot(Snapshot.newBuilder().setComplete(true).build(), GRACE_MS);
    assertEquals(List.of("lobby-3"), names());
  }

  @Test
  void rowsOfALostHistoryStayForTheGrace() {
    load(100, node("lobby-1"), node("lobby-2"));
    roster.applyGap(Gap.newBuilder().setReason(GapReason.GAP_REASON_EPOCH_CHANGED).build());
    assertTrue(roster.isStale("lobby-1"));
    load(3, node("lobby-1"));
    assertFalse(roster.isStale("lobby-1"));
    assertEquals(List.of("lobby-1", "lobby-2"), names(), "lobby-2 may still come back");
    List.copyOf(timers).forEach(Runnable::run);
    assertEquals(List.of("lobby-1"), names());
  }

  @Test
  void aFileAnswersUntilTheFirstSnapshotAndAGraceMore() throws IOException {
    load(7, node("lobby-1"), node("lobby-2"));
    joined(8, player("1", "Steve", "lobby-1"));
    byte[] saved = roster.copy().bytes();
    RosterTest next = new RosterTest();
    next.roster.restore(saved);
    assertEquals(List.of("lobby-1", "lobby-2"), next.names());
    assertEquals("Steve", next.roster.player("1").orElseThrow().getName());
    assertTrue(next.roster.isStale("lobby-1"));
    assertFalse(next.roster.complete());
    assertThrows(IOException.class, () -> new RosterTest().roster.restore(new byte[0]));
    assertThrows(IOException.class, () -> new RosterTest().roster.restore(new byte[] {1, 2, 3}));
    byte[] half = java.util.Arrays.copyOf(saved, saved.length - 2);
    assertThrows(IOException.class, () -> new RosterTest().roster.restore(half));
  }

  /** A pick that holds the lock stands for all of them: the file does not wait for it, so it holds no lock itself. */
  @Test
  void aFileIsMadeWithoutTheLock() throws Exception {
    joined(8, player("1", "Steve", "lobby-1"));
    RosterCopy copy = roster.copy();
    CountDownLatch locked = new CountDownLatch(1);
    CountDownLatch made = new CountDownLatch(1);
    onChange =
        () -> {
          locked.countDown();
          assertDoesNotThrow(() -> assertTrue(made.await(15, TimeUnit.SECONDS)));
        };
    CompletableFuture<Void> holder =
        CompletableFuture.runAsync(() -> joined(9, player("2", "Alex", "lobby-1")));
    assertTrue(locked.await(15, TimeUnit.SECONDS));
    RosterTest next = new RosterTest();
    next.roster.restore(copy.bytes());
    made.countDown();
    holder.get(15, TimeUnit.SECONDS);
    assertEquals(1, next.roster.playerCount(), "the players of the moment of the copy");
    assertEquals(2, roster.playerCount());
  }

  @Test
  void findsPlayersAsTheCoordinatorDoes() {
    joined(1, player("1", "Alex", "lobby-1"));
    joined(2, player("2", "ALEX", "lobby-1"));
    joined(3, player("3", "Åse Maria", "lobby-2"));
    assertEquals("1", find("Alex").orElseThrow().getId());
    assertEquals("3", find("åSE MARIA").orElseThrow().getId());
    KelpieException ambiguous = assertThrows(KelpieException.class, () -> find("alex"));
    assertEquals(Reason.PLAYER_AMBIGUOUS, ambiguous.reason());
    assertEquals(Optional.empty(), find("nobody"));
    assertEquals(2, roster.playersOnServer("Lobby-1"));
    assertEquals(3, roster.playersOnProxy("gate"));
    assertEquals(3, roster.playerCount());
    assertThrows(KelpieException.class, () -> roster.player(PlayerLookup.getDefaultInstance()));
  }

  @Test
  void aPickCountsAtOnceAndEndsByTime() {
    load(1, node("a"), node("b"));
    assertEquals("a", pick("1"));
    assertEquals("b", pick("2"));
    assertEquals("a", pick("3"));
    // A pick without a player is a question: it counts nothing.
    assertEquals("b", roster.pick(Pick.join()).orElseThrow().server());
    assertEquals("b", roster.pick(Pick.join()).orElseThrow().server());
    nowMs += 10_001;
    assertEquals("a", roster.pick(Pick.join()).orElseThrow().server());
  }

  @Test
  void aPlayerOfThisProcessCountsUntilTheyLeave() {
    load(1, node("a"), node("b"));
    assertEquals("a", pick("1"));
    roster.own("1", "a");
    nowMs += 60_000;
    assertEquals("b", roster.pick(Pick.join()).orElseThrow().server());
    roster.own("1", null);
    assertEquals("a", roster.pick(Pick.join()).orElseThrow().server());
  }

  @Test
  void aPlayerWhomTheRosterShowsIsCountedOnce() {
    load(1, node("a"), node("b"));
    assertEquals("a", pick("1"));
    joined(2, player("1", "Steve", "a"));
    joined(3, player("2", "Alex", "b"));
    assertEquals("a", roster.pick(Pick.join()).orElseThrow().server(), "both have one player");
  }

  @Test
  void reservedSlotsCountAsPlayers() {
    load(1, node("a"), node("b"));
    roster.applyLoads(List.of(NamedLoad.newBuilder().setName("a").setReservedSlots(2).build()));
    assertEquals("b", roster.pick(Pick.join()).orElseThrow().server());
    // Another process of the node begins without reservations.
    joined(2, node("a").toBuilder().setInstanceId(ByteString.copyFromUtf8("another process!")).build());
    assertEquals("a", roster.pick(Pick.join()).orElseThrow().server());
  }

  @Test
  void aRosterWithoutPlayersSaysSo() {
    Roster without = new Roster(false, () -> {}, () -> 0, (delayMs, work) -> () -> {});
    KelpieException error = assertThrows(KelpieException.class, without::players);
    assertEquals(Reason.ROSTER_WITHOUT_PLAYERS, error.reason());
    assertThrows(KelpieException.class, () -> without.pick(Pick.join()));
  }

  /** The law of a follower: whatever comes in between, the newest sequence of each name decides. */
  @Test
  void eventsInAnyOrderGiveTheNewestRows() {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      RosterTest one = new RosterTest();
      TreeMap<String, Long> newest = new TreeMap<>();
      TreeMap<String, Boolean> present = new TreeMap<>();
      for (int step = 0; step < 60; step++) {
        String name = "n" + random.nextInt(5);
        // A node that left may join again: only then is an older event of it not recognised, as no row has its sequence.
        long sequence = newest.getOrDefault(name, 0L) + (present.getOrDefault(name, false) ? random.nextInt(4) - 1 : 1);
        boolean joins = random.nextBoolean();
        if (joins) one.joined(sequence, node(name));
        else one.left(sequence, name);
        if (sequence <= newest.getOrDefault(name, 0L) && present.getOrDefault(name, false)) continue;
        newest.put(name, sequence);
        present.put(name, joins);
      }
      List<String> right = present.keySet().stream().filter(present::get).toList();
      assertEquals(right, one.names(), "seed " + seed);
    }
  }

  /** The law of counting: the servers' counts are those of the players and of the picks that have not arrived. */
  @Test
  void thePlayersOfAllServersAddUp() {
    for (int seed = 0; seed < 100; seed++) {
      Random random = new Random(seed);
      RosterTest one = new RosterTest();
      one.load(1, node("a"), node("b"), node("c"));
      for (int step = 2; step < 200; step++) {
        String id = "" + (1 + random.nextInt(8));
        String server = List.of("a", "b", "c", "").get(random.nextInt(4));
        switch (random.nextInt(5)) {
          case 0 -> one.pick(id);
          case 1 -> one.joined(step, player(id, "p" + id, server));
          case 2 -> one.left(step, player(id, "p" + id, server));
          case 3 -> one.roster.own(id, random.nextBoolean() ? server : null);
          default -> one.nowMs += random.nextInt(6000);
        }
      }
      for (int id = 1; id <= 8; id++) {
        one.roster.own("" + id, null);
        one.left(1000, player("" + id, "p" + id, ""));
      }
      one.nowMs += 20_000;
      // Without players every server is as empty as the others: least players takes the first name.
      assertEquals("a", one.roster.pick(Pick.join()).orElseThrow().server(), "seed " + seed);
      assertEquals(0, one.roster.playerCount());
    }
  }

  private String pick(String id) {
    return roster.pick(Pick.join().player(id)).orElseThrow().server();
  }

  private Optional<Player> find(String name) {
    return roster.player(PlayerLookup.newBuilder().setName(name).build());
  }

  private List<String> names() {
    return roster.nodes().stream().map(Node::getName).toList();
  }

  private void load(long sequence, Node... nodes) {
    Snapshot.Builder all =
        Snapshot.newBuilder().setCursor(Cursor.newBuilder().setSequence(sequence)).setComplete(true);
    for (Node node : nodes) all.addRows(Row.newBuilder().setSequence(sequence).setNode(node));
    roster.applySnapshot(all.build(), GRACE_MS);
  }

  private void joined(long sequence, Node node) {
    roster.applyEvent(
        Event.newBuilder().setSequence(sequence).setNodeJoined(NodeJoined.newBuilder().setNode(node)).build());
  }

  private void joined(long sequence, Player player) {
    PlayerJoined joined = PlayerJoined.newBuilder().setPlayer(player).build();
    roster.applyEvent(Event.newBuilder().setSequence(sequence).setPlayerJoined(joined).build());
  }

  private void left(long sequence, Player player) {
    PlayerLeft left = PlayerLeft.newBuilder().setPlayer(player).build();
    roster.applyEvent(Event.newBuilder().setSequence(sequence).setPlayerLeft(left).build());
  }

  private void left(long sequence, String name) {
    roster.applyEvent(
        Event.newBuilder().setSequence(sequence).setNodeLeft(NodeLeft.newBuilder().setNode(node(name))).build());
  }

  private static Node node(String name) {
    return Node.newBuilder()
        .setName(name)
        .setRole(NodeRole.NODE_ROLE_DOWNSTREAM)
        .setState(NodeState.NODE_STATE_READY)
        .build();
  }

  private static Player player(String id, String name, String server) {
    return Player.newBuilder().setId(id).setXuid(id).setName(name).setProxy("gate").setServer(server).build();
  }
}
