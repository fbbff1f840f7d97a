package kelpie.client;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import kelpie.v1.EventDraft;
import kelpie.v1.IssueCommandRequest;
import kelpie.v1.NodeChange;
import kelpie.v1.Welcome;

/**
 * A node of the network. {@link #connect} makes it. All methods may be called from any thread, and none waits, except
 * {@link #close(Duration)}.
 *
 * <p>Handlers and listeners run on the executor of the options. The futures complete on a thread of the client: a stage
 * that depends on one must not wait, or must use an executor of its own.
 */
public final class KelpieClient implements AutoCloseable {
  private final ClientSession session;

  private KelpieClient(ConnectOptions options) {
    session = new ClientSession(options);
  }

  /**
   * Connects a node in the background, and returns at once. Throws VALUE_INVALID or OUT_OF_RANGE for options that cannot work,
   * FILE_INVALID for a cursor file or a certificate that cannot be read, UNKNOWN if the program has not all parts of gRPC.
   */
  public static KelpieClient connect(ConnectOptions options) {
    return connect(options, client -> {});
  }

  /**
   * The same; calls {@code setup} before the client connects, on this thread: subscribe there, and add handlers of
   * commands. Then the first stream has all of them, and a start in the past, or a cursor file, brings them the events
   * that the node has missed.
   */
  public static KelpieClient connect(ConnectOptions options, Consumer<KelpieClient> setup) {
    KelpieClient client = new KelpieClient(options);
    try {
      setup.accept(client);
    } catch (RuntimeException | Error failed) {
      client.session.abandon();
      throw failed;
    }
    client.session.start();
    return client;
  }

  /** The error of the client for anything that a future or a call of {@link #calls} throws. */
  public static KelpieException errorOf(Throwable thrown) {
    return Errors.fromThrown(thrown);
  }

  /** The node's name in lower case, as in topics. */
  public String name() {
    return session.core.name();
  }

  /** The state of the connection. */
  public ConnectionState connectionState() {
    return session.state();
  }

  /**
   * Completes when the first session is open and the roster is loaded. Fails with the error that ended the client before
   * that, for example NODE_NAME_IN_USE.
   */
  public CompletableFuture<Welcome> ready() {
    return session.ready();
  }

  /**
   * Calls the handler with each event whose topic matches the pattern, in order, one at a time. In a pattern {@code *} is
   * one token and {@code >} at the end is the rest. A subscription that is made after the first stream opened gets only
   * new events. Only this node receives the messages on {@code inbox.<this node>}. Throws TOPIC_INVALID, TOPIC_RESERVED,
   * PATTERN_LIMIT or HELLO_TOO_LARGE.
   */
  public Subscription subscribe(String pattern, Consumer<ReceivedEvent> handler) {
    return session.subscribe(
        pattern,
        event -> {
          handler.accept(event);
          return null;
        });
  }

  /** The same for a handler that goes on by itself: the next event waits until its stage completes. */
  public Subscription subscribeAsync(String pattern, Function<ReceivedEvent, CompletionStage<?>> handler) {
    return session.subscribe(pattern, handler);
  }

  /** Publishes text. See {@link #publish(String, Content, PublishOptions)}. */
  public CompletableFuture<Void> publish(String topic, String text) {
    return publish(topic, text, PublishOptions.NONE);
  }

  /** Publishes text. See {@link #publish(String, Content, PublishOptions)}. */
  public CompletableFuture<Void> publish(String topic, String text, PublishOptions options) {
    return published(() -> Drafts.of(topic, Content.text(text), options));
  }

  /** Publishes content. See {@link #publish(String, Content, PublishOptions)}. */
  public CompletableFuture<Void> publish(String topic, Content content) {
    return publish(topic, content, PublishOptions.NONE);
  }

  /**
   * Publishes a message. Completes when the coordinator has stored it, also over reconnects. Fails with the refusal
   * (TOPIC_INVALID, TOPIC_RESERVED, PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP …), with PUBLISH_QUEUE_FULL if more than 10,000
   * events or 16 MiB wait for an acknowledgement, or with CLOSED. The client checks each message by the limits of its
   * coordinator before it sends it. If the stream breaks before an acknowledgement arrives, the next one reports only
   * that the event is settled: the future completes then, even if the coordinator refused the event for a reason that
   * this client does not check.
   */
  public CompletableFuture<Void> publish(String topic, Content content, PublishOptions options) {
    return published(() -> Drafts.of(topic, content, options));
  }

  private CompletableFuture<Void> published(Supplier<EventDraft> draft) {
    try {
      return session.publisher.publish(draft.get());
    } catch (KelpieException refusal) {
      return CompletableFuture.failedFuture(refusal);
    }
  }

  /** Handles a command of your own. See {@link #handle(CommandType, CommandHandler)}. */
  public Handling handle(String name, CommandHandler<Content, Content> handler) {
    return handle(CommandType.custom(name), handler);
  }

