package driver;

import com.google.gson.JsonObject;
import java.util.Locale;
import java.util.Optional;
import kelpie.client.KelpieException;
import kelpie.client.ReceivedEvent;
import kelpie.client.Status;
import kelpie.v1.Event;

/** What the driver says that it saw. */
final class Observations {
  private Observations() {}

  static JsonObject event(String subscription, ReceivedEvent event) {
    JsonObject line = saw("event");
    line.addProperty("subscription", subscription);
    line.addProperty("topic", event.topic());
    line.addProperty("sequence", event.sequence());
    line.addProperty("source", event.source());
    line.addProperty("type", event.type());
    event.content().ifPresent(content -> Contents.into(line, content));
    line.add("attributes", Contents.tree(event.attributes()));
    line.addProperty("origin", event.fromProgram() ? "NODE" : "UNSPECIFIED");
    JsonObject body = body(event.body());
    if (body != null) line.add("body", body);
    return line;
  }

  private static JsonObject body(Event event) {
    JsonObject body = new JsonObject();
    switch (event.getBodyCase()) {
      case NODE_JOINED -> body.addProperty("name", event.getNodeJoined().getNode().getName());
      case NODE_UPDATED -> body.addProperty("name", event.getNodeUpdated().getNode().getName());
      case NODE_LEFT -> {
        body.addProperty("name", event.getNodeLeft().getNode().getName());
        body.addProperty("reason", bare(event.getNodeLeft().getReason(), "NODE_LEAVE_REASON_"));
      }
      case PLAYER_JOINED -> body.addProperty("id", event.getPlayerJoined().getPlayer().getId());
      case PLAYER_MOVED -> body.addProperty("id", event.getPlayerMoved().getPlayer().getId());
      case PLAYER_UPDATED -> body.addProperty("id", event.getPlayerUpdated().getPlayer().getId());
      case PLAYER_LEFT -> {
        body.addProperty("id", event.getPlayerLeft().getPlayer().getId());
        body.addProperty("reason", bare(event.getPlayerLeft().getReason(), "PLAYER_LEAVE_REASON_"));
      }
      case STATE_CHANGED -> body.addProperty("key", event.getStateChanged().getValue().getKey());
      case STATE_DELETED -> body.addProperty("key", event.getStateDeleted().getValue().getKey());
      case MESSAGE_PUBLISHED, BODY_NOT_SET -> {
        return null;
      }
      default -> {}
    }
    body.addProperty("kind", camel(event.getBodyCase().name()));
    return body;
  }

  static JsonObject status(Status status) {
    JsonObject line = saw("status");
    String type = status.getClass().getSimpleName();
    line.addProperty("type", type.substring(0, 1).toLowerCase(Locale.ROOT) + type.substring(1));
    if (status instanceof Status.Connecting one) line.addProperty("endpoint", one.endpoint());
    if (status instanceof Status.Connected one) {
      line.addProperty("endpoint", one.endpoint());
      line.addProperty("outcome", bare(one.welcome().getOutcome(), "WELCOME_OUTCOME_"));
    }
    if (status instanceof Status.Lost one) {
      line.addProperty("type", "gap");
      line.addProperty("reason", bare(one.gap().getReason(), "GAP_REASON_"));
      line.add("topics", Contents.tree(one.gap().getTopicsList()));
    }
    if (status instanceof Status.HandlerFailed one) line.addProperty("pattern", one.pattern());
    if (status instanceof Status.Refused one) line.addProperty("reason", one.error().reason().name());
    if (status instanceof Status.Disconnected one) reason(line, one.error());
    if (status instanceof Status.Closed one) reason(line, one.error());
    return line;
  }

  private static void reason(JsonObject line, Optional<KelpieException> error) {
    error.ifPresent(one -> line.addProperty("reason", one.reason().name()));
  }

  static JsonObject saw(String what) {
    JsonObject line = new JsonObject();
    line.addProperty("saw", what);
    return line;
  }

  /** The name of an enum without its prefix. A number that this version does not know has none. */
  static String bare(Enum<?> value, String prefix) {
    return value.name().startsWith(prefix) ? value.name().substring(prefix.length()) : "UNKNOWN";
  }

  private static String camel(String name) {
    StringBuilder camel = new StringBuilder();
    for (String word : name.toLowerCase(Locale.ROOT).split("_"))
      camel.append(camel.isEmpty() ? word : word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1));
    return camel.toString();
  }
}
