package kelpie.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import kelpie.v1.GoodbyeReason;

/**
 * Keeps one stream to a coordinator: opens a new one whenever the stream ends, and moves to another coordinator without a
 * break when its own coordinator is about to stop. Loop only.
 */
final class Connection {
  /** A stream that lived this long was healthy: the next attempt does not wait. */
  private static final long HEALTHY_MS = 10_000;

  /** How often the client looks whether somebody has replaced a refused token. */
  private static final long RENEWED_MS = 500;

  /** If a coordinator asks for a longer wait than this, the client still waits only this long. */
  private static final long LONGEST_RETRY_AFTER_MS = 5 * 60_000;

  /** A stream that the client leaves waits at most this long for its answers, whatever the coordinator says. */
  private static final long LONGEST_GRACE_MS = 60_000;

  /** The upper bound of the first wait. */
  private static final long FIRST_MS = 500;

  /**
   * A stream that the client has begun to open.
   *
   * @param ended completes when the stream has ended: with its error, or null if it ended in order
   */
  record Stream(int route, Link link, CompletableFuture<KelpieException> ended) {}

  /** The functions that a connection gets from its client. */
  interface Client {
    /** Opens a stream to the endpoint. */
    Link open(String endpoint, CompletableFuture<KelpieException> ended);

    /** Whether the client ends with this error: no later attempt can help, or none should be made. */
    boolean isFinal(KelpieException error);

    void post(Status status);

    /** Whether a refused token has been replaced: then the next attempt waits no longer. */
    boolean renewed();

    /** The connection has ended: with a final error, or null after {@code close}. */
    void finished(KelpieException error);
  }

  private final Loop loop;
  private final List<String> endpoints;
  private final LongSupplier longestBackoffMs;
  private final Client client;
  private Stream current;
  /** A second stream, opened beside the current one. It becomes the current one at its Welcome. */
  private Stream successor;
  /** The link whose coordinator sent Drain. A second Drain changes nothing. */
  private Link leaving;
  /** Whether the node keeps the stream to that coordinator if no other one welcomes it. */
  private boolean mayStay;
  /** When the present move must be over. */
  private long leaveByMs;
  /** The streams that another one has replaced, until they have ended. */
  private final List<Stream> retired = new ArrayList<>();

  private int turn;
  private int attempt;
  private long startedMs;
  private boolean closed;
  private final List<Runnable> wakeUps = new ArrayList<>();
  /** The earliest next attempt at each endpoint whose coordinator asked for a wait. */
  private final long[] notBeforeMs;

  Connection(Loop loop, List<String> endpoints, LongSupplier longestBackoffMs, Client client) {
    this.loop = loop;
    this.endpoints = endpoints;
    this.longestBackoffMs = longestBackoffMs;
    this.client = client;
    notBeforeMs = new long[endpoints.size()];
    Arrays.fill(notBeforeMs, Long.MIN_VALUE);
  }

  /** The link of the present stream; null while there is none. */
  Link link() {
    return current == null ? null : current.link;
  }

  /** The endpoint of the present stream, or of the next attempt. */
  String endpoint() {
    return endpoints.get(current == null ? upcoming() : current.route);
  }

  /** Runs until {@code close}, or until a final error. */
  void begin() {
    if (closed) {
      client.finished(null);
      return;
    }
    startedMs = loop.nowMs();
    int route = nextRoute();
    client.post(new Status.Connecting(endpoints.get(route), attempt));
    try {
      current = open(route);
    } catch (RuntimeException fault) {
      // The client goes on trying: a node that gives up without a word is lost until somebody looks.
      broken(Errors.fromThrown(fault));
      return;
    }
    watch(current);
  }

  private void watch(Stream stream) {
    stream.ended.thenAccept(
        error -> {
          if (current != stream) return;
          // The stream has ended, but a successor that is under way may still take its place.
          CompletableFuture<Boolean> next =
              successor == null ? CompletableFuture.completedFuture(false) : successor.link.welcomed;
          next.thenRun(
              () -> {
                if (current == stream) broken(error);
              });
        });
  }

  private void broken(KelpieException error) {
    if (client.isFinal(error) || closed) {
      end(error);
      return;
    }
    heed(error);
    attempt = loop.nowMs() - startedMs > HEALTHY_MS ? 0 : attempt + 1;
    long askedMs = Math.max(0, notBeforeMs[upcoming()] == Long.MIN_VALUE ? 0 : notBeforeMs[upcoming()] - loop.nowMs());
    // The back-off comes on top: else all clients that were asked for the same wait would come at the same moment.
    // A coordinator that names a grace of nothing would make the client try without a pause.
    long mostMs = Math.max(FIRST_MS, longestBackoffMs.getAsLong());
    long retryInMs = askedMs + backoffMs(attempt, mostMs, loop.random());
    client.post(new Status.Disconnected(Optional.ofNullable(error), Duration.ofMillis(retryInMs)));
    waitFor(retryInMs);
  }

  /** Waits before an attempt, but no longer than until somebody has replaced the refused token. */
  private void waitFor(long ms) {
    if (closed || ms <= 0) {
      pause(0, this::begin);
    } else if (client.renewed()) {
      Arrays.fill(notBeforeMs, Long.MIN_VALUE);
      pause(0, this::begin);
    } else {
      pause(Math.min(ms, RENEWED_MS), () -> waitFor(ms - RENEWED_MS));
    }
  }

