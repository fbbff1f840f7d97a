package driver;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import kelpie.client.CommandContext;
import kelpie.client.CommandResult;
import kelpie.client.CommandType;
import kelpie.client.Content;
import kelpie.client.IssueOptions;
import kelpie.client.Issued;
import kelpie.client.KelpieClient;
import kelpie.client.Target;
import kelpie.v1.ConsoleOutput;
import kelpie.v1.NodeRole;
import kelpie.v1.NodeSelector;
import kelpie.v1.NodeState;
import kelpie.v1.RunConsoleCommand;

/** The commands of a scenario, both ways. */
final class Commands {
  private final KelpieClient client;
  private final Consumer<JsonObject> see;
  private final AtomicInteger count = new AtomicInteger();
  /** The handlers that hold a command, by its number. */
  private final Map<Integer, CompletableFuture<JsonObject>> held = new ConcurrentHashMap<>();
  /** By the id of the request. */
  private final Map<Integer, Issued<?>> issued = new ConcurrentHashMap<>();

  Commands(KelpieClient client, Consumer<JsonObject> see) {
    this.client = client;
    this.see = see;
  }

  void handle(JsonObject given) {
    String command = given.get("command").getAsString();
    if (command.equals(CommandType.RUN_CONSOLE_COMMAND.name()))
      client.handleAsync(
          CommandType.RUN_CONSOLE_COMMAND,
          (request, context) ->
              asked(given, command, context, Content.text(request.getLine())).thenApply(Commands::console));
    else
      client.handleAsync(
          CommandType.custom(command), (content, context) -> asked(given, command, context, content));
  }

  private static ConsoleOutput console(Content reply) {
    return ConsoleOutput.newBuilder().setSuccess(true).addLines(reply.toString()).build();
  }

  private CompletionStage<Content> asked(JsonObject given, String command, CommandContext context, Content content) {
    int number = count.incrementAndGet();
    JsonObject line = Contents.into(Observations.saw("command"), content);
    line.addProperty("number", number);
    line.addProperty("command", command);
    line.addProperty("source", context.source());
    line.addProperty("timeLeftMs", context.timeLeft().toMillis());
    CompletableFuture<JsonObject> answer = new CompletableFuture<>();
    String behaviour = Options.text(given, "behaviour");
    if (behaviour.equals("hold")) held.put(number, answer);
    see.accept(line);
    context.cancelled().thenRun(() -> cancelled(number));
    if (behaviour.equals("fail")) throw new IllegalStateException(Options.text(given, "message"));
    if (!behaviour.equals("hold")) answer.complete(given);
    return answer.thenApply(Commands::replyOf);
  }

  private void cancelled(int number) {
    JsonObject line = Observations.saw("commandCancelled");
    line.addProperty("number", number);
    see.accept(line);
  }

  private static Content replyOf(JsonObject answer) {
    if (answer.has("fail")) throw new IllegalStateException(answer.get("fail").getAsString());
    return Contents.of(answer);
  }

  void answer(JsonObject given) {
    CompletableFuture<JsonObject> waiting = held.remove(given.get("number").getAsInt());
    if (waiting != null) waiting.complete(given);
  }

  CompletableFuture<JsonObject> issue(JsonObject given) {
    IssueOptions options =
        given.has("timeoutMs") ? IssueOptions.within(Options.millis(given.get("timeoutMs"))) : IssueOptions.DEFAULT;
    Target target = targetOf(given.getAsJsonObject("target"));
    int id = given.get("id").getAsInt();
    if (given.has("custom")) {
      JsonObject custom = given.getAsJsonObject("custom");
      CommandType<Content, Content> type = CommandType.custom(custom.get("name").getAsString());
      return results(id, client.issue(target, type, Contents.of(custom.get("content")), options));
    }
    RunConsoleCommand line =
        RunConsoleCommand.newBuilder().setLine(Options.text(given.get("runConsoleCommand"), "line")).build();
    return results(id, client.issue(target, CommandType.RUN_CONSOLE_COMMAND, line, options));
  }

  private <R> CompletableFuture<JsonObject> results(int id, Issued<R> command) {
    issued.put(id, command);
    return command.results().thenApply(Commands::resultsAs);
  }

  private static <R> JsonObject resultsAs(List<CommandResult<R>> all) {
    JsonArray results = new JsonArray();
    for (CommandResult<R> one : all) {
      JsonObject line = new JsonObject();
      line.addProperty("node", one.node());
      if (one.error().isPresent()) line.add("error", Main.errorAs(one.error().get()));
      else if (one.reply() instanceof Content content) Contents.into(line, content);
      else if (one.reply() instanceof ConsoleOutput console) line.add("lines", Contents.tree(console.getLinesList()));
      results.add(line);
    }
    JsonObject ok = new JsonObject();
    ok.add("results", results);
    return ok;
  }

  void cancel(JsonObject given) {
    Issued<?> command = issued.get(given.get("request").getAsInt());
    if (command != null) command.cancel();
  }

  private static Target targetOf(JsonObject given) {
    if (given.has("node")) return Target.node(given.get("node").getAsString());
    if (given.has("nodes"))
      return Target.nodes(given.getAsJsonArray("nodes").asList().stream().map(JsonElement::getAsString).toList());
    if (given.has("any")) return Target.any(selectorOf(given.get("any")));
    if (given.has("playerProxy")) return Target.playerProxy(Options.text(given.get("playerProxy"), "id"));
    if (given.has("playerServer")) return Target.playerServer(Options.text(given.get("playerServer"), "id"));
    return Target.every(selectorOf(given.get("every")));
  }

  private static NodeSelector selectorOf(JsonElement given) {
    NodeSelector.Builder selector = NodeSelector.newBuilder();
    Options.with(
        given,
        "roles",
        all -> all.getAsJsonArray().forEach(one -> selector.addRoles(NodeRole.valueOf("NODE_ROLE_" + one.getAsString()))));
    Options.with(
        given,
        "states",
        all ->
            all.getAsJsonArray().forEach(one -> selector.addStates(NodeState.valueOf("NODE_STATE_" + one.getAsString()))));
    Options.with(given, "labels", labels -> selector.putAllLabels(Options.texts(labels)));
    return selector.build();
  }
}
