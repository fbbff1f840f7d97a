package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.StateEndReason;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Shared values, against a real coordinator. */
@Timeout(60)
class StateTest {
  private static Kelpied kelpied;

  @BeforeAll
  static void start() throws Exception {
    kelpied = Kelpied.dev();
  }

  @AfterAll
  static void stop() throws Exception {
    kelpied.close();
  }

  private static String textOf(ValueChange change) {
    return change instanceof SharedValue value
        ? value.key() + "=" + value.content()
        : change.key() + " ended: " + ((EndedValue) change).reason().name().substring("STATE_END_REASON_".length());
  }

  @Test
  void aValueIsStoredReadAndDeleted() throws Exception {
    try (KelpieClient client = kelpied.ready("writer")) {
      State state = client.state();
      assertEquals(Optional.empty(), get(state.get("maps", "arena")));
      WriteOptions hour = WriteOptions.NONE.ttl(Duration.ofHours(1));
      long sequence = get(state.put("maps", "arena", Content.json(Map.of("name", "Castle")), hour));
      SharedValue value = get(state.get("maps", "arena")).orElseThrow();
      assertEquals(Map.of("name", "Castle"), value.content().asObject().orElseThrow());
      assertEquals(sequence, value.sequence());
      assertEquals(Optional.of(Duration.ofHours(1)), value.ttl());
      assertEquals("", value.owner());
      get(state.delete("maps", "arena"));
      assertEquals(Optional.empty(), get(state.get("maps", "arena")));
      assertEquals(Reason.VALUE_NOT_FOUND, failure(state.delete("maps", "arena")).reason());
    }
  }

  @Test
  void aWriteWithAConditionThatFailsChangesNothing() throws Exception {
    try (KelpieClient client = kelpied.ready("careful")) {
      State state = client.state();
      WriteOptions absent = WriteOptions.NONE.expect(0);
      long token = get(state.put("locks", "shop", Content.text("careful"), absent.bound()));
      assertEquals(Reason.SEQUENCE_CONFLICT, failure(state.put("locks", "shop", Content.text("x"), absent)).reason());
      WriteOptions guarded = WriteOptions.NONE.guard(new ValueGuard("locks", "shop", token));
      get(state.put("shop", "gems", Content.text("12"), guarded));
      get(state.delete("locks", "shop", WriteOptions.NONE.expect(token)));
      KelpieException late = failure(state.put("shop", "gems", Content.text("0"), guarded));
      assertEquals(Reason.SEQUENCE_CONFLICT, late.reason());
      assertEquals(Reason.SEQUENCE_CONFLICT, failure(state.delete("shop", "gems", guarded)).reason());
      assertEquals("12", get(state.get("shop", "gems")).orElseThrow().content().toString());
    }
  }

  @Test
  void argumentsThatCannotWorkAreRefused() throws Exception {
    try (KelpieClient client = kelpied.ready("wrong")) {
      State state = client.state();
      assertEquals(Reason.KEY_INVALID, failure(state.get("No", "key")).reason());
      assertEquals(Reason.KEY_INVALID, failure(state.put("maps", "", Content.text("x"))).reason());
      assertEquals(Reason.KEY_INVALID, failure(state.get("maps", "é".repeat(31))).reason());
      assertEquals(Reason.VALUE_INVALID, failure(state.put("maps", "a", null)).reason());
      WriteOptions absent = WriteOptions.NONE.expect(0);
      assertEquals(Reason.OUT_OF_RANGE, failure(state.delete("maps", "a", absent)).reason());
      assertEquals(Reason.VALUE_INVALID, failure(state.delete("maps", "a", absent.bound())).reason());
      assertThrows(KelpieException.class, () -> WriteOptions.NONE.ttl(Duration.ofMillis(1)));
      assertThrows(KelpieException.class, () -> state.watch("No", "*", change -> {}));
    }
  }

