package kelpie.client;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Checks and matches topics and patterns by the rules of the coordinator. */
final class Topics {
  /** The most bytes and tokens of a topic or pattern. */
  private static final int BYTES = 255;

  private static final int TOKENS = 16;

  private static final Pattern TOPIC = Pattern.compile("[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*+");
  private static final Pattern PATTERN =
      Pattern.compile("(?:[A-Za-z0-9_-]+|\\*)(?:\\.(?:[A-Za-z0-9_-]+|\\*))*(?:\\.>)?|>");

  /** The first tokens of topics that only the coordinator publishes. A wildcard in front does not match them. */
  private static final Set<String> RESERVED = Set.of("nodes", "players", "state", "routing", "kelpie");

  /** The topics below {@code kelpie} that nodes may read. */
  private static final Set<String> READABLE = Set.of("kelpie.settings", "kelpie.audit");

  private Topics() {}

  /** The topic, if nodes may publish on it. Throws TOPIC_INVALID or TOPIC_RESERVED. */
  static String checkTopic(String topic) {
    checkForm("topic", topic, TOPIC, "tokens of letters, digits, \"_\" and \"-\" with dots between them");
    String[] tokens = topic.split("\\.");
    if (RESERVED.contains(tokens[0]))
      throw reserved(topic, "only the coordinator publishes topics that begin with \"" + tokens[0] + '"');
    if (tokens[0].equals("inbox") && (tokens.length != 2 || !topic.equals(topic.toLowerCase(Locale.ROOT))))
      throw invalid(topic, "an inbox is \"inbox.<node>\", with the name in lower case");
    return topic;
  }

  /**
   * The pattern, if a node of this name may read it; a pattern of its inbox in lower case. Throws TOPIC_INVALID or
   * TOPIC_RESERVED.
   */
  static String checkPattern(String pattern, String node) {
    String form =
        "tokens of letters, digits, \"_\" and \"-\" with dots between them, \"*\" for one token, \">\" at the end for"
            + " the rest";
    checkForm("pattern", pattern, PATTERN, form);
    String[] tokens = pattern.split("\\.");
    if (tokens[0].equals("kelpie") && !READABLE.contains(pattern))
      throw reserved(pattern, "only coordinators read these entries");
    if (!tokens[0].equals("inbox")) return pattern;
    String folded = pattern.toLowerCase(Locale.ROOT);
    if (tokens.length == 2 && List.of("*", ">", node).contains(folded.substring("inbox.".length()))) return folded;
    throw reserved(pattern, "a node reads only its own inbox, \"inbox." + node + '"');
  }

  private static void checkForm(String kind, String text, Pattern form, String allowed) {
    if (text == null || text.length() > BYTES || !form.matcher(text).matches())
      throw invalid(text, "a " + kind + " is made of " + allowed + "; at most " + BYTES + " bytes");
    if (tokensOf(text) > TOKENS) throw invalid(text, "a " + kind + " has at most " + TOKENS + " tokens");
  }

  static int tokensOf(String text) {
    return (int) text.chars().filter(unit -> unit == '.').count() + 1;
  }

  private static KelpieException invalid(String text, String why) {
    Map<String, String> metadata = Map.of("topic", text == null ? "" : Texts.cut(text, BYTES));
    return Errors.permanent(Reason.TOPIC_INVALID, Texts.shown(text) + " cannot be used: " + why, metadata);
  }

  private static KelpieException reserved(String topic, String why) {
    String message = '"' + topic + "\" cannot be used: " + why;
    return Errors.permanent(Reason.TOPIC_RESERVED, message, Map.of("topic", topic));
  }

  /** Whether a pattern matches a topic. */
  static boolean matches(String pattern, String topic) {
    List<String> wanted = Arrays.asList(pattern.split("\\."));
    String[] tokens = topic.split("\\.");
    boolean apart = RESERVED.contains(tokens[0]) || tokens[0].equals("inbox");
    if (apart && !wanted.get(0).equals(tokens[0])) return false;
    boolean open = wanted.get(wanted.size() - 1).equals(">");
    int fixed = open ? wanted.size() - 1 : wanted.size();
    if (open ? tokens.length <= fixed : tokens.length != fixed) return false;
    for (int at = 0; at < fixed; at++)
      if (!wanted.get(at).equals("*") && !wanted.get(at).equals(tokens[at])) return false;
    return true;
  }
}
