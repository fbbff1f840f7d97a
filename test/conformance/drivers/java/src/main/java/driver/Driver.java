package driver;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import kelpie.client.ConnectOptions;
import kelpie.client.Content;
import kelpie.client.Destination;
import kelpie.client.KelpieClient;
import kelpie.client.PublishOptions;
import kelpie.client.SharedValue;
import kelpie.client.Subscription;
import kelpie.client.TransferOptions;
import kelpie.client.WriteOptions;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeState;

/** One scenario: a client, and what its handlers wait for. */
final class Driver {
  private KelpieClient client;
  private Commands commands;
  private PlayersOfNode players;
  /** By the names of the scenario. */
  private final Map<String, Subscription> subscriptions = new HashMap<>();
  /** The handlers that hold an event, oldest first. */
  private final Map<String, Deque<CompletableFuture<Void>>> held = new HashMap<>();

  private boolean over;

  Driver(JsonObject request) {
    JsonObject given = request.getAsJsonObject("options");
    ConnectOptions.Builder options = Options.of(given);
    PlayersOfNode.options(options, given, this::see);
    KelpieClient.connect(options.build(), made -> prepare(made, request));
  }

  /** Before the first stream opens. */
  private void prepare(KelpieClient made, JsonObject request) {
    client = made;
    commands = new Commands(made, this::see);
    players = new PlayersOfNode(made);
    made.onStatus(status -> see(Observations.status(status)));
    Options.with(request, "subscribe", all -> all.getAsJsonArray().forEach(one -> subscribe(one.getAsJsonObject())));
    Options.with(request, "handle", all -> all.getAsJsonArray().forEach(one -> commands.handle(one.getAsJsonObject())));
  }

  private synchronized void see(JsonObject line) {
    if (!over) Main.print(line);
  }

  private void subscribe(JsonObject given) {
    String name = given.get("subscription").getAsString();
    String behaviour = Options.text(given, "behaviour");
    Subscription subscription =
        client.subscribeAsync(
            given.get("topic").getAsString(),
            event -> {
              CompletionStage<Void> hold = behaviour.equals("hold") ? hold(name) : null;
              see(Observations.event(name, event));
              if (behaviour.equals("throw")) throw new IllegalStateException("the handler throws");
              return hold;
            });
    subscriptions.put(name, subscription);
  }

  private synchronized CompletableFuture<Void> hold(String subscription) {
    CompletableFuture<Void> released = new CompletableFuture<>();
    held.computeIfAbsent(subscription, name -> new ArrayDeque<>()).add(released);
    return released;
  }

  private void release(String subscription) {
    CompletableFuture<Void> oldest;
    synchronized (this) {
      Deque<CompletableFuture<Void>> all = held.get(subscription);
      oldest = all == null ? null : all.poll();
    }
    if (oldest != null) oldest.complete(null);
  }

  /** Begins an action. */
  CompletableFuture<JsonObject> act(JsonObject given) {
    switch (given.get("do").getAsString()) {
      case "subscribe" -> subscribe(given);
      case "unsubscribe" -> subscriptions.get(given.get("subscription").getAsString()).close();
      case "release" -> release(given.get("subscription").getAsString());
      case "handle" -> commands.handle(given);
      case "answer" -> commands.answer(given);
      case "cancel" -> commands.cancel(given);
      case "watchValue" -> watch(given);
      default -> {
        return later(given);
      }
    }
    return CompletableFuture.completedFuture(new JsonObject());
  }

  private CompletableFuture<JsonObject> later(JsonObject given) {
    return switch (given.get("do").getAsString()) {
      case "ready" -> client.ready().thenApply(Driver::welcomeAs);
      case "publish" -> done(client.publish(given.get("topic").getAsString(), Contents.of(given), publishing(given)));
      case "publishMany" -> publishMany(given);
      case "issue" -> commands.issue(given);
      case "update" -> done(client.update(changeOf(given)));
      case "acquire" -> players.acquire(given);
      case "releasePlayer" -> done(client.players().release(Options.text(given, "player")));
      case "joined" -> done(players.joined(given));
      case "moved" -> done(client.players().moved(Options.text(given, "player"), Options.text(given, "server")));
      case "changed" -> done(players.changed(given));
      case "left" -> done(players.left(given));
      case "players" -> CompletableFuture.completedFuture(players.list());
      case "roster" -> CompletableFuture.completedFuture(players.roster());
      case "pick" -> CompletableFuture.completedFuture(players.pick(given));
      case "putValue" -> putValue(given);
      case "getValue" -> client
          .state()
          .get(Options.text(given, "bucket"), Options.text(given, "key"))
          .thenApply(found -> found.map(Driver::valueAs).orElseGet(JsonObject::new));
      case "move" -> move(given);
      case "pending" -> CompletableFuture.completedFuture(number("pending", client.pending()));
      case "close" -> client.closeAsync().thenApply(closed -> close());
      default -> throw new UnsupportedOperationException(given.get("do").getAsString());
    };
  }

