package kelpie.client;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import kelpie.v1.Address;

/** Addresses as people and programs write them. */
final class Endpoints {
  /** The address on which kelpied listens by default. */
  private static final String DEFAULT = "127.0.0.1:50051";

  private static final Pattern ENDPOINT = Pattern.compile("(\\[[^\\]]+]|[^:\\s]+):(\\d{1,5})");
  private static final Pattern IPV4_LOOPBACK = Pattern.compile("127(\\.\\d{1,3}){3}");
  private static final int MOST_PORT = 65_535;

  private Endpoints() {}

  /** The endpoints of the option, else those of the environment, else the default. Throws OUT_OF_RANGE. */
  static List<String> of(List<String> given) {
    List<String> all = given;
    if (all == null) {
      String variable = Environment.or(null, "KELPIE_ENDPOINTS");
      all = Arrays.asList((variable == null ? DEFAULT : variable).split(","));
    }
    List<String> endpoints = all.stream().map(String::trim).toList();
    if (endpoints.isEmpty()) throw noEndpoint("");
    for (String one : endpoints) {
      if (!isEndpoint(one)) throw noEndpoint(one);
      if (!isHost(hostOf(one))) throw noHost(one);
    }
    return endpoints;
  }

  private static boolean isEndpoint(String text) {
    Matcher parts = ENDPOINT.matcher(text);
    return parts.matches() && isPort(Integer.parseInt(parts.group(2)));
  }

  /** Whether gRPC takes the name: it takes no underscore, which names of containers often have. */
  private static boolean isHost(String host) {
    try {
      return new URI(null, null, host, 1, null, null, null).getHost() != null;
    } catch (URISyntaxException broken) {
      return false;
    }
  }

  private static KelpieException noHost(String text) {
    String message =
        "the client cannot connect to "
            + Texts.shown(text)
            + ": the name of a host has letters, digits, \"-\" and \".\" only; give it another name, or use its address";
    return Errors.permanent(Reason.OUT_OF_RANGE, message, Map.of("field", "endpoints"));
  }

  private static boolean isPort(int port) {
    return port >= 1 && port <= MOST_PORT;
  }

  private static KelpieException noEndpoint(String text) {
    return Errors.outOfRange("endpoints", Texts.shown(text), "host:port, as in 127.0.0.1:50051");
  }

  static Address address(String field, String host, int port) {
    if (!isPort(port)) throw Errors.outOfRange(field + ".port", port, "a whole number from 1 to " + MOST_PORT);
    return Address.newBuilder().setHost(Texts.wellFormed(field + ".host", host)).setPort(port).build();
  }

  /** The host of {@code host:port} or {@code [host]:port}. */
  static String hostOf(String endpoint) {
    String host = endpoint.substring(0, endpoint.lastIndexOf(':'));
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  static int portOf(String endpoint) {
    return Integer.parseInt(endpoint.substring(endpoint.lastIndexOf(':') + 1));
  }

  /** Whether no other machine can reach the host. The only name that counts is localhost: no name is looked up. */
  static boolean isLoopback(String host) {
    return host.equalsIgnoreCase("localhost")
        || IPV4_LOOPBACK.matcher(host).matches()
        || host.equals("::1")
        || host.equals("0:0:0:0:0:0:0:1");
  }
}
