package driver;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import kelpie.client.ConnectOptions;
import kelpie.client.Start;
import kelpie.v1.NodeLoad;
import kelpie.v1.NodeRole;
import kelpie.v1.NodeState;

/** The options of a request, as the library has them. */
final class Options {
  private final JsonObject given;

  private Options(JsonObject given) {
    this.given = given;
  }

  static ConnectOptions.Builder of(JsonObject given) {
    NodeRole role = NodeRole.valueOf("NODE_ROLE_" + given.get("role").getAsString());
    ConnectOptions.Builder options = ConnectOptions.builder(given.get("name").getAsString(), role);
    // The runner shows what the library warns of.
    new Options(given).fill(options.logger(System.err::println));
    return options;
  }

  private void fill(ConnectOptions.Builder options) {
    with("endpoints", all -> options.endpoints(all.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toArray(String[]::new)));
    with("address", one -> options.address(text(one, "host"), one.getAsJsonObject().get("port").getAsInt()));
    with("publicAddress", one -> options.publicAddress(text(one, "host"), one.getAsJsonObject().get("port").getAsInt()));
    with("labels", labels -> options.labels(texts(labels)));
    with("maxPlayers", count -> options.maxPlayers(count.getAsInt()));
    with("motd", motd -> options.motd(motd.getAsString()));
    with("state", state -> options.state(NodeState.valueOf("NODE_STATE_" + state.getAsString())));
    with("start", start -> options.start(startOf(start)));
    with("excludeOwn", flag -> options.excludeOwn(flag.getAsBoolean()));
    with("handlerTimeoutMs", ms -> options.handlerTimeout(millis(ms)));
    with("cursorFile", path -> options.cursorFile(Path.of(path.getAsString())));
    with("rosterFile", path -> options.rosterFile(Path.of(path.getAsString())));
    with("roster", roster -> with(roster, "players", flag -> options.rosterPlayers(flag.getAsBoolean())));
    with("load", load -> options.load(() -> loadOf(load)));
    with("token", token -> options.token(token.getAsString()));
    with("tokenFile", path -> options.tokenFile(Path.of(path.getAsString())));
    with("joinToken", token -> options.joinToken(token.getAsString()));
    with("ca", ca -> options.ca(ca.getAsString()));
    if (given.has("cert") || given.has("key")) options.cert(text(given, "cert"), text(given, "key"));
    with("tls", flag -> options.tls(flag.getAsBoolean()));
    with("insecure", flag -> options.insecure(flag.getAsBoolean()));
    with("network", network -> options.network(network.getAsString()));
  }

  private void with(String name, Consumer<JsonElement> then) {
    with(given, name, then);
  }

  static void with(JsonElement object, String name, Consumer<JsonElement> then) {
    JsonElement value = object.getAsJsonObject().get(name);
    if (value != null && !value.isJsonNull()) then.accept(value);
  }

  private static NodeLoad loadOf(JsonElement given) {
    NodeLoad.Builder load = NodeLoad.newBuilder();
    with(given, "tps", tps -> load.setTps(tps.getAsDouble()));
    with(given, "memoryUsedBytes", bytes -> load.setMemoryUsedBytes(bytes.getAsLong()));
    return load.build();
  }

  private static Start startOf(JsonElement given) {
    if (given.isJsonObject()) return Start.since(millis(given.getAsJsonObject().get("sinceMs")));
    return switch (given.getAsString()) {
      case "EARLIEST" -> Start.earliest();
      case "LATEST" -> Start.latest();
      default -> Start.snapshot();
    };
  }

  static Duration millis(JsonElement ms) {
    return Duration.ofNanos(Math.round(ms.getAsDouble() * 1e6));
  }

  /** The text of a field; empty if it is left out. */
  static String text(JsonElement object, String name) {
    JsonElement value = object.getAsJsonObject().get(name);
    return value == null ? "" : value.getAsString();
  }

  static Map<String, String> texts(JsonElement object) {
    Map<String, String> texts = new LinkedHashMap<>();
    object.getAsJsonObject().entrySet().forEach(one -> texts.put(one.getKey(), one.getValue().getAsString()));
    return texts;
  }
}
