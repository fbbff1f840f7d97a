package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import kelpie.v1.NodeChange;
import kelpie.v1.WelcomeOutcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a client goes through: restarts of its coordinator, slow programs, its end. */
@Timeout(60)
class LifeTest {
  @TempDir Path folder;

  /** The back-off of gRPC alone would wait longer than this grace. */
  @Test
  void aRestartThatTakesLongerThanTheGraceIsNoDeparture() throws Exception {
    int port = Kelpied.freePort();
    Awaited<ReceivedEvent> nodes = new Awaited<>();
    Awaited<Status> statuses = new Awaited<>();
    Kelpied kelpied = Kelpied.in(folder, port, "--grace-seconds", "3");
    try (KelpieClient watcher = KelpieClient.connect(kelpied.node("watcher").build());
        KelpieClient node = kelpied.ready("node")) {
      watcher.subscribe("nodes.*", nodes);
      get(watcher.ready());
      node.onStatus(statuses);
      kelpied.kill();
      List<CompletableFuture<Void>> stored = new ArrayList<>();
      Awaited<ReceivedEvent> chat = new Awaited<>();
      watcher.subscribe("chat.global", chat);
      for (int number = 0; number < 100; number++) stored.add(node.publish("chat.global", String.valueOf(number)));
      // Six attempts of both: by then gRPC would wait for longer than the grace.
      for (int attempt = 0; attempt < 8; attempt++) statuses.next(Status.Disconnected.class);
      kelpied = Kelpied.in(folder, port, "--grace-seconds", "3");
      Status.Connected again = statuses.next(Status.Connected.class);
      assertEquals(WelcomeOutcome.WELCOME_OUTCOME_RESUMED, again.welcome().getOutcome());
      get(CompletableFuture.allOf(stored.toArray(new CompletableFuture<?>[0])));
      get(node.update(NodeChange.newBuilder().putLabels("after", "restart").build()));
      ReceivedEvent changed = nodes.next(event -> event.body().hasNodeUpdated() || event.body().hasNodeLeft());
      while (changed.body().hasNodeUpdated() && changed.body().getNodeUpdated().getNode().getLabelsCount() == 0)
        changed = nodes.next(event -> event.body().hasNodeUpdated() || event.body().hasNodeLeft());
      assertTrue(changed.body().hasNodeUpdated(), "the node left: " + changed.body());
    } finally {
      kelpied.kill();
    }
  }

  @Test
  void theNextProcessGoesOnWhereTheHandlersWere() throws Exception {
    Path cursor = folder.resolve("reader.cursor");
    try (Kelpied kelpied = Kelpied.dev();
        KelpieClient writer = kelpied.ready("writer")) {
      Awaited<ReceivedEvent> first = new Awaited<>();
      ConnectOptions options = kelpied.node("reader").cursorFile(cursor).build();
      try (KelpieClient reader = KelpieClient.connect(options, client -> client.subscribe("log.*", first))) {
        get(reader.ready());
        get(writer.publish("log.a", "1"));
        assertEquals("1", first.next().content().orElseThrow().toString());
      }
      get(writer.publish("log.a", "2"));
      Awaited<ReceivedEvent> second = new Awaited<>();
      try (KelpieClient reader = KelpieClient.connect(options, client -> client.subscribe("log.*", second))) {
        get(reader.ready());
        get(writer.publish("log.a", "3"));
        List<String> texts = new ArrayList<>();
        do texts.add(second.next().content().orElseThrow().toString());
        while (!texts.contains("3"));
        assertTrue(texts.contains("2"), "an event of the time between was lost: " + texts);
      }
    }
  }

  @Test
  void handlersRunOnTheExecutorAndFuturesCompleteWhileItIsBusy() throws Exception {
    ExecutorService main = Executors.newSingleThreadExecutor(task -> new Thread(task, "main-thread"));
    Awaited<String> threads = new Awaited<>();
    CountDownLatch busy = new CountDownLatch(1);
    try (Kelpied kelpied = Kelpied.dev()) {
      KelpieClient client = KelpieClient.connect(kelpied.node("game").executor(main).build());
      get(client.ready());
      client.subscribe("tick.*", event -> threads.accept(Thread.currentThread().getName()));
      get(client.update(NodeChange.getDefaultInstance()));
      main.execute(() -> await(busy));
      get(client.publish("tick.a", "while the main thread is busy"));
      assertEquals(0, threads.waiting());
      busy.countDown();
      assertEquals("main-thread", threads.next());
      // A plugin stops on the main thread, which waits then.
      boolean ended = main.submit(() -> client.close(Duration.ofSeconds(10))).get(15, TimeUnit.SECONDS);
      assertTrue(ended);
    } finally {
      busy.countDown();
      main.shutdownNow();
    }
  }