  /** The client has ended when the streams that were replaced have ended too. */
  private void end(KelpieException error) {
    if (error != null) for (Stream stream : List.copyOf(retired)) stream.link.fail(error);
    CompletableFuture<?>[] all = retired.stream().map(Stream::ended).toArray(CompletableFuture[]::new);
    CompletableFuture.allOf(all).thenRun(() -> client.finished(error));
  }

  /** The wait that a coordinator asks for holds for its own endpoint, not for the others. */
  private void heed(KelpieException error) {
    if (error == null || error.retryAfter().isEmpty()) return;
    long waitMs = Math.min(error.retryAfter().get().toMillis(), LONGEST_RETRY_AFTER_MS);
    if (waitMs > 0) notBeforeMs[current.route] = loop.nowMs() + waitMs;
  }

  /**
   * Full jitter: a random time up to a bound that doubles with each attempt. So a thousand nodes that lost the same
   * coordinator do not all come back at the same moment. Attempt 0, the first one after a healthy stream, does not wait.
   */
  static long backoffMs(int attempt, long mostMs, double random) {
    if (attempt == 0) return 0;
    return (long) (random * Math.min(mostMs, FIRST_MS * Math.pow(2, Math.min(attempt - 1, 30))));
  }

  private int upcoming() {
    return turn % endpoints.size();
  }

  private int nextRoute() {
    int route = upcoming();
    turn += 1;
    return route;
  }

  private Stream open(int route) {
    CompletableFuture<KelpieException> ended = new CompletableFuture<>();
    return new Stream(route, client.open(endpoints.get(route), ended), ended);
  }

  /** A stream is open. If it is the successor, it takes the place of the older one, which ends. */
  void welcomed(Link link) {
    if (successor == null || successor.link != link) return;
    Stream former = current;
    current = successor;
    successor = null;
    watch(current);
    retired.add(former);
    former.ended.thenRun(() -> retired.remove(former));
    if (!closed) former.link.retire(leaveByMs - loop.nowMs());
  }

  /**
   * Leaves a coordinator that is about to stop: opens a stream to another coordinator first, then ends the old one. If no
   * other coordinator accepts the node, it ends the old stream all the same, and connects again. If the old stream breaks
   * meanwhile, the attempt that is under way is the last one here. {@code movable}: another coordinator can go on where
   * this one stops. If the node may stay, it keeps the old stream instead.
   */
  void move(Link from, long windowMs, long graceMs, boolean movable, boolean stayable) {
    if (leaving == from) {
      // The coordinator could not reach its storage, and now it stops.
      mayStay = mayStay && stayable;
      return;
    }
    leaving = from;
    mayStay = stayable;
    leaveByMs = loop.nowMs() + Math.min(graceMs, LONGEST_GRACE_MS);
    int elsewhere = movable ? endpoints.size() - 1 : 0;
    if (elsewhere == 0) stayOrLeave(from);
    else pause((long) (loop.random() * windowMs), () -> tryElsewhere(from, elsewhere));
  }

  private void tryElsewhere(Link from, int tries) {
    if (tries == 0 || !stays(from)) {
      stayOrLeave(from);
      return;
    }
    int route = nextRoute();
    successor = open(route == current.route ? nextRoute() : route);
    Stream tried = successor;
    tried.link.welcomed.thenAccept(
        open -> {
          if (open) return;
          if (successor == tried) successor = null;
          // After those who wait for the same end.
          loop.execute(() -> tryElsewhere(from, tries - 1));
        });
  }

  private boolean stays(Link from) {
    return link() == from && from.open() && !closed;
  }

  /** No other coordinator accepts the node. */
  private void stayOrLeave(Link from) {
    // A later stream may have got a Drain of its own meanwhile.
    if (leaving != from) return;
    if (mayStay) leaving = null;
    else if (stays(from)) from.finish(leaveByMs - loop.nowMs());
  }

  /**
   * Makes no further attempt. The node leaves on all streams, also on one without a Welcome: the client cannot know yet
   * which of them the coordinators count as the node's session. False if it was called before.
   */
  boolean close() {
    if (closed) return false;
    closed = true;
    for (Stream stream : streams()) stream.link.leave(GoodbyeReason.GOODBYE_REASON_STOP);
    for (Stream stream : retired) stream.link.leave(GoodbyeReason.GOODBYE_REASON_DRAINED);
    List.copyOf(wakeUps).forEach(Runnable::run);
    return true;
  }

  /** Breaks all streams, also a stream that the client has left and its coordinator has not ended yet. */
  void fail(KelpieException error) {
    for (Stream stream : streams()) stream.link.fail(error);
    for (Stream stream : List.copyOf(retired)) stream.link.fail(error);
  }

  private List<Stream> streams() {
    List<Stream> streams = new ArrayList<>();
    if (current != null) streams.add(current);
    if (successor != null) streams.add(successor);
    return streams;
  }

  /** Goes on after this time, or at once at the end. */
  private void pause(long ms, Runnable next) {
    Runnable[] wakeUp = new Runnable[1];
    Runnable cancel = loop.after(ms, () -> wakeUp[0].run());
    wakeUp[0] =
        () -> {
          cancel.run();
          if (wakeUps.remove(wakeUp[0])) next.run();
        };
    wakeUps.add(wakeUp[0]);
  }
}