  @Test
  void aWatchGetsWhatIsThereAndThenEachChange() throws Exception {
    try (KelpieClient writer = kelpied.ready("watched");
        KelpieClient reader = kelpied.ready("reader")) {
      get(writer.state().put("teams", "red", Content.text("1")));
      Awaited<String> all = new Awaited<>();
      Awaited<String> one = new Awaited<>();
      ValueWatch watch = reader.state().watch("teams", "*", change -> all.accept(textOf(change)));
      reader.state().watch("teams", "a.b", change -> one.accept(textOf(change)));
      get(watch.loaded());
      assertEquals("red=1", all.next());
      // The Snapshot for a second watch reaches the first one too, which knows the value already.
      get(reader.state().watch("teams", "*", change -> {}).loaded());
      get(writer.state().put("teams", "a.b", Content.text("2")));
      assertEquals("a.b=2", all.next());
      assertEquals("a.b=2", one.next());
      get(writer.state().delete("teams", "red"));
      assertEquals("red ended: DELETED", all.next());
      watch.close();
      get(writer.state().put("teams", "a.b", Content.text("3")));
      assertEquals("a.b=3", one.next());
      assertEquals(0, all.waiting());
    }
  }

  @Test
  void aValueOfAProcessEndsWithIt() throws Exception {
    try (KelpieClient reader = kelpied.ready("heir")) {
      KelpieClient owner = kelpied.ready("owner");
      get(owner.state().put("owned", "seat", Content.text("mine"), WriteOptions.NONE.bound()));
      assertEquals("owner", get(reader.state().get("owned", "seat")).orElseThrow().owner());
      Awaited<ValueChange> changes = new Awaited<>();
      get(reader.state().watch("owned", "seat", changes).loaded());
      changes.next();
      assertTrue(owner.close(Duration.ofSeconds(10)));
      EndedValue ended = (EndedValue) changes.next();
      assertEquals(StateEndReason.STATE_END_REASON_OWNER_LEFT, ended.reason());
      assertEquals(Reason.CLOSED, failure(owner.state().get("owned", "seat")).reason());
    }
  }

  @Test
  void whileAHandlerIsBusyTheChangesOfAValueBecomeOne() throws Exception {
    try (KelpieClient writer = kelpied.ready("fast");
        KelpieClient reader = kelpied.ready("slow")) {
      Awaited<String> seen = new Awaited<>();
      List<CompletableFuture<Void>> turns = new ArrayList<>();
      for (int turn = 0; turn < 3; turn++) turns.add(new CompletableFuture<>());
      List<CompletableFuture<Void>> left = new ArrayList<>(turns);
      get(
          reader
              .state()
              .watchAsync(
                  "busy",
                  "*",
                  change -> {
                    seen.accept(textOf(change));
                    return left.remove(0);
                  })
              .loaded());
      for (int number = 1; number <= 20; number++) get(writer.state().put("busy", "n", Content.text("" + number)));
      assertEquals("n=1", seen.next());
      get(writer.state().put("busy", "last", Content.text("end")));
      get(reader.state().get("busy", "last"));
      turns.get(0).complete(null);
      // The reader has all events up to its own answer, and takes the newest of each value.
      assertEquals("n=20", seen.next());
      turns.get(1).complete(null);
      assertEquals("last=end", seen.next());
      assertEquals(0, seen.waiting());
      turns.get(2).complete(null);
    }
  }

  @Test
  void aWatchLivesThroughARestartAndRepeatsNothing(@TempDir Path data) throws Exception {
    int port = Kelpied.freePort();
    Kelpied first = Kelpied.in(data, port);
    Awaited<String> seen = new Awaited<>();
    KelpieClient client = first.ready("patient");
    get(client.state().put("kept", "a", Content.text("1")));
    get(client.state().watch("kept", "*", change -> seen.accept(textOf(change))).loaded());
    assertEquals("a=1", seen.next());
    Awaited<Status> statuses = new Awaited<>();
    client.onStatus(statuses);
    first.stop();
    try (Kelpied second = Kelpied.in(data, port);
        KelpieClient other = second.ready("other")) {
      statuses.next(Status.Disconnected.class);
      get(other.state().put("kept", "b", Content.text("2")));
      assertEquals("b=2", seen.next());
      assertEquals(0, seen.waiting());
      client.close();
    }
  }
}
