package kelpie.client;

import java.util.concurrent.CompletableFuture;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Limits;
import kelpie.v1.NodeFrame;

/**
 * What the parts of a client (players, roster, state, transfers) use of its session. A part is told of the frames by
 * {@link Part}.
 *
 * <p>Threads: all state of a part belongs to the loop, unless the part says otherwise. A method of a part that the
 * program calls checks its arguments on the caller's thread, then goes on in the loop by {@code loop().execute}. It never
 * waits. It gives the program's futures to {@link #settle} or {@link #handOver}, and calls the program's functions by
 * {@link #callback}: never in the loop.
 */
interface Session {
  /** The thread, the timers and the clock of the client. */
  Loop loop();

  ConnectOptions options();

  /** The name of the node in lower case, as in topics. */
  String name();

  /** Whether a stream has its Welcome and has not ended. Loop only. */
  boolean isOpen();

  /** The limits of the newest Welcome; null before the first one. Loop only. */
  Limits limits();

  /** How long the coordinator keeps the node without a stream. */
  long graceMs();

  /**
   * Sends a request with a new request_id. Completes in the loop with its one answer. Fails with its refusal; UNAVAILABLE
   * while no session is open, or if the stream ends before the answer; REQUEST_QUEUE_FULL; PAYLOAD_TOO_LARGE; CLOSED.
   * Loop only.
   */
  CompletableFuture<CoordinatorFrame> request(NodeFrame.Builder frame);

  /** The same for a request with many answers. Returns its request_id; 0 if it has failed already. Loop only. */
  int issue(NodeFrame.Builder frame, Waiter waiter);

  /** Sends a frame that has no answer except a refusal. False if no session is open. Loop only. */
  boolean send(NodeFrame.Builder frame);

  /**
   * {@link #request} for a method that the program calls, from any thread: counts the bytes of the request before it goes
   * to the loop, so that what waits is bounded. The future may be given to the program.
   */
  CompletableFuture<CoordinatorFrame> call(NodeFrame.Builder frame);

  /** Takes the answers to one request, in the loop. */
  interface Waiter {
    /** Returns true if it is the last answer. */
    boolean answer(CoordinatorFrame frame);

    /** The coordinator refused the request, or the stream ended before the last answer (UNAVAILABLE). */
    void fail(KelpieException error);
  }

  /** The own topics of the client: a part reads this pattern without a handler of the program. Loop only. */
  void want(String pattern);

  /** Takes one {@link #want} back. Loop only. */
  void unwant(String pattern);

  /** Throws PATTERN_LIMIT or HELLO_TOO_LARGE if the pattern has no room in the Hello. Any thread. */
  void checkTopic(String pattern);

  /** Asks for a Snapshot of topics that the stream reads already. Does nothing while no session is open. Loop only. */
  void requestSnapshot(Iterable<String> patterns);

  /** Reports to the listeners of statuses. Any thread. */
  void post(Status status);

  /** Runs a function of the program on its executor; a failure becomes a status HandlerFailed with this name. */
  void callback(String name, Runnable function);

  /** Completes a future of the program, on the thread for that. */
  <T> void settle(CompletableFuture<T> future, T value);

  /** Fails a future of the program, on the thread for that. */
  void fail(CompletableFuture<?> future, KelpieException error);

  /** A future for the program that completes, on the thread for that, as a future of the loop does. */
  <T> CompletableFuture<T> handOver(CompletableFuture<T> inner);

  /** Handles a command for a part, as {@code KelpieClient.handle} does for the program. */
  <Q, R> Handling handle(CommandType<Q, R> type, CommandHandler<Q, java.util.concurrent.CompletionStage<R>> handler);
}