  /**
   * Handles a command: calls the handler each time a node issues the command to this one. Other nodes see the name at
   * once, also on later streams. If the handler throws, the issuer gets COMMAND_FAILED with the message of the
   * exception. Throws COMMAND_INVALID if the name is not valid or has a handler already; HELLO_TOO_LARGE.
   */
  public <Q, R> Handling handle(CommandType<Q, R> type, CommandHandler<Q, R> handler) {
    return session.core.handle(
        type, (request, context) -> CompletableFuture.completedFuture(handler.handle(request, context)));
  }

  /** The same for a handler that goes on by itself: its reply goes out when the stage completes. */
  public <Q, R> Handling handleAsync(CommandType<Q, R> type, CommandHandler<Q, CompletionStage<R>> handler) {
    return session.core.handle(type, handler);
  }

  /**
   * Issues a command to nodes. The client sends it once. Throws DEADLINE_INVALID, OUT_OF_RANGE or VALUE_INVALID.
   *
   * <pre>{@code
   * kelpie.issue(Target.node("lobby-1"), CommandType.RUN_CONSOLE_COMMAND,
   *     RunConsoleCommand.newBuilder().setLine("list").build(), IssueOptions.DEFAULT).results();
   * }</pre>
   */
  public <Q, R> Issued<R> issue(Target target, CommandType<Q, R> type, Q request, IssueOptions options) {
    return issue(target, type, request, options, result -> {});
  }

  /** The same; the listener gets each result as it comes, on the executor of the client. */
  public <Q, R> Issued<R> issue(
      Target target, CommandType<Q, R> type, Q request, IssueOptions options, Consumer<CommandResult<R>> listener) {
    IssueCommandRequest command =
        IssueCommandRequest.newBuilder()
            .setTarget(target.toWire())
            .setCommand(type.commandOf(request))
            .setTimeout(Durations.wire(options.timeout()))
            .setMaxReplies(options.maxReplies())
            .putAllAttributes(options.attributes())
            .build();
    return new IssuedCommand<>(session.core, type, listener).issue(command);
  }

  /**
   * Issues a command of your own. Completes with the first reply. If there is none, fails with the first error, for
   * example NO_TARGET, COMMAND_FAILED or OUTCOME_UNKNOWN.
   */
  public CompletableFuture<Content> call(Target target, String name, Content content, Duration timeout) {
    IssueOptions options = new IssueOptions(timeout, 1, Map.of());
    return IssuedCommand.firstReply(issue(target, CommandType.custom(name), content, options).results());
  }

  /**
   * Changes the facts of this node. A field that is not set stays as it is. Completes when the coordinator has stored the
   * change, which holds for later streams too. Fails with LABELS_INVALID or OUT_OF_RANGE, or with UNAVAILABLE while no
   * coordinator is connected.
   */
  public CompletableFuture<Void> update(NodeChange change) {
    return session.update(change);
  }

  /** The players of this node, and changes of players elsewhere. */
  public Players players() {
    return session.players;
  }

  /** The nodes of the network, and its players if the options ask for them: live, from memory. */
  public Roster roster() {
    return session.roster;
  }

  /** Shared values and locks. */
  public State state() {
    return session.values;
  }

  /** Moves players, and holds slots for them. */
  public Transfers transfers() {
    return session.transfers;
  }

  /** Every call of the contract, without a session. Its methods throw CLOSED after the end of the client. */
  public Calls calls() {
    // So that CLOSED comes now, and not at the first call.
    session.channels.channel();
    return new Calls(session.channels::channel);
  }

  /**
   * Calls the listener with each status of the client, on its executor, from the present state of the connection on. The
   * result removes it. While there is no listener, the client writes warnings to the option {@code logger}.
   */
  public AutoCloseable onStatus(Consumer<Status> listener) {
    return session.core.onStatus(listener);
  }

  /** The number of requests of this node, and of commands for it, that have no answer yet. */
  public int pending() {
    return session.pending();
  }

  /** Completes when the client has ended: normally after {@link #close}, else with the error that ended it. */
  public CompletableFuture<Void> closed() {
    return session.core.handOver(session.finished);
  }

  /**
   * Ends the client in order: waits up to 5 s until a coordinator has acknowledged all publishes, also while none is
   * connected; then sends Goodbye, so that the node leaves at once. Publishes without an acknowledgement fail with CLOSED
   * then, and later publishes too. Completes when the client has ended, also if it is called again.
   */
  public CompletableFuture<Void> closeAsync() {
    session.close(Long.MAX_VALUE);
    return closed().exceptionally(error -> null);
  }

  /** {@link #closeAsync}, and waits for its end, at most 10 s. */
  @Override
  public void close() {
    close(Duration.ofSeconds(10));
  }

  /**
   * {@link #closeAsync}, and waits for its end, at most this long: for a hook that is synchronous, as a plugin's
   * onDisable. Returns false if the time was too short; the client goes on ending then.
   */
  public boolean close(Duration atMost) {
    // Half of the time for the publishes, so that the Goodbye has the other half.
    session.close(atMost.toMillis() / 2);
    try {
      session.finished.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException endedBefore) {
      return true;
    } catch (TimeoutException late) {
      return false;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
