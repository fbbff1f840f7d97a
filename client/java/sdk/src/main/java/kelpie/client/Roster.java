package kelpie.client;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.GapReason;
import kelpie.v1.NamedLoad;
import kelpie.v1.NetworkSettings;
import kelpie.v1.Node;
import kelpie.v1.NodeLoad;
import kelpie.v1.NodeRole;
import kelpie.v1.NodeState;
import kelpie.v1.Player;
import kelpie.v1.PlayerLookup;
import kelpie.v1.RoutingRule;
import kelpie.v1.Row;
import kelpie.v1.Snapshot;

/**
 * A live copy of the network's nodes, routing rules and settings, and of its players if the options ask for them. It
 * answers at once, from memory, on every thread, also while no coordinator is connected.
 */
public final class Roster {
  /** Calls work once after a delay. Returns a function that stops it. */
  interface Timer {
    Runnable after(long delayMs, Runnable work);
  }

  private final List<String> topics;

  /** Completes when the first Snapshot is complete. */
  final CompletableFuture<Void> loaded = new CompletableFuture<>();

  private final Object lock = new Object();
  private final Rows<Node> nodes;
  /** Loads by node name, only of nodes that have a row. */
  private final Map<String, NodeLoad> loads = new HashMap<>();
  /** Null for a roster without players. */
  private final RosterPlayers players;
  private final RosterRouting routing;
  private final Rows<NetworkSettings> settings;
  private final Timer timer;
  /** Rows of an older history, or of a file, are stale. The next complete Snapshot starts their grace time. */
  private boolean hasStale;
  private Runnable sweep = () -> {};

  /** {@code onChange} runs under a lock: it returns at once. */
  Roster(boolean withPlayers, Runnable onChange, LongSupplier nowMs, Timer timer) {
    this.timer = timer;
    topics =
        withPlayers
            ? List.of("nodes.*", "players.*", "routing", "kelpie.settings")
            : List.of("nodes.*", "routing", "kelpie.settings");
    players =
        withPlayers
            ? new RosterPlayers(
                (before, after) -> {
                  playerChanged(before, after);
                  onChange.run();
                })
            : null;
    routing = new RosterRouting(players, onChange, nowMs);
    settings = new Rows<>(one -> "settings", (before, after) -> onChange.run());
    nodes =
        new Rows<>(
            Node::getName,
            (before, after) -> {
              if (after == null) loads.remove(before.getName());
              routing.nodeChanged(before, after);
              onChange.run();
            });
  }

  /** The roster of a client. */
  static Roster of(Session session, Runnable onChange) {
    Loop loop = session.loop();
    return new Roster(session.options().rosterPlayers, onChange, loop::nowMs, loop::after);
  }

  /** The topics that the roster reads. The session wants them from the beginning. */
  List<String> topics() {
    return topics;
  }

  private void playerChanged(Player before, Player after) {
    routing.playerChanged(before, after);
  }

  /** Whether a coordinator has sent the whole roster once. {@code KelpieClient.ready()} waits for it. */
  public boolean complete() {
    return loaded.isDone();
  }

  /** All nodes, by name. */
  public List<Node> nodes() {
    synchronized (lock) {
      return nodes.all();
    }
  }

  /** The node of a name, in any case. */
  public Optional<Node> node(String name) {
    synchronized (lock) {
      return Optional.ofNullable(nodes.get(lower(name)));
    }
  }

  /** The nodes of a role that are READY and have all these labels, by name. */
  public List<Node> ready(NodeRole role, Map<String, String> labels) {
    return nodes().stream()
        .filter(node -> node.getRole() == role && node.getState() == NodeState.NODE_STATE_READY)
        .filter(node -> node.getLabelsMap().entrySet().containsAll(labels.entrySet()))
        .toList();
  }

  /**
   * Whether the client has a node only from before the coordinator lost its history, or from the file, and no
   * coordinator has confirmed the node since.
   */
  public boolean isStale(String name) {
    synchronized (lock) {
      return nodes.isStale(lower(name));
    }
  }

