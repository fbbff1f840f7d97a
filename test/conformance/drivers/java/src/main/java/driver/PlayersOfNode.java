package driver;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.client.Acquired;
import kelpie.client.ConnectOptions;
import kelpie.client.Evicted;
import kelpie.client.KelpieClient;
import kelpie.client.Pick;
import kelpie.client.PickedServer;
import kelpie.client.PlayersOptions;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.FallbackReason;
import kelpie.v1.Player;
import kelpie.v1.PlayerChange;
import kelpie.v1.PlayerDenialReason;
import kelpie.v1.PlayerLeaveReason;

/** The players of a scenario. */
final class PlayersOfNode {
  private final KelpieClient client;
  /** The ids of the players that were named: the library has no list of its own players, but a look-up. */
  private final Set<String> named = new TreeSet<>();

  PlayersOfNode(KelpieClient client) {
    this.client = client;
  }

  static void options(ConnectOptions.Builder options, JsonObject given, Consumer<JsonObject> see) {
    JsonObject players = given.getAsJsonObject("players");
    if (players == null) return;
    PlayersOptions.Builder made = PlayersOptions.builder(evicted -> see.accept(evictedAs(evicted)));
    made.openWhenAway(!Options.text(players, "whenAway").equals("deny"));
    Options.with(players, "acquireTimeoutMs", ms -> made.acquireTimeout(Options.millis(ms)));
    Options.with(
        players,
        "verify",
        verify ->
            made.verify(
                id -> {
                  JsonObject line = Observations.saw("verify");
                  line.addProperty("id", id);
                  see.accept(line);
                  if (!verify.getAsJsonObject().get("connected").getAsBoolean()) return Optional.empty();
                  JsonElement silence = verify.getAsJsonObject().get("silenceMs");
                  return Optional.of(silence == null ? java.time.Duration.ZERO : Options.millis(silence));
                }));
    options.players(made.build());
  }

  private static JsonObject evictedAs(Evicted evicted) {
    JsonObject line = Observations.saw("evicted");
    line.addProperty("id", evicted.id());
    line.addProperty("text", evicted.text());
    line.addProperty("reason", Observations.bare(evicted.reason(), "PLAYER_LEAVE_REASON_"));
    return line;
  }

  CompletableFuture<JsonObject> acquire(JsonObject given) {
    DuplicatePolicy policy =
        given.has("policy")
            ? DuplicatePolicy.valueOf("DUPLICATE_POLICY_" + given.get("policy").getAsString())
            : DuplicatePolicy.DUPLICATE_POLICY_VERIFY_OLD;
    return client.players().acquire(player(given), policy).thenApply(PlayersOfNode::acquiredAs);
  }

  private static JsonObject acquiredAs(Acquired acquired) {
    JsonObject ok = new JsonObject();
    ok.addProperty("granted", acquired instanceof Acquired.Granted);
    if (acquired instanceof Acquired.Granted granted) ok.addProperty("generation", granted.generation());
    if (acquired instanceof Acquired.Denied denied) {
      ok.addProperty("text", denied.text());
      if (denied.reason() != PlayerDenialReason.PLAYER_DENIAL_REASON_UNSPECIFIED)
        ok.addProperty("reason", Observations.bare(denied.reason(), "PLAYER_DENIAL_REASON_"));
      if (!denied.proxy().isEmpty()) ok.addProperty("proxy", denied.proxy());
    }
    return ok;
  }

  private Player player(JsonObject request) {
    JsonObject given = request.getAsJsonObject("player");
    Player.Builder player = Player.newBuilder().setName(Options.text(given, "name"));
    Options.with(given, "xuid", xuid -> player.setXuid(xuid.getAsString()));
    Options.with(given, "uuid", uuid -> player.setUuid(uuid.getAsString()));
    named.add(player.getXuid().isEmpty() ? player.getUuid().toLowerCase(Locale.ROOT) : player.getXuid());
    return player.build();
  }

  CompletableFuture<Void> joined(JsonObject given) {
    return client.players().joined(player(given));
  }

  CompletableFuture<Void> changed(JsonObject given) {
    PlayerChange change = PlayerChange.newBuilder().setLanguage(Options.text(given, "language")).build();
    return client.players().changed(Options.text(given, "player"), change);
  }

  CompletableFuture<Void> left(JsonObject given) {
    String reason = given.has("reason") ? given.get("reason").getAsString() : "QUIT";
    return client
        .players()
        .left(Options.text(given, "player"), PlayerLeaveReason.valueOf("PLAYER_LEAVE_REASON_" + reason));
  }

  JsonObject list() {
    JsonArray ids = new JsonArray();
    named.stream().filter(id -> client.players().get(id).isPresent()).forEach(ids::add);
    JsonObject ok = new JsonObject();
    ok.add("players", ids);
    return ok;
  }

  JsonObject roster() {
    JsonObject ok = new JsonObject();
    JsonArray nodes = new JsonArray();
    client
        .roster()
        .nodes()
        .forEach(
            node -> {
              JsonObject line = new JsonObject();
              line.addProperty("name", node.getName());
              line.addProperty("role", Observations.bare(node.getRole(), "NODE_ROLE_"));
              line.addProperty("state", Observations.bare(node.getState(), "NODE_STATE_"));
              line.add("labels", Contents.tree(node.getLabelsMap()));
              nodes.add(line);
            });
    ok.add("nodes", nodes);
    ok.add("players", rosterPlayers());
    return ok;
  }

  private JsonArray rosterPlayers() {
    JsonArray players = new JsonArray();
    try {
      client
          .roster()
          .players()
          .forEach(
              player -> {
                JsonObject line = new JsonObject();
                line.addProperty("id", player.getId());
                line.addProperty("name", player.getName());
                line.addProperty("proxy", player.getProxy());
                line.addProperty("server", player.getServer());
                players.add(line);
              });
    } catch (kelpie.client.KelpieException without) {
      // A roster without players.
    }
    return players;
  }

  JsonObject pick(JsonObject given) {
    boolean fallback = Options.text(given, "occasion").equals("FALLBACK");
    String reason = given.has("reason") ? given.get("reason").getAsString() : "UNSPECIFIED";
    Pick pick = fallback ? Pick.fallback(FallbackReason.valueOf("FALLBACK_REASON_" + reason)) : Pick.join();
    JsonObject player = given.getAsJsonObject("player");
    if (player != null && player.has("id")) pick = pick.player(Options.text(player, "id"));
    else if (player != null && player.has("name")) pick = pick.playerNamed(Options.text(player, "name"));
    if (player != null && player.has("properties")) pick = pick.properties(Options.texts(player.get("properties")));
    if (given.has("host")) pick = pick.host(Options.text(given, "host"));
    if (given.has("from")) pick = pick.fromServer(Options.text(given, "from"));
    if (given.has("lastServer")) pick = pick.lastServer(Options.text(given, "lastServer"));
    JsonObject ok = new JsonObject();
    client.roster().pick(pick).map(PickedServer::server).ifPresent(server -> ok.addProperty("server", server));
    return ok;
  }
}
