package kelpie.client;

/** Text of callers. */
final class Texts {
  /** A message shows at most this many characters of a value. */
  private static final int SHOWN = 80;

  private Texts() {}

  /** Text that UTF-8 can carry unchanged. Throws VALUE_INVALID for null, and for half of a surrogate pair. */
  static String wellFormed(String field, String text) {
    if (text == null) throw Errors.invalid(field + " is null; it must be text", field);
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      if (!Character.isSurrogate(unit)) continue;
      boolean pair =
          Character.isHighSurrogate(unit) && at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1));
      if (!pair) throw Errors.invalid(field + " has half of a surrogate pair in it", field);
      at++;
    }
    return text;
  }

  /** At most this many code points. */
  static String cut(String text, int most) {
    if (text.codePointCount(0, text.length()) <= most) return text;
    return text.substring(0, text.offsetByCodePoints(0, most - 1)) + "…";
  }

  /** A text in a few words, for a message. */
  static String shown(String text) {
    return text == null ? "null" : '"' + printable(cut(text, SHOWN)) + '"';
  }

  /** Control characters of others as escapes, so that no text of a peer controls a terminal. */
  static String printable(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    text.chars()
        .forEach(
            unit -> {
              if (Character.isISOControl(unit)) shown.append(String.format("\\u%04x", unit));
              else shown.append((char) unit);
            });
    return shown.toString();
  }
}
