package kelpie.client;

import kelpie.v1.EventDraft;
import kelpie.v1.MessageOrigin;
import kelpie.v1.Payload;

/** Messages to publish. */
final class Drafts {
  private Drafts() {}

  /** Throws TOPIC_INVALID or TOPIC_RESERVED. */
  static EventDraft of(String topic, Content content, PublishOptions options) {
    Payload.Builder payload =
        Payload.newBuilder()
            .setType(options.type())
            .setContent(content.toWire())
            .putAllAttributes(options.attributes());
    if (options.fromProgram()) payload.setOrigin(MessageOrigin.MESSAGE_ORIGIN_NODE);
    return EventDraft.newBuilder().setTopic(Topics.checkTopic(topic)).setPayload(payload).build();
  }
}