  /** The load that a node reported last. It may be old. */
  public Optional<NodeLoad> load(String name) {
    synchronized (lock) {
      return Optional.ofNullable(loads.get(lower(name)));
    }
  }

  /** All online players, by id. Throws ROSTER_WITHOUT_PLAYERS, as the other methods about players do. */
  public List<Player> players() {
    synchronized (lock) {
      return withPlayers().rows.all();
    }
  }

  /** The online player of this id. */
  public Optional<Player> player(String id) {
    synchronized (lock) {
      return Optional.ofNullable(withPlayers().rows.get(id));
    }
  }

  /**
   * An online player. Names and UUIDs match in any case; if several names match, an exactly equal one wins. Throws
   * PLAYER_AMBIGUOUS if several names match and none is equal; VALUE_INVALID for an empty lookup.
   */
  public Optional<Player> player(PlayerLookup lookup) {
    synchronized (lock) {
      return withPlayers().find(lookup);
    }
  }

  /** The number of online players. */
  public int playerCount() {
    synchronized (lock) {
      return withPlayers().rows.size();
    }
  }

  /** The number of players on the proxy of this name. */
  public int playersOnProxy(String name) {
    synchronized (lock) {
      return withPlayers().onProxy(lower(name));
    }
  }

  /** The number of players on the server of this name. */
  public int playersOnServer(String name) {
    synchronized (lock) {
      return withPlayers().onServer(lower(name));
    }
  }

  private RosterPlayers withPlayers() {
    if (players != null) return players;
    String message = "this roster has no players; connect with the option rosterPlayers";
    throw Errors.permanent(Reason.ROSTER_WITHOUT_PLAYERS, message, Map.of());
  }

  /** The rules by which players find a server, in the order of the table. Empty if the network has none. */
  public List<RoutingRule> routing() {
    synchronized (lock) {
      return routing.table().getRulesList();
    }
  }

  /** The settings of the network: whether it is in maintenance, and for whom. */
  public NetworkSettings settings() {
    synchronized (lock) {
      List<NetworkSettings> all = settings.all();
      return all.isEmpty() ? NetworkSettings.getDefaultInstance() : all.get(0);
    }
  }

  /**
   * The server for a player, by the routing rules: at once, from memory. Empty if no server is open. The player then
   * counts as a player of that server, in picks of this process, until the roster shows that they are on a server or
   * gone, for at most 10 s and 10,000 players. A player whom this process holds counts for longer: until the roster
   * shows them on a server, or they leave. They count on the server that the process reported last, else on the picked
   * one. Another pick for a player replaces the first one. A pick without a player, or with only a name that nobody
   * online has, is a question: it counts nothing. Picks of other processes do not count here. Throws
   * ROSTER_WITHOUT_PLAYERS or PLAYER_AMBIGUOUS.
   */
  public Optional<PickedServer> pick(Pick pick) {
    synchronized (lock) {
      withPlayers();
      return routing.pick(pick);
    }
  }

  /** This process has the player on this server now. Empty: on none; null: the player left this process. */
  void own(String id, String server) {
    synchronized (lock) {
      if (players != null) routing.own(id, server);
    }
  }

  void applyLoads(List<NamedLoad> news) {
    synchronized (lock) {
      for (NamedLoad one : news) {
        if (one.hasLoad() && nodes.get(one.getName()) != null) loads.put(one.getName(), one.getLoad());
        // Also of a node whose row has not come yet: the coordinator does not repeat the number.
        if (one.hasReservedSlots())
          routing.reserve(one.getName(), Integer.toUnsignedLong(one.getReservedSlots()));
      }
    }
  }

  /** Takes a part of a Snapshot. Unconfirmed rows of another history stay for {@code graceMs}. */
  void applySnapshot(Snapshot part, long graceMs) {
    synchronized (lock) {
      if (part.hasCursor()) for (Rows<?> rows : kinds()) rows.begin();
      for (Row row : part.getRowsList()) put(row, row.getSequence());
      if (part.getComplete()) finish(graceMs);
    }
    if (part.getComplete()) loaded.complete(null);
  }

  private void finish(long graceMs) {
    for (Rows<?> rows : kinds()) rows.complete();
    if (hasStale) sweep = timer.after(graceMs, this::dropStale);
    hasStale = false;
  }

