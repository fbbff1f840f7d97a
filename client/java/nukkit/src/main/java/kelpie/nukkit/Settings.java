package kelpie.nukkit;

import cn.nukkit.Server;
import cn.nukkit.utils.Config;
import cn.nukkit.utils.ConfigSection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import kelpie.client.ConnectOptions;
import kelpie.v1.NodeRole;

/** config.yml. */
final class Settings {
  private final Config config;
  private final Server server;
  private final Path folder;

  Settings(Config config, Server server, Path folder) {
    this.config = config;
    this.server = server;
    this.folder = folder;
  }

  /** Throws KelpieException for a value that cannot work. */
  ConnectOptions.Builder options() {
    String name = text("name").orElse("nukkit-" + server.getPort());
    ConnectOptions.Builder options =
        ConnectOptions.builder(name, NodeRole.NODE_ROLE_DOWNSTREAM)
            .address(text("address.host").orElse(ownHost()), portOr("address.port", server.getPort()))
            .labels(labels())
            .maxPlayers(server.getMaxPlayers())
            .motd(server.getMotd())
            .software(server.getName() + " " + server.getNukkitVersion(), server.getVersion());
    List<String> endpoints = config.getStringList("endpoints");
    if (!endpoints.isEmpty()) options.endpoints(endpoints.toArray(String[]::new));
    text("token").ifPresent(options::token);
    text("token-file").map(this::path).ifPresent(options::tokenFile);
    text("join-token").ifPresent(options::joinToken);
    text("tls.ca").map(this::file).ifPresent(options::ca);
    text("tls.cert").ifPresent(cert -> options.cert(file(cert), file(text("tls.key").orElse(""))));
    options.insecure(config.getBoolean("tls.insecure", false));
    if (directPlayers())
      text("public-address.host")
          .ifPresent(host -> options.publicAddress(host, portOr("public-address.port", server.getPort())));
    return options;
  }

  /** Whether players join this server directly. */
  boolean directPlayers() {
    return config.getBoolean("direct-players", false);
  }

  /** Empty: the server takes no part in the chat of the network. */
  Optional<String> chatTopic() {
    return text("chat.topic", "chat.global");
  }

  String chatFormat() {
    return text("chat.format").orElse("<{player}@{server}> {text}");
  }

  Duration stopTime() {
    return Duration.ofSeconds(Math.max(0, config.getInt("stop-seconds", 3)));
  }

  /** An empty host means the address that the coordinator sees. */
  private String ownHost() {
    String ip = server.getIp();
    return ip.isEmpty() || ip.equals("0.0.0.0") ? "" : ip;
  }

  private Map<String, String> labels() {
    Map<String, String> labels = new HashMap<>();
    ConfigSection section = config.getSection("labels");
    section.forEach((label, value) -> labels.put(label, String.valueOf(value)));
    return labels;
  }

  private int portOr(String key, int otherwise) {
    int port = config.getInt(key, 0);
    return port == 0 ? otherwise : port;
  }

  private Optional<String> text(String key) {
    return text(key, "");
  }

  /** The default is for a file that lacks the key: an older one. */
  private Optional<String> text(String key, String otherwise) {
    return Optional.ofNullable(config.getString(key, otherwise)).map(String::strip).filter(text -> !text.isEmpty());
  }

  private Path path(String name) {
    return folder.resolve(name);
  }

  private String file(String name) {
    return path(name).toString();
  }
}
