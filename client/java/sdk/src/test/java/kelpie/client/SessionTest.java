package kelpie.client;

import static kelpie.client.Awaited.failure;
import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import kelpie.v1.ConsoleOutput;
import kelpie.v1.ListNodesRequest;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeSelector;
import kelpie.v1.NodeState;
import kelpie.v1.RunConsoleCommand;
import kelpie.v1.Welcome;
import kelpie.v1.WelcomeOutcome;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a program does with a client, against a real coordinator. */
@Timeout(30)
class SessionTest {
  private static Kelpied kelpied;

  @BeforeAll
  static void start() throws Exception {
    kelpied = Kelpied.dev();
  }

  @AfterAll
  static void stop() throws Exception {
    kelpied.close();
  }

  @Test
  void aNodeGetsItsWelcomeAndLeavesWithItsGoodbye() throws Exception {
    KelpieClient client = KelpieClient.connect(kelpied.node("Welcomed").build());
    Welcome welcome = get(client.ready());
    assertEquals("welcomed", welcome.getNodeName());
    assertEquals(WelcomeOutcome.WELCOME_OUTCOME_NEW, welcome.getOutcome());
    assertEquals(ConnectionState.CONNECTED, client.connectionState());
    assertTrue(client.close(Duration.ofSeconds(10)));
    assertEquals(ConnectionState.CLOSED, client.connectionState());
    assertEquals(Reason.CLOSED, failure(client.publish("chat.global", "late")).reason());
    assertEquals(Reason.CLOSED, failure(client.update(NodeChange.getDefaultInstance())).reason());
    // The name is free at once: the node has left.
    try (KelpieClient next = kelpied.ready("welcomed")) {
      assertEquals(WelcomeOutcome.WELCOME_OUTCOME_NEW, get(next.ready()).getOutcome());
    }
  }

  @Test
  void eventsReachTheirHandlersInOrder() throws Exception {
    Awaited<ReceivedEvent> events = new Awaited<>();
    try (KelpieClient reader = kelpied.ready("reader");
        KelpieClient writer = kelpied.ready("writer")) {
      reader.subscribe("order.*", events);
      // An answer of the coordinator comes after its new topics.
      get(reader.update(NodeChange.getDefaultInstance()));
      CompletableFuture<?>[] stored =
          IntStream.range(0, 1000)
              .mapToObj(number -> writer.publish("order.test", String.valueOf(number)))
              .toArray(CompletableFuture<?>[]::new);
      get(CompletableFuture.allOf(stored));
      List<String> texts =
          events.next(1000).stream().map(event -> event.content().flatMap(Content::asText).orElse("")).toList();
      assertEquals(IntStream.range(0, 1000).mapToObj(String::valueOf).toList(), texts);
    }
  }

  @Test
  void contentComesBackAsItWasSent() throws Exception {
    Awaited<ReceivedEvent> events = new Awaited<>();
    try (KelpieClient client = kelpied.ready("contents")) {
      client.subscribe("contents.*", events);
      get(client.update(NodeChange.getDefaultInstance()));
      Map<String, Object> object = Map.of("winner", "Steve", "kills", 12.0, "list", List.of(true, "x"));
      PublishOptions options = PublishOptions.ofType("result").byProgram().withAttributes(Map.of("trace", "7"));
      get(client.publish("contents.a", Content.json(object), options));
      get(client.publish("contents.b", Content.bytes(new byte[] {1, 0, -1})));
      get(client.publish("contents.c", Content.json(List.of("a", 1.5))));
      ReceivedEvent first = events.next();
      assertEquals(object, first.content().orElseThrow().asObject().orElseThrow());
      assertEquals("result", first.type());
      assertEquals(Map.of("trace", "7"), first.attributes());
      assertEquals("contents", first.source());
      assertTrue(first.fromProgram());
      assertEquals("3 bytes", events.next().content().orElseThrow().toString());
      assertEquals(List.of("a", 1.5), events.next().content().orElseThrow().asList().orElseThrow());
    }
  }

  @Test
  void aRefusedPublishFailsWithItsReasonAndTheOthersAreStored() throws Exception {
    try (KelpieClient client = kelpied.ready("refused")) {
      CompletableFuture<Void> before = client.publish("refused.test", "before");
      CompletableFuture<Void> large = client.publish("refused.test", "x".repeat(300_000));
      CompletableFuture<Void> after = client.publish("refused.test", "after");
      assertEquals(Reason.PAYLOAD_TOO_LARGE, failure(large).reason());
      assertEquals(Reason.TOPIC_RESERVED, failure(client.publish("nodes.x", "no")).reason());
      assertEquals(Reason.TOPIC_INVALID, failure(client.publish("a..b", "no")).reason());
      get(before);
      get(after);
    }
  }

