package kelpie.client;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import kelpie.v1.Event;
import kelpie.v1.MessageOrigin;

/** An event as a handler gets it: a message, or an event of the coordinator. */
public final class ReceivedEvent {
  private final Event event;

  ReceivedEvent(Event event) {
    this.event = event;
  }

  /** The position in the journal. It grows with every event of the network. */
  public long sequence() {
    return event.getSequence();
  }

  /** The topic. */
  public String topic() {
    return event.getTopic();
  }

  /** The name of the node that published it; empty if the publisher had no session. */
  public String source() {
    return event.getSource();
  }

  /** When the coordinator took the event, by its own clock. For display only: the sequence gives the order. */
  public Instant time() {
    return Instant.ofEpochSecond(event.getTime().getSeconds(), event.getTime().getNanos());
  }

  /**
   * Whether the publisher reports that its own program wrote all of the content. If not, a player's client may have
   * written it: do not trust it.
   */
  public boolean fromProgram() {
    return event.getMessagePublished().getOrigin() == MessageOrigin.MESSAGE_ORIGIN_NODE;
  }

  /** The kind of message; empty for events that are no messages. */
  public String type() {
    return event.getMessagePublished().getType();
  }

  /** The content of the message; empty for events that are no messages. */
  public Optional<Content> content() {
    if (!event.hasMessagePublished()) return Optional.empty();
    return Optional.of(new Content(event.getMessagePublished().getContent()));
  }

  /** Small facts beside the content. */
  public Map<String, String> attributes() {
    return event.getMessagePublished().getAttributesMap();
  }

  /**
   * The event as the contract has it. For an event of the coordinator {@code body().getBodyCase()} names what happened:
   * NODE_JOINED, PLAYER_LEFT, ROUTING_CHANGED and so on.
   */
  public Event body() {
    return event;
  }

  /** For people. */
  @Override
  public String toString() {
    return topic() + " " + sequence() + content().map(content -> " " + content).orElse("");
  }
}
