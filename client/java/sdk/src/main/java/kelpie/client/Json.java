package kelpie.client;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON in the form of Java and in the form of the contract. One instance copies one value. */
final class Json {
  /** The most levels of objects and lists, with the outermost one: see Limits.json_depth. */
  static final int DEPTH = 30;

  /** The most bytes that the client copies. The limit of a coordinator is lower. */
  private static final int MOST_BYTES = 16 * 1024 * 1024;

  private long bytes;

  Struct struct(Map<String, ?> object) {
    return struct(object, "content", 1);
  }

  ListValue list(List<?> list) {
    return list(list, "content", 1);
  }

  private Struct struct(Map<?, ?> object, String place, int depth) {
    Struct.Builder struct = Struct.newBuilder();
    object.forEach(
        (key, value) -> {
          if (!(key instanceof String name))
            throw Errors.invalid(place + " has a key that is no text; keys are text", place);
          weigh(name.length());
          struct.putFields(Texts.wellFormed("a key of " + place, name), value(value, place + "." + name, depth));
        });
    return struct.build();
  }

  private ListValue list(List<?> list, String place, int depth) {
    ListValue.Builder values = ListValue.newBuilder();
    for (Object one : list) values.addValues(value(one, place + "[" + values.getValuesCount() + "]", depth));
    return values.build();
  }

  private Value value(Object value, String place, int depth) {
    // Each value takes at least two tags and two lengths.
    weigh(value instanceof String text ? text.length() + 4 : 4);
    Value.Builder wire = Value.newBuilder();
    if (value == null) return wire.setNullValue(NullValue.NULL_VALUE).build();
    if (value instanceof Boolean flag) return wire.setBoolValue(flag).build();
    if (value instanceof String text) return wire.setStringValue(Texts.wellFormed(place, text)).build();
    if (value instanceof Number number) return wire.setNumberValue(finite(number, place)).build();
    if (!(value instanceof Map) && !(value instanceof List)) throw noJson(value.getClass().getSimpleName(), place);
    if (depth >= DEPTH) throw tooDeep(DEPTH);
    if (value instanceof Map<?, ?> object) return wire.setStructValue(struct(object, place, depth + 1)).build();
    return wire.setListValue(list((List<?>) value, place, depth + 1)).build();
  }

  private static double finite(Number number, String place) {
    double value = number.doubleValue();
    if (Double.isFinite(value)) return value;
    throw noJson(number.toString(), place);
  }

  private static KelpieException noJson(String what, String place) {
    return Errors.invalid(place + " is " + what + "; JSON has no such value", place);
  }

  /** Counts the least bytes that a value takes, so that an endless object is refused before it is copied. */
  private void weigh(int more) {
    bytes += more;
    if (bytes <= MOST_BYTES) return;
    throw Errors.permanent(
        Reason.PAYLOAD_TOO_LARGE, "the content has more than " + MOST_BYTES + " bytes", Map.of());
  }

  static KelpieException tooDeep(int levels) {
    String message =
        "content has at most " + levels + " objects and lists in each other; send it as text, or less deep";
    return Errors.permanent(Reason.CONTENT_TOO_DEEP, message, Map.of("limit", String.valueOf(levels)));
  }

  /** Whether content has more than this many levels. A coordinator may take fewer levels than this client does. */
  static boolean isDeeper(kelpie.v1.Content content, int levels) {
    if (levels >= DEPTH) return false;
    return switch (content.getFormCase()) {
      case JSON -> isDeeper(Value.newBuilder().setStructValue(content.getJson()).build(), levels);
      case LIST -> isDeeper(Value.newBuilder().setListValue(content.getList()).build(), levels);
      default -> false;
    };
  }

  private static boolean isDeeper(Value value, int levels) {
    return switch (value.getKindCase()) {
      case STRUCT_VALUE -> levels == 0
          || value.getStructValue().getFieldsMap().values().stream().anyMatch(one -> isDeeper(one, levels - 1));
      case LIST_VALUE -> levels == 0
          || value.getListValue().getValuesList().stream().anyMatch(one -> isDeeper(one, levels - 1));
      default -> false;
    };
  }

  static Map<String, Object> mapOf(Struct struct) {
    Map<String, Object> map = new LinkedHashMap<>();
    struct.getFieldsMap().forEach((name, value) -> map.put(name, valueOf(value)));
    return Collections.unmodifiableMap(map);
  }

  static List<Object> listOf(ListValue values) {
    List<Object> list = new ArrayList<>(values.getValuesCount());
    for (Value value : values.getValuesList()) list.add(valueOf(value));
    return Collections.unmodifiableList(list);
  }

  private static Object valueOf(Value value) {
    return switch (value.getKindCase()) {
      case NUMBER_VALUE -> value.getNumberValue();
      case STRING_VALUE -> value.getStringValue();
      case BOOL_VALUE -> value.getBoolValue();
      case STRUCT_VALUE -> mapOf(value.getStructValue());
      case LIST_VALUE -> listOf(value.getListValue());
      case NULL_VALUE, KIND_NOT_SET -> null;
    };
  }
}
