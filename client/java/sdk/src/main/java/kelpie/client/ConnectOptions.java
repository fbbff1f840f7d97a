package kelpie.client;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;
import kelpie.v1.NodeLoad;
import kelpie.v1.NodeRole;
import kelpie.v1.NodeState;

/**
 * The facts of a node, and how it connects. {@link #builder} makes it.
 *
 * <p>Certificates are texts in PEM, or paths of files, which the client reads again for each connection. The client uses
 * TLS for each coordinator on another machine, and on this machine if {@code ca}, {@code cert} or {@code tls} is given.
 */
public final class ConnectOptions {
  final String name;
  final NodeRole role;
  final List<String> endpoints;
  final kelpie.v1.Address address;
  final kelpie.v1.Address publicAddress;
  final Map<String, String> labels;
  final Integer maxPlayers;
  final String motd;
  final String software;
  final String version;
  final NodeState state;
  final Start start;
  final Duration handlerTimeout;
  final boolean excludeOwn;
  final Supplier<NodeLoad> load;
  final Path cursorFile;
  final Path rosterFile;
  final boolean rosterPlayers;
  final PlayersOptions players;
  final Executor executor;
  final Consumer<String> logger;
  final String token;
  final Path tokenFile;
  final String joinToken;
  final String ca;
  final String cert;
  final String key;
  final boolean tls;
  final boolean insecure;
  final String network;

  private ConnectOptions(Builder builder) {
    name = Texts.wellFormed("name", builder.name);
    role = builder.role;
    endpoints = Endpoints.of(builder.endpoints);
    address = builder.address;
    publicAddress = builder.publicAddress;
    labels = Map.copyOf(builder.labels);
    maxPlayers = builder.maxPlayers;
    motd = Texts.wellFormed("motd", builder.motd);
    software = Texts.wellFormed("software", builder.software);
    version = Texts.wellFormed("version", builder.version);
    state = builder.state;
    start = builder.start;
    handlerTimeout = builder.handlerTimeout;
    excludeOwn = builder.excludeOwn;
    load = builder.load;
    cursorFile = builder.cursorFile;
    rosterFile = builder.rosterFile;
    rosterPlayers = builder.rosterPlayers;
    players = builder.players;
    executor = builder.executor;
    logger = builder.logger;
    token = builder.token;
    tokenFile = builder.tokenFile;
    joinToken = builder.joinToken;
    ca = builder.ca;
    cert = builder.cert;
    key = builder.key;
    tls = builder.tls;
    insecure = builder.insecure;
    network = Environment.or(builder.network, "KELPIE_NETWORK");
  }

  /**
   * Begins the options of a node.
   *
   * @param name unique in the network: letters, digits, {@code _} and {@code -}. Upper and lower case count as the same
   * @param role NODE_ROLE_PROXY: players connect to it. NODE_ROLE_DOWNSTREAM: players play on it. NODE_ROLE_SERVICE: any
   *     other process
   */
  public static Builder builder(String name, NodeRole role) {
    return new Builder(name, role);
  }

  /** Collects the options of a node. */
  public static final class Builder {
    private static final Duration LONGEST_HANDLING = Duration.ofDays(1);

    private final String name;
    private final NodeRole role;
    private List<String> endpoints;
    private kelpie.v1.Address address;
    private kelpie.v1.Address publicAddress;
    private Map<String, String> labels = Map.of();
    private Integer maxPlayers;
    private String motd = "";
    private String software = "";
    private String version = "";
    private NodeState state = NodeState.NODE_STATE_READY;
    private Start start = Start.snapshot();
    private Duration handlerTimeout = Duration.ofSeconds(10);
    private boolean excludeOwn;
    private Supplier<NodeLoad> load;
    private Path cursorFile;
    private Path rosterFile;
    private boolean rosterPlayers;
    private PlayersOptions players;
    private Executor executor;
    private Consumer<String> logger;
    private String token;
    private Path tokenFile;
    private String joinToken;
    private String ca;
    private String cert;
    private String key;
    private boolean tls;
    private boolean insecure;
    private String network;

    private Builder(String name, NodeRole role) {
      this.name = name;
      this.role = role;
      if (role == null || role == NodeRole.NODE_ROLE_UNSPECIFIED || role == NodeRole.UNRECOGNIZED)
        throw Errors.invalid("role must be NODE_ROLE_PROXY, NODE_ROLE_DOWNSTREAM or NODE_ROLE_SERVICE", "role");
    }

    /** The coordinators, each as host:port. Default: KELPIE_ENDPOINTS (a list with commas), else 127.0.0.1:50051. */
    public Builder endpoints(String... endpoints) {
      this.endpoints = List.of(endpoints);
      return this;
    }

    /** The port where proxies reach this node, at the address that the coordinator sees. */
    public Builder address(int port) {
      return address("", port);
    }

    /** The address where proxies reach this node. An empty host means the address that the coordinator sees. */
    public Builder address(String host, int port) {
      address = Endpoints.address("address", host, port);
      return this;
    }

    /** The address that a Bedrock transfer names to players. */
    public Builder publicAddress(String host, int port) {
      publicAddress = Endpoints.address("publicAddress", host, port);
      return this;
    }

    /** Free labels, to select nodes by: at most 64, with names of 1 to 63 bytes and values of at most 255 bytes. */
    public Builder labels(Map<String, String> labels) {
      labels.forEach((label, value) -> Texts.wellFormed("labels." + Texts.wellFormed("a label", label), value));
      this.labels = Map.copyOf(labels);
      return this;
    }

