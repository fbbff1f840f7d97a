package kelpie.client;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Heartbeat;
import kelpie.v1.NodeRole;
import kelpie.v1.PlayerRef;
import kelpie.v1.PlayerVerified;
import kelpie.v1.PresenceDigest;
import kelpie.v1.VerifyPlayerCommand;
import kelpie.v1.Welcome;

/** The exchange of a proxy with the coordinator about players: requests of both sides, and the digest in heartbeats. */
final class PlayersPart implements Part {
  final PlayerList list;
  final ProxyPlayers players;
  final Logins logins;
  private final Session session;
  private final PlayersOptions options;
  private final PlayerReporting reporting;
  /** Set when the client has ended: its loop runs nothing then. */
  volatile KelpieException ended;
  /** Null if the program measures none. */
  private final Latencies latencies;

  /** For a node with the option {@code players}. */
  PlayersPart(Session session, Roster roster) {
    this.session = session;
    options = session.options().players;
    list = new PlayerList(roster::own);
    reporting =
        new PlayerReporting(
            session, list, evicted -> session.callback("onEvicted", () -> options.onEvicted.accept(evicted)));
    Away away = new Away(options.openWhenAway, roster::settings);
    logins = new Logins(session, options.acquireTimeout.toMillis(), list, reporting, away);
    boolean direct = session.options().role == NodeRole.NODE_ROLE_DOWNSTREAM;
    players = new ProxyPlayers(session, list, reporting, logins, direct ? session.name() : null);
    latencies = options.latencies == null ? null : new Latencies(list, options.latencies);
    if (options.verify != null) session.handle(CommandType.VERIFY_PLAYER, (asked, context) -> verify(asked));
  }

  /** Whether a player is in, or logs in, with this generation. Any thread. */
  boolean holds(PlayerRef player) {
    return list.holds(player.getPlayerId(), player.getGeneration());
  }

  private CompletionStage<PlayerVerified> verify(VerifyPlayerCommand asked) {
    PlayerRef player = asked.getPlayer();
    Optional<Duration> silence = holds(player) ? options.verify.apply(player.getPlayerId()) : Optional.empty();
    PlayerVerified.Builder verified = PlayerVerified.newBuilder().setConnected(silence.isPresent());
    silence.ifPresent(since -> verified.setSilence(Durations.wire(since.isNegative() ? Duration.ZERO : since)));
    return CompletableFuture.completedFuture(verified.build());
  }

  @Override
  public void welcome(Welcome welcome) {
    if (latencies != null) latencies.restart();
    // The list goes first: it settles the reports of the stream before.
    reporting.sync();
  }

  @Override
  public void frame(CoordinatorFrame frame) {
    if (frame.hasPlayerEvicted()) reporting.evicted(frame.getPlayerEvicted());
    if (frame.hasSyncRequested()) reporting.sync();
  }

  @Override
  public void heartbeat(Heartbeat.Builder heartbeat) {
    PresenceDigest digest = reporting.digest();
    if (digest != null) heartbeat.setPresence(digest);
    if (latencies == null) return;
    try {
      heartbeat.addAllLatencies(latencies.news());
    } catch (RuntimeException fault) {
      session.post(new Status.HandlerFailed("latencies", fault));
    }
  }

  @Override
  public void close(KelpieException error) {
    ended = error;
    reporting.close();
  }

  @Override
  public int pending() {
    return reporting.pending();
  }
}
