package kelpie.client;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Cursor;
import kelpie.v1.Drain;
import kelpie.v1.EventBatch;
import kelpie.v1.Heartbeat;
import kelpie.v1.Hello;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeFrame;
import kelpie.v1.NodeLoad;
import kelpie.v1.PlayerRef;
import kelpie.v1.UpdateOwnNode;
import kelpie.v1.Welcome;

/** The composition of a client: the parts that outlive a stream, and the receiver of each stream's frames. */
final class ClientSession implements Connection.Client, Link.Events {
  /** How long {@code close} waits for publishes that are not acknowledged, and then for the end of the streams. */
  private static final long CLOSE_MS = 5000;

  private static final long RECONNECT_WINDOW_MS = 1000;
  private static final long DRAIN_GRACE_MS = 10_000;

  final SessionCore core;
  final Publisher publisher;
  final OwnChannels channels;
  final Players players;
  final Roster roster;
  final State values;
  final Transfers transfers;
  private final ConnectOptions options;
  private final Loop loop;
  private final Transport transport;
  private final Connection connection;
  private final Reading reading;
  private final StoredFile rosterFile;

  /** They follow the session in this order: the players of the roster come before those of the node. */
  private final List<Part> parts;

  /** Completes in the loop when the client has ended, before its threads end. */
  final CompletableFuture<Void> finished = new CompletableFuture<>();

  private final CompletableFuture<Welcome> ready = new CompletableFuture<>();
  private boolean closing;

  ClientSession(ConnectOptions options) {
    this.options = options;
    core = new SessionCore(options, this::fault, this::holds);
    loop = core.loop();
    transport = new Transport(options, loop);
    connection = new Connection(loop, options.endpoints, () -> core.graceMs() / 3, this);
    core.connection = connection;
    publisher = new Publisher(core.programs, () -> loop.execute(this::wake));
    channels = new OwnChannels(transport, connection::endpoint);
    rosterFile = fileAt(options.rosterFile);
    roster = Roster.of(core, this::rosterChanged);
    players = new Players(core, roster);
    values = new State(core);
    transfers = new Transfers(core);
    parts = List.of(new RosterPart(roster, core::graceMs), players.part(), values, transfers);
    reading = new Reading(core, fileAt(options.cursorFile), parts);
    roster.topics().forEach(core.subscriptions::want);
    roster.loaded.thenRun(() -> ready.complete(core.welcome));
  }

  private StoredFile fileAt(Path path) {
    return path == null ? null : new StoredFile(path, loop, this::fileFailed);
  }

  private void fileFailed(Path path, Throwable error) {
    core.post(new Status.FileFailed(path, error));
  }

  /** A file of the roster that cannot be read is reported; the client begins without it. */
  private void restoreRoster() {
    if (rosterFile == null) return;
    try {
      rosterFile.load(
          bytes -> {
            roster.restore(bytes);
            return null;
          });
    } catch (KelpieException error) {
      rosterFile.fail(error);
    }
  }

  private void rosterChanged() {
    if (rosterFile != null) loop.execute(() -> rosterFile.save(() -> roster.copy().bytes()));
  }

  void start() {
    restoreRoster();
    loop.execute(connection::begin);
  }

  /** Ends a client that has not been started. */
  void abandon() {
    loop.execute(() -> finished(Errors.closed()));
  }

  /** A task of the client itself failed: the stream breaks, so that the next one begins in order. */
  private void fault(Throwable thrown) {
    System.getLogger("kelpie").log(System.Logger.Level.ERROR, "a fault of the Kelpie client", thrown);
    if (connection.link() != null) connection.fail(Errors.fromThrown(thrown));
  }

  private boolean holds(PlayerRef player) {
    return players.holds(player);
  }

  private void wake() {
    if (core.isOpen()) connection.link().wake();
  }

  @Override
  public Link open(String endpoint, CompletableFuture<KelpieException> end) {
    Link link = new Link(loop, publisher, this, options.network);
    Hello.Builder hello = core.hello().setStart(reading.restart());
    for (Part part : parts) part.hello(hello);
    for (Part part : parts) part.restart(hello.getTopicsList(), reading.loading());
    link.run(
        transport.wireTo(endpoint),
        hello.build(),
        error -> {
          if (link == connection.link()) parts.forEach(Part::disconnected);
          end.complete(error);
        });
    return link;
  }

  @Override
  public void welcome(Link link, Welcome welcome) {
    connection.welcomed(link);
    core.welcome = welcome;
    if (welcome.hasCursor()) reading.begin(welcome.getCursor());
    if (!roster.complete() && !reading.loading()) link.helloChanges.requestSnapshot(roster.topics());
    core.changeTopics();
    core.changeCommands();
    parts.forEach(part -> part.welcome(welcome));
    core.handlers.restart();
    core.post(new Status.Connected(connection.endpoint(), welcome));
  }

  @Override
  public void batch(Link link, EventBatch batch, Runnable done) {
    reading.take(batch, done, link::fail);
  }