    /** The most players of this node. Left out: the node reports no limit. */
    public Builder maxPlayers(int maxPlayers) {
      if (maxPlayers < 0) throw Errors.outOfRange("maxPlayers", maxPlayers, "a whole number from 0 on");
      this.maxPlayers = maxPlayers;
      return this;
    }

    /** The message of the day, at most 1024 bytes. */
    public Builder motd(String motd) {
      this.motd = motd;
      return this;
    }

    /** The software and its version, for people: at most 128 bytes each. */
    public Builder software(String software, String version) {
      this.software = software;
      this.version = version;
      return this;
    }

    /** The state of the node when it joins. Default READY. */
    public Builder state(NodeState state) {
      this.state = state;
      return this;
    }

    /** Where the first stream starts to read. Default snapshot. Later streams continue where the one before ended. */
    public Builder start(Start start) {
      this.start = start;
      return this;
    }

    /** How long a handler may take before its event counts as processed. Default 10 s; 1 ms to a day. */
    public Builder handlerTimeout(Duration handlerTimeout) {
      if (handlerTimeout.toMillis() < 1 || handlerTimeout.compareTo(LONGEST_HANDLING) > 0)
        throw Errors.outOfRange("handlerTimeout", handlerTimeout, "1 ms to a day");
      this.handlerTimeout = handlerTimeout;
      return this;
    }

    /** Leave out the events that this node published, and the events about this node. Default false. */
    public Builder excludeOwn(boolean excludeOwn) {
      this.excludeOwn = excludeOwn;
      return this;
    }

    /**
     * Called with each heartbeat, every 5 s by default, on a thread of the client: it must not wait. Others see the load
     * in their rosters.
     */
    public Builder load(Supplier<NodeLoad> load) {
      this.load = load;
      return this;
    }

    /**
     * A file for the position up to which the handlers have handled events. The next process continues there; {@code
     * start} counts only while there is no file. The last handled events may come again.
     */
    public Builder cursorFile(Path cursorFile) {
      this.cursorFile = cursorFile;
      return this;
    }

    /** A file for the roster, so that the roster of the next process answers before a coordinator does. */
    public Builder rosterFile(Path rosterFile) {
      this.rosterFile = rosterFile;
      return this;
    }

    /** Whether the roster has the online players of the network beside the nodes. Default false. */
    public Builder rosterPlayers(boolean rosterPlayers) {
      this.rosterPlayers = rosterPlayers;
      return this;
    }

    /** For a proxy, or a server that players join directly: it reports its players with {@code client.players()}. */
    public Builder players(PlayersOptions players) {
      this.players = players;
      return this;
    }

    /**
     * Runs the handlers of events and commands, and the listeners of statuses: for example the scheduler of a server's
     * main thread. Default: a thread of the client's own. The futures of the client complete on another thread of the
     * client, so that they complete also while this executor is busy. A function that the executor calls within {@code
     * execute}, as {@code Runnable::run} and {@code CallerRunsPolicy} do, runs on the client's own thread of handlers, so
     * that the client does not wait for it. The executor may refuse functions while it is full: the client gives it the
     * events again.
     */
    public Builder executor(Executor executor) {
      this.executor = executor;
      return this;
    }

    /** Takes the warnings while there is no listener of statuses. Default: {@code System.Logger} "kelpie". */
    public Builder logger(Consumer<String> logger) {
      this.logger = logger;
      return this;
    }

    /** The token of the node. Without it and {@code tokenFile}: KELPIE_TOKEN, or the file of KELPIE_TOKEN_FILE. */
    public Builder token(String token) {
      this.token = token;
      return this;
    }

    /** A file of the token. The client reads it at each connect, so a token can be replaced while the program runs. */
    public Builder tokenFile(Path tokenFile) {
      this.tokenFile = tokenFile;
      return this;
    }

    /**
     * If there is no {@code tokenFile}, the node joins with this token: it draws a token of its own, writes it into the
     * file, for its user alone to read, and the coordinator makes a credential for it. Default: KELPIE_JOIN_TOKEN.
     */
    public Builder joinToken(String joinToken) {
      this.joinToken = joinToken;
      return this;
    }

    /** The CA of the coordinators. Default: KELPIE_CA, else the CAs that Java trusts. */
    public Builder ca(String pemOrPath) {
      ca = pemOrPath;
      return this;
    }

    /**
     * The certificate of this client and its private key, for coordinators that demand one. Default: KELPIE_CERT and
     * KELPIE_KEY.
     */
    public Builder cert(String certPemOrPath, String keyPemOrPath) {
      cert = certPemOrPath;
      key = keyPemOrPath;
      return this;
    }

    /** Use TLS on this machine too. Default false. */
    public Builder tls(boolean tls) {
      this.tls = tls;
      return this;
    }

    /**
     * Send everything in plain text, a token too, also to other machines. Only for networks that you trust. Default
     * false.
     */
    public Builder insecure(boolean insecure) {
      this.insecure = insecure;
      return this;
    }

    /**
     * The network that the node must be in. If its credential is of another one, the client opens no session, and ends
     * with NETWORK_MISMATCH. Default: KELPIE_NETWORK, else any network.
     */
    public Builder network(String network) {
      this.network = network;
      return this;
    }

    /** The options. Throws VALUE_INVALID or OUT_OF_RANGE for a value that cannot work. */
    public ConnectOptions build() {
      return new ConnectOptions(this);
    }
  }
}
