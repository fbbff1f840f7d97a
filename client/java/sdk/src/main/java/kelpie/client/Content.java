package kelpie.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The content of a message: text, bytes, or JSON, which is an object or a list. It never changes. The values of JSON
 * are {@code String}, {@code Boolean}, {@code Number}, {@code null}, {@code Map<String, ?>} and {@code List<?>}.
 */
public final class Content {
  private final kelpie.v1.Content wire;

  Content(kelpie.v1.Content wire) {
    this.wire = wire;
  }

  /** Text. Throws VALUE_INVALID for half of a surrogate pair. */
  public static Content text(String text) {
    return new Content(kelpie.v1.Content.newBuilder().setText(Texts.wellFormed("content", text)).build());
  }

  /** A copy of bytes. */
  public static Content bytes(byte[] bytes) {
    return new Content(kelpie.v1.Content.newBuilder().setData(ByteString.copyFrom(bytes)).build());
  }

  /** A JSON object: a copy. Throws VALUE_INVALID for a value that JSON does not have, or CONTENT_TOO_DEEP. */
  public static Content json(Map<String, ?> object) {
    Struct struct = new Json().struct(object);
    return new Content(kelpie.v1.Content.newBuilder().setJson(struct).build());
  }

  /** A JSON list: a copy. Throws as {@link #json(Map)} does. */
  public static Content json(List<?> list) {
    ListValue values = new Json().list(list);
    return new Content(kelpie.v1.Content.newBuilder().setList(values).build());
  }

  /** The text; empty if the content is not text. */
  public Optional<String> asText() {
    return wire.hasText() ? Optional.of(wire.getText()) : Optional.empty();
  }

  /** A copy of the bytes; empty if the content is not bytes. */
  public Optional<byte[]> asBytes() {
    return wire.hasData() ? Optional.of(wire.getData().toByteArray()) : Optional.empty();
  }

  /** The JSON object; empty if the content is none. Each number is a {@code Double}. */
  public Optional<Map<String, Object>> asObject() {
    return wire.hasJson() ? Optional.of(Json.mapOf(wire.getJson())) : Optional.empty();
  }

  /** The JSON list; empty if the content is none. Each number is a {@code Double}. */
  public Optional<List<Object>> asList() {
    return wire.hasList() ? Optional.of(Json.listOf(wire.getList())) : Optional.empty();
  }

  /** The content in the form of the contract. */
  public kelpie.v1.Content toWire() {
    return wire;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Content content && content.wire.equals(wire);
  }

  @Override
  public int hashCode() {
    return Objects.hash(wire);
  }

  /** For people: the text, the number of bytes, or the JSON in the form of Java. */
  @Override
  public String toString() {
    return switch (wire.getFormCase()) {
      case TEXT -> wire.getText();
      case DATA -> wire.getData().size() + " bytes";
      case JSON -> Json.mapOf(wire.getJson()).toString();
      case LIST -> Json.listOf(wire.getList()).toString();
      case FORM_NOT_SET -> "";
    };
  }
}
