package driver;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import kelpie.client.Content;

/** Content in the fields of a line, and as the library has it. */
final class Contents {
  private static final Gson GSON = new GsonBuilder().serializeNulls().setObjectToNumberStrategy(ToNumberPolicy.DOUBLE).create();

  private Contents() {}

  static Content of(JsonElement given) {
    JsonObject fields = given.getAsJsonObject();
    if (fields.has("text")) return Content.text(fields.get("text").getAsString());
    JsonElement json = fields.get("json");
    if (json != null && json.isJsonArray()) return Content.json(GSON.fromJson(json, new TypeToken<List<Object>>() {}));
    if (json != null) return Content.json(GSON.fromJson(json, new TypeToken<Map<String, Object>>() {}));
    return Content.bytes(Base64.getDecoder().decode(Options.text(given, "base64")));
  }

  /** Adds content to a line. */
  static JsonObject into(JsonObject line, Content content) {
    content.asText().ifPresent(text -> line.addProperty("text", text));
    content.asBytes().ifPresent(bytes -> line.addProperty("base64", Base64.getEncoder().encodeToString(bytes)));
    content.asObject().ifPresent(object -> line.add("json", GSON.toJsonTree(object)));
    content.asList().ifPresent(list -> line.add("json", GSON.toJsonTree(list)));
    return line;
  }

  static JsonElement tree(Object value) {
    return GSON.toJsonTree(value);
  }
}
