package kelpie.client;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.v1.ConnectRequest;
import kelpie.v1.ConnectResponse;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Cursor;
import kelpie.v1.EventBatch;
import kelpie.v1.Goodbye;
import kelpie.v1.GoodbyeReason;
import kelpie.v1.Heartbeat;
import kelpie.v1.Hello;
import kelpie.v1.NodeFrame;
import kelpie.v1.Welcome;

/**
 * One stream to a coordinator, from Hello to its end. The client makes a new Link for each stream. The state that outlives
 * a stream (position, pending publishes, roster) belongs to the client. Loop only.
 */
final class Link {
  /** How long a coordinator has to send Welcome. It may first wait 3 s for the present holder of the name. */
  private static final long WELCOME_MS = 10_000;

  /** The values for a coordinator that sends none. */
  private static final long HEARTBEAT_MS = 5000;

  private static final long MAX_SILENCE_MS = 15_000;

  /** The client sends heartbeats at most this often by itself, whatever the coordinator names. */
  private static final long LEAST_HEARTBEAT_MS = 50;
  private static final long LEAST_SILENCE_MS = 250;

  /** The events of a stream, for its client. */
  interface Events {
    void welcome(Link link, Welcome welcome);

    /** Takes a batch, and calls {@code done} when it is processed: at once, or later in the loop. */
    void batch(Link link, EventBatch batch, Runnable done);

    /** Every event up to this cursor has arrived. */
    void caughtUp(Cursor cursor);

    /** Takes a frame that the client handles, and not the stream itself. */
    void frame(Link link, CoordinatorFrame frame);

    /** The next heartbeat; {@code roundTripMs} is -1 before the first HeartbeatAck. */
    Heartbeat heartbeat(long roundTripMs);

    void refused(KelpieException error);

    /** The credential ends so soon that somebody should replace it. */
    void expiring(Duration expiresIn);
  }

  private final Loop loop;
  private final Publisher publisher;
  private final Events events;
  private final String network;
  private final Outbox outbox;
  private final Expiry expiry;
  private final Requests requests = new Requests();
  private final Processing processing = new Processing();
  /** The topics and commands that the coordinator has for this node. */
  final HelloChanges helloChanges = new HelloChanges(this::send);

  /** Completes with true when the session is open, or with false if the stream ends before. */
  final CompletableFuture<Boolean> welcomed = new CompletableFuture<>();

  private Consumer<KelpieException> onEnd = error -> {};
  private Wire wire;
  private Welcome welcome;
  private boolean ended;
  private boolean broken;
  private KelpieException failure;
  private boolean waking;
  private boolean beatAsked;
  private long beatMs = -1;
  private long roundTripMs = -1;
  /** When the last message came. */
  private long receivedMs;

  private Runnable silence = () -> {};
  private Runnable heartbeat = () -> {};
  /** Another stream has taken the place of this one, which takes only the answers to its requests now. */
  private boolean retired;
  /** Stops the timer of {@code finish}. Set: Goodbye goes out when the requests have their answers. */
  private Runnable finishing;

  /** {@code network}: the network that the program expects, or null. */
  Link(Loop loop, Publisher publisher, Events events, String network) {
    this.loop = loop;
    this.publisher = publisher;
    this.events = events;
    this.network = network;
    outbox = new Outbox(publisher);
    expiry = new Expiry(loop, events::expiring);
  }

  boolean open() {
    return welcome != null && !ended && !broken && !outbox.ended();
  }

  /** Runs until the stream ends, and calls {@code end} once then: with its error, or null if it ended in order. */
  void run(Wire stream, Hello hello, Consumer<KelpieException> end) {
    wire = stream;
    onEnd = end;
    helloChanges.begin(hello);
    outbox.send(NodeFrame.newBuilder().setHello(hello).build());
    watchSilence(WELCOME_MS);
    stream.open(this);
  }

  /** Frames are ready. Those of this turn of the loop go out together: a message costs more than a frame. */
  void wake() {
    if (waking) return;
    waking = true;
    loop.execute(
        () -> {
          waking = false;
          flush();
        });
  }