  /** The client's loop must not wait for a handler that waits for the client. */
  @Test
  void anExecutorThatCallsAtOnceDoesNotStopTheClient() throws Exception {
    Awaited<String> threads = new Awaited<>();
    try (Kelpied kelpied = Kelpied.dev();
        KelpieClient client = KelpieClient.connect(kelpied.node("inline").executor(Runnable::run).build())) {
      get(client.ready());
      client.subscribe(
          "ask.*",
          event -> {
            client.publish("answer.a", "x").join();
            threads.accept(Thread.currentThread().getName());
          });
      get(client.update(NodeChange.getDefaultInstance()));
      get(client.publish("ask.a", "1"));
      assertEquals("kelpie-inline-handlers", threads.next());
    }
  }

  /** A pool that is full makes its caller work. */
  @Test
  void anExecutorThatCallsWhileItIsFullDoesNotStopTheClient() throws Exception {
    CountDownLatch busy = new CountDownLatch(1);
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(1),
            task -> new Thread(task, "pool"),
            new ThreadPoolExecutor.CallerRunsPolicy());
    Awaited<String> threads = new Awaited<>();
    try (Kelpied kelpied = Kelpied.dev();
        KelpieClient client = KelpieClient.connect(kelpied.node("full").executor(pool).build())) {
      get(client.ready());
      client.subscribe("ask.*", event -> threads.accept(Thread.currentThread().getName()));
      get(client.update(NodeChange.getDefaultInstance()));
      pool.execute(() -> await(busy));
      pool.execute(() -> {});
      get(client.publish("ask.a", "1"));
      assertEquals("kelpie-full-handlers", threads.next());
      busy.countDown();
      get(CompletableFuture.runAsync(() -> {}, pool));
      get(client.publish("ask.a", "2"));
      assertEquals("pool", threads.next());
    } finally {
      busy.countDown();
      pool.shutdownNow();
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await(20, TimeUnit.SECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void aHandlerThatIsLateDelaysItsEventAndIsReported() throws Exception {
    Awaited<Status> statuses = new Awaited<>();
    Awaited<ReceivedEvent> events = new Awaited<>();
    try (Kelpied kelpied = Kelpied.dev();
        KelpieClient client =
            KelpieClient.connect(kelpied.node("slow").handlerTimeout(Duration.ofMillis(200)).build())) {
      client.onStatus(statuses);
      client.subscribeAsync(
          "late.*",
          event -> {
            events.accept(event);
            return new CompletableFuture<>();
          });
      get(client.ready());
      get(client.update(NodeChange.getDefaultInstance()));
      get(client.publish("late.a", "1"));
      get(client.publish("late.a", "2"));
      events.next(2);
      Status.HandlerFailed failed = statuses.next(Status.HandlerFailed.class);
      assertEquals("late.*", failed.pattern());
      assertEquals(Reason.HANDLER_TIMEOUT, KelpieClient.errorOf(failed.error()).reason());
    }
  }

  @Test
  void whatWaitsIsBounded() throws Exception {
    KelpieClient client =
        KelpieClient.connect(
            ConnectOptions.builder("alone", kelpie.v1.NodeRole.NODE_ROLE_SERVICE)
                .endpoints("127.0.0.1:" + Kelpied.freePort())
                .build());
    List<CompletableFuture<Void>> all = new ArrayList<>();
    for (int count = 0; count < 10_000; count++) all.add(client.publish("chat.global", "x"));
    assertEquals(Reason.PUBLISH_QUEUE_FULL, failure(client.publish("chat.global", "x")).reason());
    assertEquals(Reason.UNAVAILABLE, failure(client.update(NodeChange.getDefaultInstance())).reason());
    assertFalse(all.get(0).isDone());
    assertTrue(client.close(Duration.ofSeconds(1)));
    assertEquals(Reason.CLOSED, failure(all.get(0)).reason());
    assertEquals(Reason.CLOSED, failure(all.get(9_999)).reason());
    assertEquals(Reason.CLOSED, failure(client.ready()).reason());
    assertEquals(0, client.pending());
  }

  @Test
  void twoProcessesOfOneNodeHaveTwoInstances() throws Exception {
    try (Kelpied kelpied = Kelpied.dev()) {
      String first;
      try (KelpieClient client = kelpied.ready("node")) {
        first = get(client.ready()).getSessionId();
      }
      try (KelpieClient client = kelpied.ready("node")) {
        assertNotEquals(first, get(client.ready()).getSessionId());
      }
    }
  }

  @Test
  void noThreadIsLeftAfterTheEnd() throws Exception {
    try (Kelpied kelpied = Kelpied.dev()) {
      KelpieClient client = kelpied.ready("threads");
      client.subscribe("a.*", event -> {});
      get(client.publish("a.b", "x"));
      assertTrue(threadsOf("kelpie-threads") > 0);
      client.close();
      for (int turn = 0; turn < 1000 && threadsOf("kelpie-threads") > 0; turn++) Thread.sleep(10);
      assertEquals(0, threadsOf("kelpie-threads"));
    }
  }

  private static long threadsOf(String name) {
    return Thread.getAllStackTraces().keySet().stream().filter(one -> one.getName().startsWith(name)).count();
  }
}
