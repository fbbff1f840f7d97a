package kelpie.client;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Predicate;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Hello;
import kelpie.v1.Limits;
import kelpie.v1.NodeFrame;
import kelpie.v1.PlayerRef;
import kelpie.v1.Welcome;

/** What outlives the streams of a client and belongs to all of its parts. */
final class SessionCore implements Session {
  /** The grace of a coordinator that sends none. */
  private static final long GRACE_MS = 15_000;

  final OwnNode node;
  final Programs programs;
  final Dispatcher dispatcher;
  final Subscriptions subscriptions;
  final Handlers handlers;
  private final ConnectOptions options;
  private final Loop loop;
  private final StatusBoard statuses;
  private final Admission admission = new Admission();

  /** The session makes it, and sets it once. */
  Connection connection;

  /** The newest; null before the first one. */
  volatile Welcome welcome;

  /** Set when the client has ended: its error, or CLOSED. */
  volatile KelpieException ended;

  /** {@code fault} gets what a task of the client throws; {@code holds}: whether a player is on this node. */
  SessionCore(ConnectOptions options, Consumer<Throwable> fault, Predicate<PlayerRef> holds) {
    this.options = options;
    node = new OwnNode(options);
    loop = new Loop(node.name, fault);
    programs = new Programs(node.name, options.executor);
    statuses = new StatusBoard(programs, new Warnings(options.name, options.logger, loop));
    dispatcher =
        new Dispatcher(
            programs,
            loop,
            options.handlerTimeout.toMillis(),
            (pattern, error) -> post(new Status.HandlerFailed(pattern, error)));
    subscriptions = new Subscriptions(dispatcher, () -> loop.execute(this::changeTopics));
    handlers =
        new Handlers(
            this,
            programs,
            names -> HelloLimits.check(hello().clearCommands().addAllCommands(names).build(), limits()),
            () -> loop.execute(this::changeCommands),
            holds);
  }

  /** Makes the topics of the stream those of the subscriptions. */
  void changeTopics() {
    if (isOpen()) connection.link().helloChanges.setTopics(subscriptions.patterns());
  }

  /** Makes the commands of the stream those that have a handler. */
  void changeCommands() {
    if (isOpen()) connection.link().helloChanges.setCommands(handlers.names());
  }

  /** The Hello of this moment, without the start. */
  Hello.Builder hello() {
    return node.hello().addAllTopics(subscriptions.patterns()).addAllCommands(handlers.names());
  }

  AutoCloseable onStatus(Consumer<Status> listener) {
    return statuses.listen(listener);
  }

  @Override
  public Loop loop() {
    return loop;
  }

  @Override
  public ConnectOptions options() {
    return options;
  }

  @Override
  public String name() {
    return node.name;
  }

  @Override
  public boolean isOpen() {
    return connection.link() != null && connection.link().open();
  }

  @Override
  public Limits limits() {
    Welcome newest = welcome;
    return newest == null || !newest.hasLimits() ? null : newest.getLimits();
  }

  @Override
  public long graceMs() {
    Welcome newest = welcome;
    return newest == null ? GRACE_MS : Durations.msOf(newest.hasGrace(), newest.getGrace(), GRACE_MS);
  }

  @Override
  public CompletableFuture<CoordinatorFrame> request(NodeFrame.Builder frame) {
    CompletableFuture<CoordinatorFrame> answer = new CompletableFuture<>();
    issue(
        frame,
        new Waiter() {
          @Override
          public boolean answer(CoordinatorFrame one) {
            return answer.complete(one);
          }

          @Override
          public void fail(KelpieException error) {
            answer.completeExceptionally(error);
          }
        });
    return answer;
  }

  @Override
  public int issue(NodeFrame.Builder frame, Waiter waiter) {
    try {
      if (ended != null) throw ended;
      if (connection.link() == null) throw Errors.unanswered();
      return connection.link().issue(frame, waiter);
    } catch (KelpieException error) {
      waiter.fail(error);
      return 0;
    }
  }

  @Override
  public boolean send(NodeFrame.Builder frame) {
    return connection.link() != null && connection.link().send(frame);
  }

  @Override
  public CompletableFuture<CoordinatorFrame> call(NodeFrame.Builder frame) {
    CompletableFuture<CoordinatorFrame> outer = new CompletableFuture<>();
    int bytes = frame.build().getSerializedSize();
    admit(
        bytes,
        () ->
            request(frame)
                .whenComplete(
                    (answer, thrown) -> {
                      admission.leave(bytes);
                      if (thrown == null) settle(outer, answer);
                      else fail(outer, Errors.fromThrown(thrown));
                    }),
        error -> fail(outer, error));
    return outer;
  }

  /** Goes on in the loop if a request of this size has room; it gives the room back by {@link #leave}. */
  void admit(int bytes, Runnable inLoop, Consumer<KelpieException> refused) {
    try {
      if (ended != null) throw ended;
      admission.enter(bytes);
    } catch (KelpieException error) {
      refused.accept(error);
      return;
    }
    loop.execute(inLoop);
  }

  void leave(int bytes) {
    admission.leave(bytes);
  }

  @Override
  public void want(String pattern) {
    subscriptions.want(pattern);
  }

  @Override
  public void unwant(String pattern) {
    subscriptions.unwant(pattern);
  }

  @Override
  public void checkTopic(String pattern) {
    List<String> topics = subscriptions.patterns();
    if (topics.contains(pattern) || pattern.startsWith("inbox.")) return;
    HelloLimits.check(hello().addTopics(pattern).build(), limits());
  }

  @Override
  public void requestSnapshot(Iterable<String> patterns) {
    if (isOpen()) connection.link().helloChanges.requestSnapshot(patterns);
  }

  @Override
  public void post(Status status) {
    statuses.post(status);
  }

  @Override
  public void callback(String name, Runnable function) {
    Runnable guarded =
        () -> {
          try {
            function.run();
          } catch (Throwable thrown) {
            post(new Status.HandlerFailed(name, thrown));
          }
        };
    // Nobody repeats an eviction or a result, so an executor that refuses them gets none of them later.
    if (!programs.run(guarded)) programs.complete(guarded);
  }

  @Override
  public <T> void settle(CompletableFuture<T> future, T value) {
    programs.settle(future, value);
  }

  @Override
  public void fail(CompletableFuture<?> future, KelpieException error) {
    programs.fail(future, error);
  }

  @Override
  public <T> CompletableFuture<T> handOver(CompletableFuture<T> inner) {
    return programs.handOver(inner);
  }

  @Override
  public <Q, R> Handling handle(CommandType<Q, R> type, CommandHandler<Q, CompletionStage<R>> handler) {
    return handlers.add(type, handler);
  }
}
