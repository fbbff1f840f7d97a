package kelpie.client;

import kelpie.v1.StateEndReason;

/**
 * A shared value that has ended.
 *
 * @param bucket the bucket
 * @param key the key
 * @param sequence the position of the end
 * @param reason the reason. UNSPECIFIED: the value ended while this node did not get its event
 */
public record EndedValue(String bucket, String key, long sequence, StateEndReason reason) implements ValueChange {}
