package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import kelpie.v1.ErrorReason;
import org.junit.jupiter.api.Test;

/** What the client shares with the contract: names, topics, JSON. */
class ContractTest {
  @Test
  void eachReasonOfTheContractHasItsName() {
    for (ErrorReason reason : ErrorReason.values()) {
      if (reason == ErrorReason.UNRECOGNIZED || reason == ErrorReason.ERROR_REASON_UNSPECIFIED)
        assertEquals(Reason.UNKNOWN, Reason.of(reason));
      else assertEquals(reason.name(), "ERROR_REASON_" + Reason.of(reason).name());
    }
  }

  @Test
  void theVersionIsThatOfTheBuild() throws Exception {
    assertTrue(Files.readString(Path.of("pom.xml")).contains("<version>" + Version.TEXT + "</version>"));
  }

  /** A pattern matches what its regular expression matches. */
  @Test
  void patternsMatchAsTheirMeaningSays() {
    Random random = new Random(7);
    for (int round = 0; round < 20_000; round++) {
      String topic = tokens(random, List.of("a", "b", "chat", "nodes"), 4);
      String pattern = tokens(random, List.of("a", "b", "chat", "nodes", "*"), 4) + (random.nextBoolean() ? ".>" : "");
      String first = topic.split("\\.")[0];
      boolean apart = first.equals("nodes") && !pattern.startsWith("nodes");
      String meaning = meaningOf(pattern);
      assertEquals(!apart && topic.matches(meaning), Topics.matches(pattern, topic), pattern + " and " + topic);
    }
  }

  private static String meaningOf(String pattern) {
    StringBuilder meaning = new StringBuilder();
    for (String token : pattern.split("\\."))
      meaning.append(
          switch (token) {
            case "*" -> "\\.[^.]+";
            case ">" -> "(\\.[^.]+)+";
            default -> "\\." + token;
          });
    return meaning.substring(2);
  }

  private static String tokens(Random random, List<String> from, int most) {
    List<String> tokens = new ArrayList<>();
    int count = 1 + random.nextInt(most);
    while (tokens.size() < count) tokens.add(from.get(random.nextInt(from.size())));
    return String.join(".", tokens);
  }

  @Test
  void topicsThatTheCoordinatorRefusesAreRefusedAtOnce() {
    for (String topic : List.of("", "a..b", "a b", "a.*", "é", "a.".repeat(16) + "a", "x".repeat(256)))
      assertEquals(Reason.TOPIC_INVALID, thrown(() -> Topics.checkTopic(topic)).reason(), topic);
    for (String topic : List.of("nodes.a", "players.x", "state.a.b", "kelpie.x"))
      assertEquals(Reason.TOPIC_RESERVED, thrown(() -> Topics.checkTopic(topic)).reason(), topic);
    assertEquals("inbox.lobby-1", Topics.checkPattern("Inbox.Lobby-1".replace("Inbox", "inbox"), "lobby-1"));
    assertEquals(Reason.TOPIC_RESERVED, thrown(() -> Topics.checkPattern("inbox.other", "lobby-1")).reason());
    assertEquals(Reason.TOPIC_RESERVED, thrown(() -> Topics.checkPattern("kelpie.internal", "lobby-1")).reason());
  }

  @Test
  void jsonComesBackAsItWas() {
    Random random = new Random(11);
    for (int round = 0; round < 2000; round++) {
      Map<String, Object> object = object(random, 0);
      assertEquals(object, Content.json(object).asObject().orElseThrow());
    }
  }

  private static Map<String, Object> object(Random random, int depth) {
    Map<String, Object> object = new HashMap<>();
    int count = random.nextInt(4);
    for (int at = 0; at < count; at++) object.put("k" + random.nextInt(9), value(random, depth + 1));
    return object;
  }

  private static Object value(Random random, int depth) {
    return switch (random.nextInt(depth > 6 ? 4 : 6)) {
      case 0 -> random.nextDouble();
      case 1 -> "text" + random.nextInt();
      case 2 -> random.nextBoolean();
      case 3 -> null;
      case 4 -> object(random, depth);
      default -> new ArrayList<>(Collections.nCopies(random.nextInt(3), value(random, depth + 1)));
    };
  }

  @Test
  void contentThatNobodyCanCarryIsRefused() {
    assertEquals(Reason.VALUE_INVALID, thrown(() -> Content.json(Map.of("a", Double.NaN))).reason());
    assertEquals(Reason.VALUE_INVALID, thrown(() -> Content.json(Map.of("a", new Object()))).reason());
    assertEquals(Reason.VALUE_INVALID, thrown(() -> Content.text("\ud800")).reason());
    Object deep = Map.of();
    for (int level = 1; level < Json.DEPTH; level++) deep = List.of(deep);
    List<Object> fits = List.of(((List<?>) deep).get(0));
    assertNotEquals(null, Content.json(fits));
    List<Object> tooDeep = List.of(deep);
    assertEquals(Reason.CONTENT_TOO_DEEP, thrown(() -> Content.json(tooDeep)).reason());
  }

  private static KelpieException thrown(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(KelpieException.class, call);
  }
}