  /** Sends what is ready, as far as the stream has room. */
  void flush() {
    while (!ended && !broken && wire.isReady()) {
      ConnectRequest message = outbox.take();
      if (message == null) break;
      wire.send(message);
    }
    if (outbox.finished() && !ended) wire.halfClose();
  }

  void received(ConnectResponse message) {
    receivedMs = loop.nowMs();
    for (CoordinatorFrame frame : message.getFramesList()) if (!broken) receive(frame);
  }

  /** The stream is over. Without an error it ended in order. */
  void finished(KelpieException error) {
    if (ended) return;
    ended = true;
    silence.run();
    heartbeat.run();
    if (finishing != null) finishing.run();
    expiry.end();
    requests.drop();
    outbox.end();
    welcomed.complete(false);
    onEnd.accept(failure == null ? error : failure);
  }

  private void receive(CoordinatorFrame frame) {
    switch (frame.getFrameCase()) {
      case REQUEST_FAILED -> refuse(frame.getRequestId(), Errors.fromWire(frame.getRequestFailed().getError()));
      case REQUEST_OK,
          COMMAND_RESULT,
          PLAYER_ACQUIRED,
          PLAYERS_REPORTED,
          PLAYERS_SYNCED,
          TRANSFER_UPDATE,
          SLOTS_RESERVED,
          VALUE,
          VALUE_STORED -> requests.answer(frame);
      // A newer coordinator may send a frame that this version does not have.
      case FRAME_NOT_SET -> {}
      default -> {
        if (!retired) take(frame);
      }
    }
    if (finishing != null && requests.size() == 0) leave(GoodbyeReason.GOODBYE_REASON_DRAINED);
  }

  /** Takes a frame that answers no request. */
  private void take(CoordinatorFrame frame) {
    switch (frame.getFrameCase()) {
      case EVENT_BATCH -> batch(frame.getEventBatch());
      case PUBLISH_ACK -> publisher.acknowledge(frame.getPublishAck());
      case WELCOME -> start(frame.getWelcome());
      case HEARTBEAT_ACK -> {
        if (beatMs >= 0) roundTripMs = loop.nowMs() - beatMs;
        if (frame.getHeartbeatAck().hasCursor()) events.caughtUp(frame.getHeartbeatAck().getCursor());
      }
      case SUBSCRIPTION_UPDATED -> {
        if (frame.getSubscriptionUpdated().hasCursor()) events.caughtUp(frame.getSubscriptionUpdated().getCursor());
      }
      case HEARTBEAT_REQUESTED -> beatSoon();
      default -> events.frame(this, frame);
    }
  }

  /** Sends a request. Returns its number. Throws UNAVAILABLE, REQUEST_QUEUE_FULL or PAYLOAD_TOO_LARGE. */
  int issue(NodeFrame.Builder frame, Session.Waiter waiter) {
    if (!open()) throw Errors.unanswered();
    int id = requests.open(waiter, number -> outbox.send(frame.setRequestId(number).build()));
    wake();
    return id;
  }

  /**
   * Sends a frame that has no answer except a refusal. Returns false if no session is open. If the coordinator reads
   * nothing while it makes this node send more and more, the client breaks the stream.
   */
  boolean send(NodeFrame.Builder frame) {
    if (outbox.full())
      fail(new KelpieException(Reason.UNAVAILABLE, "the coordinator does not read the frames of this node"));
    if (!open()) return false;
    outbox.send(frame.build());
    wake();
    return true;
  }

  /** The number of requests that wait for answers. */
  int pending() {
    return requests.size();
  }

  private void refuse(int requestId, KelpieException error) {
    if (!requests.refuse(requestId, error) && !retired) events.refused(error);
  }

