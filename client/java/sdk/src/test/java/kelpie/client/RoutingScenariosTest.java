package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import kelpie.v1.ExplainRoutingRequest;
import kelpie.v1.Node;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The picks of this client are those of the coordinator: the scenarios of test/contract/routing. */
class RoutingScenariosTest {
  private static final Path FOLDER = Path.of(System.getProperty("kelpie.repository"), "test/contract/routing");

  @TestFactory
  List<DynamicTest> picksAsTheScenariosSay() throws IOException {
    return scenarios().stream()
        .map(one -> DynamicTest.dynamicTest(one.get("name").getAsString(), () -> check(one)))
        .toList();
  }

  @Test
  void thereAreScenarios() throws IOException {
    assertTrue(scenarios().size() > 50, "only " + scenarios().size() + " scenarios");
  }

  private static List<JsonObject> scenarios() throws IOException {
    List<JsonObject> all = new ArrayList<>();
    try (Stream<Path> files = Files.list(FOLDER)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".json")).sorted().toList()) {
        JsonArray stored = JsonParser.parseString(Files.readString(file)).getAsJsonObject().getAsJsonArray("scenarios");
        for (JsonElement one : stored) all.add(one.getAsJsonObject());
      }
    }
    return all;
  }

  private static void check(JsonObject scenario) throws IOException {
    ExplainRoutingRequest.Builder request = ExplainRoutingRequest.newBuilder();
    merge(scenario.get("request"), request);
    List<Candidate> servers = new ArrayList<>();
    for (JsonElement one : scenario.getAsJsonArray("servers")) {
      Node.Builder node = Node.newBuilder();
      merge(one.getAsJsonObject().get("node"), node);
      long players = one.getAsJsonObject().get("players").getAsLong();
      servers.add(new Candidate(node.build(), players, Integer.toUnsignedLong(node.getReservedSlots())));
    }
    long turn = scenario.get("turn").getAsLong();
    Rules.Need need = needOf(request.build(), scenario.get("random").getAsLong(), turn);
    JsonObject right = scenario.getAsJsonObject("response");
    for (int order = 0; order < 3; order++) {
      PickedServer picked =
          new Rules(request.getTable(), servers).pick(need).orElse(new PickedServer("", "", false));
      assertEquals(right.get("server").getAsString(), picked.server());
      assertEquals(right.get("rule").getAsString(), picked.rule());
      assertEquals(right.get("last_resort").getAsBoolean(), picked.lastResort());
      Collections.shuffle(servers, new Random(order));
    }
  }

  private static Rules.Need needOf(ExplainRoutingRequest request, long random, long turn) {
    return new Rules.Need(
        request.getOccasion(),
        request.getReason(),
        request.getHost(),
        request.getPlayerPropertiesMap(),
        request.getFromServer().toLowerCase(Locale.ROOT),
        request.getLastServer().toLowerCase(Locale.ROOT),
        random,
        rule -> turn);
  }

  private static void merge(JsonElement json, Message.Builder message) throws IOException {
    JsonFormat.parser().merge(json.toString(), message);
  }
}
