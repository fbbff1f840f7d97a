package kelpie.client;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Pattern;
import kelpie.v1.StateValue;

/** The bucket and the key of a shared value, and their form in topics. */
record ValuePlace(String bucket, String key) {
  private static final Pattern BUCKET = Pattern.compile("[a-z0-9][a-z0-9_-]{0,62}");
  private static final int KEY_BYTES = 128;
  private static final int ENCODED_BYTES = 180;

  /** Throws VALUE_INVALID for null, and KEY_INVALID. */
  static ValuePlace of(String bucket, String key) {
    ValuePlace place = new ValuePlace(checkedBucket(bucket), Texts.wellFormed("key", key));
    place.checkKey();
    return place;
  }

  static ValuePlace of(StateValue value) {
    return new ValuePlace(value.getBucket(), value.getKey());
  }

  /** Throws VALUE_INVALID for null, and KEY_INVALID. */
  static String checkedBucket(String bucket) {
    if (BUCKET.matcher(Texts.wellFormed("bucket", bucket)).matches()) return bucket;
    String rule = "a bucket has 1 to 63 of a-z, 0-9, \"_\" and \"-\", and begins with a letter or digit";
    throw invalid("bucket", Texts.shown(bucket) + " cannot be a bucket: " + rule);
  }

  private void checkKey() {
    int bytes = key.length() > KEY_BYTES ? key.length() : key.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < 1 || bytes > KEY_BYTES)
      throw invalid("key", "a key has 1 to " + KEY_BYTES + " bytes; " + Texts.shown(key) + " has " + bytes);
    int encoded = encodedKey().length();
    if (encoded <= ENCODED_BYTES) return;
    String message =
        "%s has %d bytes in its topic, where a byte other than a letter, a digit or \"-\" takes three; the limit is %d";
    throw invalid("key", message.formatted(Texts.shown(key), encoded, ENCODED_BYTES));
  }

  /** The topic of the value. */
  String topic() {
    return "state." + bucket + "." + encodedKey();
  }

  /** The pattern of all values of a bucket. */
  static String patternOf(String bucket) {
    return "state." + bucket + ".*";
  }

  /** Each byte other than a letter, a digit or {@code -} becomes {@code _} and two hex digits in lower case. */
  private String encodedKey() {
    StringBuilder encoded = new StringBuilder();
    for (byte unit : key.getBytes(StandardCharsets.UTF_8)) {
      if (stays(unit)) encoded.append((char) unit);
      else encoded.append(String.format("_%02x", unit));
    }
    return encoded.toString();
  }

  private static boolean stays(byte unit) {
    return (unit >= 'A' && unit <= 'Z') || (unit >= 'a' && unit <= 'z') || (unit >= '0' && unit <= '9') || unit == '-';
  }

  private static KelpieException invalid(String field, String message) {
    return Errors.permanent(Reason.KEY_INVALID, message, Map.of("field", field));
  }
}
