package kelpie.client;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import kelpie.v1.Player;
import kelpie.v1.PresenceDigest;
import kelpie.v1.SyncPlayers;

/**
 * A proxy's own list of its players: logins, players who are in, and the generations that it has received. Only the loop
 * writes it; every thread may read it.
 */
final class PlayerList {
  /** How long a login may take. The coordinator's grant ends after the same time. */
  private static final long LOGIN_MS = 60_000;

  private static final int DIGEST_BYTES = 8;
  /** The most players of a part by the contract, and half the bytes of a message. */
  private static final int PART_PLAYERS = 1000;

  private static final int PART_BYTES = 512 * 1024;
  /** The bytes of a player beside their facts. */
  private static final int OVERHEAD_BYTES = 32;

  /** A login that was granted and has not ended. Only the loop writes it. */
  static final class Login {
    final String id;
    final long sinceMs;
    /** 0: no coordinator has decided. */
    volatile long generation;
    /** The exchange whose answer decides the login after the player was let in; null if there is none. */
    Object waitsFor;
    /** The player, if they came in meanwhile; else null. */
    ListedPlayer listed;

    Login(String id, long generation, long sinceMs) {
      this.id = id;
      this.generation = generation;
      this.sinceMs = sinceMs;
    }
  }

  /** A part of the list, and its players. */
  record Part(SyncPlayers value, List<ListedPlayer> listed) {}

  private final Map<String, ListedPlayer> in = new HashMap<>();
  /** In the order of their grants. */
  private final Map<String, Login> logins = new LinkedHashMap<>();

  private final BiConsumer<String, String> onServer;
  private long seen;

  /** {@code onServer} gets each player who came, moved to another server (empty: to none), or left (null). */
  PlayerList(BiConsumer<String, String> onServer) {
    this.onServer = onServer;
  }

  /** Null if the player is not in. */
  synchronized ListedPlayer get(String id) {
    return in.get(id);
  }

  /** Null if the player is not logging in. */
  synchronized Login login(String id) {
    return logins.get(id);
  }

  /** The players who are in and have changes without an answer. */
  synchronized List<ListedPlayer> unanswered() {
    return in.values().stream().filter(listed -> listed.unanswered != null).toList();
  }

  /** The number of players who are in. */
  synchronized int size() {
    return in.size();
  }

  /** The coordinator sent a generation. */
  synchronized void saw(long generation) {
    seen = Math.max(seen, generation);
  }

  /** A login is granted. Older logins that never ended are dropped after 60 s, as in the coordinator. */
  synchronized Login grant(String id, long generation, long nowMs) {
    saw(generation);
    logins.remove(id);
    Login login = new Login(id, generation, nowMs);
    logins.put(id, login);
    for (Iterator<Login> all = logins.values().iterator(); all.hasNext(); ) {
      if (nowMs - all.next().sinceMs <= LOGIN_MS) break;
      all.remove();
    }
    return login;
  }

  /** Null if the player was not logging in. */
  synchronized Login endLogin(String id) {
    return logins.remove(id);
  }

  synchronized ListedPlayer add(Player player, long generation, long nowMs) {
    ListedPlayer listed = new ListedPlayer(player, generation, nowMs);
    in.put(player.getId(), listed);
    onServer.accept(player.getId(), player.getServer());
    return listed;
  }

  /** The player has these facts now. */
  synchronized void set(ListedPlayer listed, Player player) {
    String before = listed.player.getServer();
    listed.player = player;
    if (!before.equals(player.getServer()) && has(listed)) onServer.accept(listed.id, player.getServer());
  }

  /** Whether this presence is in the list: not after the player left, or if a newer presence took its place. */
  synchronized boolean has(ListedPlayer listed) {
    return in.get(listed.id) == listed;
  }

  synchronized void remove(ListedPlayer listed) {
    if (!in.remove(listed.id, listed)) return;
    onServer.accept(listed.id, null);
  }

  /** Whether a player is in, or logs in, with this generation. */
  synchronized boolean holds(String id, long generation) {
    ListedPlayer listed = in.get(id);
    Login login = logins.get(id);
    // 0: the generation is not received yet, and may be this one.
    return (listed != null && (listed.generation == generation || listed.generation == 0))
        || (login != null && (login.generation == generation || login.generation == 0));
  }

  synchronized PresenceDigest digest() {
    Stream<String> lines =
        in.values().stream().map(one -> line(one.id, one.generation, one.player.getServer()));
    return PresenceDigest.newBuilder().setPlayers(in.size()).setDigest(digestOf(lines)).build();
  }

  /** The line of a digest for one player. */
  static String line(String id, long generation, String server) {
    return id + " " + generation + " " + server + "\n";
  }

  /** The digest of players who are in, in any order, as PresenceDigest describes it. */
  static ByteString digestOf(Stream<String> lines) {
    // The lines are ASCII, so this order is the order of their bytes.
    String text = lines.sorted().collect(Collectors.joining());
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return ByteString.copyFrom(hash, 0, DIGEST_BYTES);
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** The whole list in parts, by id. */
  synchronized List<Part> parts(long nowMs) {
    List<ListedPlayer> sorted = new ArrayList<>(in.values());
    sorted.sort(Comparator.comparing(listed -> listed.id));
    List<List<ListedPlayer>> chunks =
        Chunks.of(sorted, one -> one.player.getSerializedSize() + OVERHEAD_BYTES, PART_PLAYERS, PART_BYTES);
    if (chunks.isEmpty()) chunks.add(List.of());
    List<Part> parts = new ArrayList<>();
    String afterId = "";
    for (int index = 0; index < chunks.size(); index++) {
      List<ListedPlayer> listed = chunks.get(index);
      String upToId = index == chunks.size() - 1 ? "" : listed.get(listed.size() - 1).id;
      SyncPlayers.Builder value =
          SyncPlayers.newBuilder().setAsOf(asOf()).setAfterId(afterId).setUpToId(upToId);
      for (ListedPlayer one : listed) {
        value.addPlayers(one.player.toBuilder().setGeneration(one.generation));
        // If two logins have no grant, the coordinator keeps the newer one.
        if (one.generation == 0)
          value.putLoginAges(one.id, Durations.wire(Duration.ofMillis(Math.max(0, nowMs - one.sinceMs))));
      }
      parts.add(new Part(value.build(), listed));
      afterId = upToId;
    }
    return parts;
  }

  /** Below the generations of all logins: their players are not in the list yet, and the list must not end them. */
  private long asOf() {
    long asOf = seen;
    for (Login login : logins.values())
      if (login.generation > 0) asOf = Math.min(asOf, login.generation - 1);
    return asOf;
  }
}