  private void start(Welcome given) {
    if (network != null && !network.equals(given.getNetwork())) {
      failure = Transport.networkMismatch(network, given.getNetwork());
      retired = true;
      leave(GoodbyeReason.GOODBYE_REASON_STOP);
      return;
    }
    welcome = given;
    if (given.hasLimits()) outbox.limit(given.getLimits().getMessageBytes());
    long silenceMs = Durations.msOf(given.hasMaxSilence(), given.getMaxSilence(), MAX_SILENCE_MS);
    watchSilence(Math.max(LEAST_SILENCE_MS, silenceMs));
    long intervalMs = Durations.msOf(given.hasHeartbeatInterval(), given.getHeartbeatInterval(), HEARTBEAT_MS);
    beatEvery(Math.max(LEAST_HEARTBEAT_MS, intervalMs));
    publisher.restart(given);
    events.welcome(this, given);
    if (given.hasCredentialExpiresIn()) expiry.begin(Durations.of(given.getCredentialExpiresIn()));
    // The first heartbeat goes out at once, so that others see the load without waiting for an interval.
    beat();
    outbox.open();
    welcomed.complete(true);
  }

  private void beatEvery(long intervalMs) {
    heartbeat =
        loop.after(
            intervalMs,
            () -> {
              beat();
              beatEvery(intervalMs);
            });
  }

  /** One heartbeat answers all requests of a message. */
  private void beatSoon() {
    if (beatAsked) return;
    beatAsked = true;
    loop.execute(
        () -> {
          beatAsked = false;
          if (open() && !retired) beat();
        });
  }

  private void beat() {
    Heartbeat next = events.heartbeat(roundTripMs);
    beatMs = loop.nowMs();
    outbox.send(NodeFrame.newBuilder().setHeartbeat(next).build());
    wake();
  }

  private void batch(EventBatch batch) {
    if (!batch.hasUpTo()) {
      fail(new KelpieException(Reason.PROTOCOL, "a batch came without its position"));
      return;
    }
    Processing.Piece piece = processing.begin(batch.getUpTo(), batch.getEventsCount());
    events.batch(this, batch, () -> finish(piece));
  }

  /** An acknowledgement covers all events before it, so it waits until all earlier pieces are processed. */
  private void finish(Processing.Piece piece) {
    Processing.Progress progress = processing.finish(piece);
    if (progress == null || retired || ended) return;
    outbox.acknowledge(progress.upTo().getSequence(), progress.due());
    if (progress.due()) wake();
  }

  private void watchSilence(long ms) {
    silence.run();
    receivedMs = loop.nowMs();
    checkSilence(ms);
  }

  /** The timer looks at the time of the last message when it fires, so that a message costs no timer. */
  private void checkSilence(long ms) {
    long leftMs = receivedMs + ms - loop.nowMs();
    if (leftMs > 0) {
      silence = loop.after(leftMs, () -> checkSilence(ms));
      return;
    }
    String message = "the coordinator sent nothing for " + ms / 1000.0 + " s";
    fail(new KelpieException(Reason.UNAVAILABLE, message));
  }

  /** Sends Goodbye and ends the client's side of the stream. No frame follows. */
  void leave(GoodbyeReason reason) {
    if (finishing != null) finishing.run();
    outbox.send(NodeFrame.newBuilder().setGoodbye(Goodbye.newBuilder().setReason(reason)).build());
    outbox.end();
    wake();
  }

  /** Another stream has taken the place of this one, which takes only the answers to its requests, and then ends. */
  void retire(long mostMs) {
    retired = true;
    heartbeat.run();
    outbox.hold();
    finish(mostMs);
  }

  /** Sends Goodbye when all requests have their answers, and after this time at the latest. */
  void finish(long mostMs) {
    if (mostMs <= 0 || requests.size() == 0) leave(GoodbyeReason.GOODBYE_REASON_DRAINED);
    else finishing = loop.after(mostMs, () -> leave(GoodbyeReason.GOODBYE_REASON_DRAINED));
  }

  /** Breaks the stream. */
  void fail(KelpieException error) {
    if (failure == null) failure = error;
    broken = true;
    wire.cancel();
  }
}
