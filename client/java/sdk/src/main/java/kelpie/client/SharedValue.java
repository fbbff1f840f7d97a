package kelpie.client;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import kelpie.v1.StateValue;

/**
 * A value that the programs of a network share.
 *
 * @param bucket the bucket
 * @param key the key
 * @param content the content
 * @param sequence the sequence of the last write: what a later write may expect
 * @param updateTime when the coordinator took the value, by its own clock. For display only
 * @param ttl the time after which the value ends; empty: it does not end by itself
 * @param owner the node that the value ends with; empty: none
 */
public record SharedValue(
    String bucket,
    String key,
    Content content,
    long sequence,
    Instant updateTime,
    Optional<Duration> ttl,
    String owner)
    implements ValueChange {
  static SharedValue of(StateValue value, long sequence) {
    return new SharedValue(
        value.getBucket(),
        value.getKey(),
        new Content(value.getContent()),
        sequence,
        Instant.ofEpochSecond(value.getUpdateTime().getSeconds(), value.getUpdateTime().getNanos()),
        value.hasTtl() ? Optional.of(Durations.of(value.getTtl())) : Optional.empty(),
        value.getOwner());
  }
}