  private static CompletableFuture<JsonObject> done(CompletableFuture<Void> future) {
    return future.thenApply(nothing -> new JsonObject());
  }

  private static JsonObject number(String name, Number value) {
    JsonObject ok = new JsonObject();
    ok.addProperty(name, value);
    return ok;
  }

  private static JsonObject welcomeAs(kelpie.v1.Welcome welcome) {
    JsonObject ok = number("generation", welcome.getGeneration());
    ok.addProperty("outcome", Observations.bare(welcome.getOutcome(), "WELCOME_OUTCOME_"));
    ok.addProperty("sessionId", welcome.getSessionId());
    return ok;
  }

  private static PublishOptions publishing(JsonObject given) {
    JsonElement attributes = given.get("attributes");
    return new PublishOptions(
        Options.text(given, "type"),
        attributes == null ? Map.of() : Options.texts(attributes),
        Options.text(given, "origin").equals("NODE"));
  }

  private CompletableFuture<JsonObject> publishMany(JsonObject given) {
    int count = given.get("count").getAsInt();
    int bytes = given.has("bytes") ? given.get("bytes").getAsInt() : 0;
    CompletableFuture<?>[] all = new CompletableFuture<?>[count];
    for (int number = 1; number <= count; number++) {
      String text = String.valueOf(number);
      text += " ".repeat(Math.max(0, bytes - text.length()));
      all[number - 1] = client.publish(given.get("topic").getAsString(), Content.text(text));
    }
    return CompletableFuture.allOf(all).thenApply(stored -> number("stored", count));
  }

  private static NodeChange changeOf(JsonObject given) {
    NodeChange.Builder change = NodeChange.newBuilder();
    Options.with(given, "labels", labels -> change.putAllLabels(Options.texts(labels)));
    Options.with(
        given, "removeLabels", all -> all.getAsJsonArray().forEach(one -> change.addRemovedLabels(one.getAsString())));
    Options.with(given, "state", state -> change.setState(NodeState.valueOf("NODE_STATE_" + state.getAsString())));
    Options.with(given, "maxPlayers", most -> change.setMaxPlayers(most.getAsInt()));
    return change.build();
  }

  private CompletableFuture<JsonObject> putValue(JsonObject given) {
    WriteOptions options =
        given.has("sequence") ? WriteOptions.NONE.expect(given.get("sequence").getAsLong()) : WriteOptions.NONE;
    return client
        .state()
        .put(Options.text(given, "bucket"), Options.text(given, "key"), Contents.of(given), options)
        .thenApply(sequence -> number("sequence", sequence));
  }

  private static JsonObject valueAs(SharedValue value) {
    return Contents.into(number("sequence", value.sequence()), value.content());
  }

  private void watch(JsonObject given) {
    client
        .state()
        .watch(
            Options.text(given, "bucket"),
            Options.text(given, "key"),
            change -> {
              JsonObject line = Observations.saw("value");
              line.addProperty("bucket", change.bucket());
              line.addProperty("key", change.key());
              if (change instanceof SharedValue value) {
                line.addProperty("sequence", value.sequence());
                Contents.into(line, value.content());
              }
              see(line);
            });
  }

  private CompletableFuture<JsonObject> move(JsonObject given) {
    TransferOptions options = TransferOptions.DEFAULT;
    if (given.has("timeoutMs")) options = options.timeout(Options.millis(given.get("timeoutMs")));
    return client
        .transfers()
        .move(Options.text(given, "player"), Destination.server(Options.text(given, "server")), options)
        .thenApply(
            arrived -> {
              JsonObject ok = new JsonObject();
              ok.addProperty("target", arrived.target());
              return ok;
            });
  }

  private synchronized JsonObject close() {
    over = true;
    return new JsonObject();
  }
}