  @Override
  public void caughtUp(Cursor cursor) {
    reading.reach(cursor);
  }

  @Override
  public boolean renewed() {
    return transport.tokens.renewed();
  }

  @Override
  public void frame(Link link, CoordinatorFrame frame) {
    switch (frame.getFrameCase()) {
      case SNAPSHOT -> reading.load(frame.getSnapshot());
      case GAP -> {
        reading.lose(frame.getGap());
        core.post(new Status.Lost(frame.getGap()));
      }
      case DRAIN -> drain(link, frame.getDrain());
      case COMMAND_REQUEST -> core.handlers.take(frame.getCommandRequest());
      case COMMAND_CANCELLED -> core.handlers.cancel(frame.getCommandCancelled().getCommandId());
      default -> parts.forEach(part -> part.frame(frame));
    }
  }

  private void drain(Link link, Drain drain) {
    if (!drain.getMayStay()) core.post(new Status.Draining());
    long windowMs = Durations.msOf(drain.hasReconnectWindow(), drain.getReconnectWindow(), RECONNECT_WINDOW_MS);
    long graceMs = Durations.msOf(drain.hasGrace(), drain.getGrace(), DRAIN_GRACE_MS);
    connection.move(link, windowMs, graceMs, !reading.loading(), drain.getMayStay());
  }

  @Override
  public Heartbeat heartbeat(long roundTripMs) {
    Heartbeat.Builder heartbeat = Heartbeat.newBuilder();
    NodeLoad load = OwnNode.load(options, roundTripMs, error -> core.post(new Status.HandlerFailed("load", error)));
    if (load != null) heartbeat.setLoad(load);
    for (Part part : parts) part.heartbeat(heartbeat);
    return heartbeat.build();
  }

  @Override
  public void refused(KelpieException error) {
    core.post(new Status.Refused(error));
  }

  @Override
  public void expiring(Duration expiresIn) {
    core.post(new Status.CredentialExpiring(expiresIn));
  }

  @Override
  public void post(Status status) {
    core.post(status);
  }

  @Override
  public boolean isFinal(KelpieException error) {
    if (error == null) return false;
    boolean isTaken = error.reason() == Reason.NODE_NAME_IN_USE && core.welcome == null;
    return error.permanent() || error.reason() == Reason.SESSION_ENDED || isTaken;
  }

  @Override
  public void finished(KelpieException error) {
    if (core.ended != null) return;
    KelpieException by = closing ? null : error;
    KelpieException end = by == null ? Errors.closed() : by;
    core.ended = end;
    publisher.close(end);
    core.handlers.close();
    parts.forEach(part -> part.close(end));
    ready.completeExceptionally(end);
    channels.close(end);
    post(new Status.Closed(Optional.ofNullable(by)));
    CompletableFuture<Void> saved =
        rosterFile == null ? CompletableFuture.completedFuture(null) : rosterFile.close();
    CompletableFuture.allOf(reading.close(), saved).whenCompleteAsync((done, failed) -> stop(by), loop);
  }

  private void stop(KelpieException by) {
    if (by == null) finished.complete(null);
    else finished.completeExceptionally(by);
    core.programs.shutdown();
    loop.shutdown();
  }

  // What the program uses.

  Subscription subscribe(String given, Function<ReceivedEvent, CompletionStage<?>> handler) {
    String pattern = Topics.checkPattern(given, core.name());
    core.checkTopic(pattern);
    return core.subscriptions.add(pattern, handler);
  }

  ConnectionState state() {
    if (core.ended != null) return ConnectionState.CLOSED;
    if (core.isOpen()) return ConnectionState.CONNECTED;
    return core.welcome == null ? ConnectionState.CONNECTING : ConnectionState.AWAY;
  }

  CompletableFuture<Welcome> ready() {
    return core.handOver(ready);
  }

  CompletableFuture<Void> update(NodeChange given) {
    // The commands of a node are those that it handles.
    NodeChange change = given.toBuilder().clearAddedCommands().clearRemovedCommands().build();
    return core.call(NodeFrame.newBuilder().setUpdateOwnNode(UpdateOwnNode.newBuilder().setChange(change)))
        .thenAccept(stored -> core.node.changed(change));
  }

  /** The numbers belong to the loop: another thread sees those of a moment ago. */
  int pending() {
    Link link = connection.link();
    int ofParts = parts.stream().mapToInt(Part::pending).sum();
    return (link == null ? 0 : link.pending()) + core.handlers.pending() + ofParts;
  }

  /** Waits at most this long for publishes, also while no stream is open: one may open in time. */
  void close(long publishesMs) {
    loop.execute(
        () -> {
          if (closing || core.ended != null) return;
          closing = true;
          publisher.end(Errors.closed(), () -> loop.execute(this::leave));
          loop.after(Math.min(CLOSE_MS, publishesMs), this::leave);
        });
  }

  private void leave() {
    if (!connection.close()) return;
    loop.after(CLOSE_MS, () -> connection.fail(Errors.closed()));
  }
}
