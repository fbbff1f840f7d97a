package kelpie.client;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Limits;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeFrame;
import kelpie.v1.Welcome;

/** The composition of a client: the parts that outlive a stream, and the receiver of each stream's frames. */
final class ClientSession implements Session {
  private final ConnectOptions options;
  private final Loop loop;
  private final Players players;
  private final Roster roster;
  private final State state;
  private final Transfers transfers;
  /** They follow the session in this order: the players of the roster come before those of the node. */
  private final List<Part> parts;

  ClientSession(ConnectOptions options) {
    this.options = options;
    loop = new Loop(options.name, fault -> {});
    roster = Roster.of(this, () -> {});
    players = new Players(this, roster);
    state = new State(this);
    transfers = new Transfers(this);
    parts = List.of(new RosterPart(roster, this::graceMs), players.part());
  }

  void start() {}

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
    return options.name.toLowerCase(java.util.Locale.ROOT);
  }

  Players players() {
    return players;
  }

  Roster roster() {
    return roster;
  }

  State values() {
    return state;
  }

  Transfers transfers() {
    return transfers;
  }

  @Override
  public boolean isOpen() {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public Limits limits() {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public long graceMs() {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public CompletableFuture<CoordinatorFrame> request(NodeFrame.Builder frame) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public int issue(NodeFrame.Builder frame, Waiter waiter) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public boolean send(NodeFrame.Builder frame) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public CompletableFuture<CoordinatorFrame> call(NodeFrame.Builder frame) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void want(String pattern) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void unwant(String pattern) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void checkTopic(String pattern) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void requestSnapshot(Iterable<String> patterns) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void post(Status status) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void callback(String name, Runnable function) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public <T> void settle(CompletableFuture<T> future, T value) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public void fail(CompletableFuture<?> future, KelpieException error) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public <T> CompletableFuture<T> handOver(CompletableFuture<T> inner) {
    throw new UnsupportedOperationException("in work");
  }

  @Override
  public <Q, R> Handling handle(CommandType<Q, R> type, CommandHandler<Q, CompletionStage<R>> handler) {
    throw new UnsupportedOperationException("in work");
  }

  ConnectionState state() {
    throw new UnsupportedOperationException("in work");
  }

  CompletableFuture<Welcome> ready() {
    throw new UnsupportedOperationException("in work");
  }

  Subscription subscribe(String pattern, Function<ReceivedEvent, CompletionStage<?>> handler) {
    throw new UnsupportedOperationException("in work");
  }

  CompletableFuture<Void> publish(String topic, Supplier<Content> content, PublishOptions given) {
    throw new UnsupportedOperationException("in work");
  }

  <Q, R> Issued<R> issue(Target target, CommandType<Q, R> type, Q request, IssueOptions given, Consumer<CommandResult<R>> listener) {
    throw new UnsupportedOperationException("in work");
  }

  <Q, R> CompletableFuture<R> call(Target target, CommandType<Q, R> type, Q request, Duration timeout) {
    throw new UnsupportedOperationException("in work");
  }

  CompletableFuture<Void> update(NodeChange change) {
    throw new UnsupportedOperationException("in work");
  }

  Calls calls() {
    throw new UnsupportedOperationException("in work");
  }

  AutoCloseable onStatus(Consumer<Status> listener) {
    throw new UnsupportedOperationException("in work");
  }

  int pending() {
    throw new UnsupportedOperationException("in work");
  }

  CompletableFuture<Void> closed() {
    throw new UnsupportedOperationException("in work");
  }

  CompletableFuture<Void> close() {
    throw new UnsupportedOperationException("in work");
  }

  boolean close(Duration atMost) {
    throw new UnsupportedOperationException("in work");
  }
}
