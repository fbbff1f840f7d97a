package kelpie.client;

import java.util.Map;

/**
 * Facts that go with a message.
 *
 * @param type the kind of message, for its readers
 * @param attributes small facts beside the content
 * @param fromProgram whether this program wrote all of the content. If not, a player's client may have written it, and
 *     readers do not trust it
 */
public record PublishOptions(String type, Map<String, String> attributes, boolean fromProgram) {
  /** No facts. */
  public static final PublishOptions NONE = new PublishOptions("", Map.of(), false);

  /** A copy. Throws VALUE_INVALID. */
  public PublishOptions {
    Texts.wellFormed("type", type);
    attributes.forEach((name, value) -> Texts.wellFormed("attributes." + Texts.wellFormed("a name", name), value));
    attributes = Map.copyOf(attributes);
  }

  /** A message of a kind. */
  public static PublishOptions ofType(String type) {
    return new PublishOptions(type, Map.of(), false);
  }

  /** The same, for content that this program wrote. */
  public PublishOptions byProgram() {
    return new PublishOptions(type, attributes, true);
  }

  /** The same with other attributes. */
  public PublishOptions withAttributes(Map<String, String> other) {
    return new PublishOptions(type, other, fromProgram);
  }
}