  @Test
  void aCommandReachesItsHandlerAndItsReplyTheIssuer() throws Exception {
    try (KelpieClient arena = kelpied.ready("arena");
        KelpieClient shop = kelpied.ready("shop")) {
      arena.handle("price", (content, context) -> Content.text(context.source() + " asks for " + content));
      arena.handle(
          CommandType.RUN_CONSOLE_COMMAND,
          (request, context) -> {
            if (request.getLine().equals("fail")) throw new IllegalStateException("it failed");
            return ConsoleOutput.newBuilder().setSuccess(true).addLines("ran " + request.getLine()).build();
          });
      get(arena.update(NodeChange.getDefaultInstance()));
      Content price = get(shop.call(Target.node("arena"), "price", Content.text("sword"), Duration.ofSeconds(5)));
      assertEquals("shop asks for sword", price.toString());
      List<CommandResult<ConsoleOutput>> results = get(run(shop, "list"));
      assertEquals("ran list", results.get(0).reply().getLines(0));
      KelpieException failed = get(run(shop, "fail")).get(0).error().orElseThrow();
      assertEquals(Reason.COMMAND_FAILED, failed.reason());
      assertTrue(failed.getMessage().contains("it failed"), failed.getMessage());
      KelpieException nobody =
          failure(shop.call(Target.any(Map.of("no", "node")), "price", Content.text(""), Duration.ofSeconds(5)));
      assertEquals(Reason.NO_TARGET, nobody.reason());
    }
  }

  private static CompletableFuture<List<CommandResult<ConsoleOutput>>> run(KelpieClient client, String line) {
    return client
        .issue(
            Target.every(NodeSelector.getDefaultInstance()),
            CommandType.RUN_CONSOLE_COMMAND,
            RunConsoleCommand.newBuilder().setLine(line).build(),
            IssueOptions.within(Duration.ofSeconds(5)))
        .results();
  }

  @Test
  void aWithdrawnCommandIsCancelledAtItsHandler() throws Exception {
    Awaited<CommandContext> contexts = new Awaited<>();
    try (KelpieClient worker = kelpied.ready("worker");
        KelpieClient boss = kelpied.ready("boss")) {
      worker.handleAsync(
          CommandType.custom("endless"),
          (content, context) -> {
            contexts.accept(context);
            return new CompletableFuture<>();
          });
      get(worker.update(NodeChange.getDefaultInstance()));
      Issued<Content> issued =
          boss.issue(
              Target.node("worker"), CommandType.custom("endless"), Content.text(""), IssueOptions.DEFAULT);
      CommandContext context = contexts.next();
      assertFalse(context.cancelled().isDone());
      issued.cancel();
      get(context.cancelled());
      assertEquals(Reason.CANCELLED, get(issued.results()).get(0).error().orElseThrow().reason());
    }
  }

  @Test
  void othersSeeAChangeOfTheNode() throws Exception {
    try (KelpieClient client = kelpied.ready("changing")) {
      NodeChange change =
          NodeChange.newBuilder().putLabels("mode", "lobby").setState(NodeState.NODE_STATE_DRAINING).build();
      get(client.update(change));
      var nodes =
          client.calls().nodes().listNodes(ListNodesRequest.getDefaultInstance()).get().getNodesList();
      var own = nodes.stream().filter(node -> node.getName().equals("changing")).findAny().orElseThrow();
      assertEquals("lobby", own.getLabelsMap().get("mode"));
      assertEquals(NodeState.NODE_STATE_DRAINING, own.getState());
    }
  }

  @Test
  void aNameInUseEndsTheClient() throws Exception {
    try (KelpieClient first = kelpied.ready("taken")) {
      KelpieClient second = KelpieClient.connect(kelpied.node("taken").build());
      assertEquals(Reason.NODE_NAME_IN_USE, failure(second.ready()).reason());
      assertEquals(Reason.NODE_NAME_IN_USE, failure(second.closed()).reason());
      assertEquals(ConnectionState.CONNECTED, first.connectionState());
    }
  }
}
