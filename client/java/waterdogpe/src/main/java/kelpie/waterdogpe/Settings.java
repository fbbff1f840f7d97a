package kelpie.waterdogpe;

import dev.waterdog.waterdogpe.utils.config.Configuration;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import kelpie.client.ConnectOptions;
import kelpie.v1.DuplicatePolicy;
import kelpie.v1.NodeRole;

/** The plugin's config.yml. */
final class Settings {
  /** Well below the 60 s that the proxy waits for a login. */
  private static final int LONGEST_ACQUIRE_SECONDS = 30;

  private final Configuration config;

  final DuplicatePolicy policy;
  final Duration acquireTimeout;
  final boolean openWhenAway;
  final boolean registersServers;
  final boolean routes;
  final boolean networkCounts;

  /** Throws IllegalArgumentException with the key to mend. */
  Settings(Configuration config) {
    this.config = config;
    policy = policyOf(text("policy", "verify-old"));
    acquireTimeout = Duration.ofSeconds(seconds("acquire-timeout", 5));
    openWhenAway = flag("open-when-away", true);
    registersServers = flag("register-servers", true);
    routes = flag("route", true);
    networkCounts = flag("network-counts", true);
  }

  /** The options of the client, without those that the plugin itself sets. Files are relative to {@code folder}. */
  ConnectOptions.Builder options(Path folder) {
    ConnectOptions.Builder options = ConnectOptions.builder(text("name", "gate-1"), NodeRole.NODE_ROLE_PROXY);
    List<String> endpoints = texts("endpoints");
    if (!endpoints.isEmpty()) options.endpoints(endpoints.toArray(String[]::new));
    if (!text("token").isEmpty()) options.token(text("token"));
    if (!text("token-file").isEmpty()) options.tokenFile(folder.resolve(text("token-file")));
    if (!text("join-token").isEmpty()) options.joinToken(text("join-token"));
    if (!text("ca").isEmpty()) options.ca(pem(folder, text("ca")));
    if (!text("cert").isEmpty()) options.cert(pem(folder, text("cert")), pem(folder, text("key")));
    if (!text("network").isEmpty()) options.network(text("network"));
    publicAddress(options);
    return options.tls(flag("tls", false)).insecure(flag("insecure", false)).labels(labels());
  }

  private void publicAddress(ConnectOptions.Builder options) {
    String address = text("public-address");
    if (address.isEmpty()) return;
    int colon = address.lastIndexOf(':');
    String host = colon < 0 ? address : address.substring(0, colon);
    try {
      options.publicAddress(host.replace("[", "").replace("]", ""), Integer.parseInt(address.substring(colon + 1)));
    } catch (NumberFormatException noPort) {
      throw wrong("public-address", address, "host:port");
    }
  }

  private static String pem(Path folder, String pemOrPath) {
    return pemOrPath.startsWith("-----") ? pemOrPath : folder.resolve(pemOrPath).toString();
  }

  private static DuplicatePolicy policyOf(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "verify-old" -> DuplicatePolicy.DUPLICATE_POLICY_VERIFY_OLD;
      case "kick-old" -> DuplicatePolicy.DUPLICATE_POLICY_KICK_OLD;
      case "deny-new" -> DuplicatePolicy.DUPLICATE_POLICY_DENY_NEW;
      default -> throw wrong("policy", name, "verify-old, kick-old or deny-new");
    };
  }

  private int seconds(String key, int ifMissing) {
    Object value = get(key);
    if (value == null) return ifMissing;
    if (value instanceof Integer seconds && seconds >= 1 && seconds <= LONGEST_ACQUIRE_SECONDS) return seconds;
    throw wrong(key, value, "a whole number of seconds from 1 to " + LONGEST_ACQUIRE_SECONDS);
  }

  private boolean flag(String key, boolean ifMissing) {
    Object value = get(key);
    if (value == null) return ifMissing;
    if (value instanceof Boolean flag) return flag;
    throw wrong(key, value, "true or false");
  }

  private String text(String key) {
    return text(key, "");
  }

  private String text(String key, String ifMissing) {
    Object value = get(key);
    if (value == null) return ifMissing;
    if (value instanceof Map || value instanceof List) throw wrong(key, value, "text");
    return value.toString().trim();
  }

  private List<String> texts(String key) {
    Object value = get(key);
    if (value == null) return List.of();
    if (value instanceof List<?> all) return all.stream().map(String::valueOf).toList();
    return List.of(value.toString().trim().split("[,\\s]+"));
  }

  private Map<String, String> labels() {
    Object value = get("labels");
    if (value == null) return Map.of();
    if (!(value instanceof Map<?, ?> all)) throw wrong("labels", value, "names with values");
    Map<String, String> labels = new LinkedHashMap<>();
    all.forEach((name, label) -> labels.put(String.valueOf(name), String.valueOf(label)));
    return labels;
  }

  /** The proxy's getString answers the text "null" for a missing key, and its getBoolean throws: get does neither. */
  private Object get(String key) {
    return config.get(key);
  }

  private static IllegalArgumentException wrong(String key, Object value, String right) {
    return new IllegalArgumentException("config.yml: " + key + " is " + value + "; it must be " + right);
  }
}