  private List<Rows<?>> kinds() {
    List<Rows<?>> kinds = new ArrayList<>(List.of(nodes, routing.rows, settings));
    if (players != null) kinds.add(players.rows);
    return kinds;
  }

  private void dropStale() {
    synchronized (lock) {
      for (Rows<?> rows : kinds()) rows.dropStale();
    }
  }

  private void put(Row row, long sequence) {
    switch (row.getResourceCase()) {
      case NODE -> nodes.put(row.getNode(), sequence);
      case PLAYER -> {
        if (players != null) players.rows.put(row.getPlayer(), sequence);
      }
      case ROUTING -> routing.rows.put(row.getRouting(), sequence);
      case SETTINGS -> settings.put(row.getSettings(), sequence);
      default -> {}
    }
  }

  /** Takes an event if it is newer than the row. */
  void applyEvent(Event event) {
    synchronized (lock) {
      long sequence = event.getSequence();
      switch (event.getBodyCase()) {
        case NODE_LEFT -> nodes.leave(event.getNodeLeft().getNode(), sequence);
        case PLAYER_LEFT -> {
          if (players != null) players.rows.leave(event.getPlayerLeft().getPlayer(), sequence);
        }
        default -> put(rowOf(event), sequence);
      }
    }
  }

  /** The resource that an event is about. */
  private static Row rowOf(Event event) {
    Row.Builder row = Row.newBuilder();
    switch (event.getBodyCase()) {
      case NODE_JOINED -> row.setNode(event.getNodeJoined().getNode());
      case NODE_UPDATED -> row.setNode(event.getNodeUpdated().getNode());
      case PLAYER_JOINED -> row.setPlayer(event.getPlayerJoined().getPlayer());
      case PLAYER_MOVED -> row.setPlayer(event.getPlayerMoved().getPlayer());
      case PLAYER_UPDATED -> row.setPlayer(event.getPlayerUpdated().getPlayer());
      case ROUTING_CHANGED -> row.setRouting(event.getRoutingChanged().getTable());
      case SETTINGS_CHANGED -> row.setSettings(event.getSettingsChanged().getSettings());
      default -> {}
    }
    return row.build();
  }

  void applyGap(Gap gap) {
    if (gap.getReason() == GapReason.GAP_REASON_TRIMMED) return;
    boolean newHistory = gap.getReason() == GapReason.GAP_REASON_EPOCH_CHANGED;
    synchronized (lock) {
      for (Rows<?> rows : kinds()) rows.outdate(newHistory);
      if (!newHistory) return;
      routing.releaseAll();
      // Stale rows stay at least until the Snapshot of the new history is complete.
      sweep.run();
      hasStale = true;
    }
  }

  /** The rows of this moment, for a file. */
  RosterCopy copy() {
    synchronized (lock) {
      List<Rows.Row<Player>> online = players == null ? List.of() : players.rows.rows();
      return new RosterCopy(topics, nodes.rows(), online, routing.rows.rows(), settings.rows());
    }
  }

  /**
   * Takes the rows of a file. They answer until the first Snapshot; rows that it does not confirm stay for a grace time
   * more. Throws IOException if the bytes are not complete.
   */
  void restore(byte[] bytes) throws IOException {
    Snapshot saved = Snapshot.parseFrom(bytes);
    // `complete` is the last field of the encoding.
    if (!saved.getComplete())
      throw new IOException(bytes.length == 0 ? "it is empty" : "its end is missing");
    synchronized (lock) {
      for (Row row : saved.getRowsList()) restore(row);
      hasStale = true;
    }
  }

  private void restore(Row row) {
    switch (row.getResourceCase()) {
      case NODE -> nodes.restore(row.getNode());
      case PLAYER -> {
        if (players != null) players.rows.restore(row.getPlayer());
      }
      case ROUTING -> routing.rows.restore(row.getRouting());
      case SETTINGS -> settings.restore(row.getSettings());
      default -> {}
    }
  }

  void close() {
    synchronized (lock) {
      sweep.run();
    }
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }
}
