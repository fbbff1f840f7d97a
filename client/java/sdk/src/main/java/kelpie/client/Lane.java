package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * The events of one subscription, one after the other. The handler runs on the program's executor. Many events that wait
 * share one task there, so that an executor that runs one task in a tick of the game handles many events in a tick.
 */
final class Lane {
  /** A task gives its thread back after this time, and the lane goes on with the next one. */
  private static final long TURN_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private record Item(ReceivedEvent event, Runnable done) {}

  final String pattern;
  private final Function<ReceivedEvent, CompletionStage<?>> handler;
  private final Programs programs;
  private final Loop loop;
  private final long timeoutMs;
  private final BiConsumer<String, Throwable> onFailure;

  private final Deque<Item> waiting = new ArrayDeque<>();
  /** The event that the handler works on. */
  private Item current;
  private long startedMs;
  /** Whether a task of the program's executor has, or will have, the turn. */
  private boolean busy;
  /** Grows when a handler is late: the task that waits for it has lost its turn. */
  private int turn;
  private boolean watched;
  private boolean closed;

  Lane(
      String pattern,
      Function<ReceivedEvent, CompletionStage<?>> handler,
      Programs programs,
      Loop loop,
      long timeoutMs,
      BiConsumer<String, Throwable> onFailure) {
    this.pattern = pattern;
    this.handler = handler;
    this.programs = programs;
    this.loop = loop;
    this.timeoutMs = timeoutMs;
    this.onFailure = onFailure;
  }

  /** Gives an event to the handler, after those before it. {@code done} runs when it has settled, on any thread. */
  void add(ReceivedEvent event, Runnable done) {
    synchronized (this) {
      if (!closed) {
        waiting.add(new Item(event, done));
        if (busy) return;
        busy = true;
      }
    }
    if (closed()) done.run();
    else ask();
  }

  private synchronized boolean closed() {
    return closed;
  }

  /** Asks the program's executor for a turn. */
  private void ask() {
    int mine;
    synchronized (this) {
      mine = turn;
    }
    // An executor that takes nothing any more belongs to a program that has stopped.
    if (!programs.run(() -> work(mine))) close();
  }

  private void work(int mine) {
    long begunNs = System.nanoTime();
    for (Item item = next(mine); item != null; item = next(mine)) {
      try {
        CompletionStage<?> stage = handler.apply(item.event);
        if (stage instanceof CompletableFuture<?> done && done.isDone()) done.join();
        else if (stage != null) {
          goOnAfter(stage, item);
          return;
        }
        settle(item, null);
      } catch (Throwable thrown) {
        settle(item, thrown);
      }
      if (System.nanoTime() - begunNs > TURN_NS) {
        if (goesOn(mine)) ask();
        return;
      }
    }
  }

  private void goOnAfter(CompletionStage<?> stage, Item item) {
    stage.whenComplete(
        (nothing, thrown) -> {
          if (settle(item, thrown) && goesOn()) ask();
        });
  }

  /** The next event for the task of this turn; null if there is none, or if the task has lost its turn. */
  private synchronized Item next(int mine) {
    if (mine != turn || closed) return null;
    current = waiting.poll();
    busy = current != null;
    if (!busy) return null;
    startedMs = loop.nowMs();
    watch();
    return current;
  }

  private boolean goesOn(int mine) {
    synchronized (this) {
      if (mine != turn) return false;
    }
    return goesOn();
  }

  /** Whether another task is needed. */
  private synchronized boolean goesOn() {
    busy = !waiting.isEmpty() && !closed;
    return busy;
  }

  /** The handler has settled. False if it was too late. */
  private boolean settle(Item item, Throwable thrown) {
    synchronized (this) {
      if (current != item) return false;
      current = null;
    }
    if (thrown != null) onFailure.accept(pattern, thrown);
    item.done.run();
    return true;
  }

  /** One timer looks at the event of that moment, so that an event costs no timer. */
  private void watch() {
    if (watched) return;
    watched = true;
    loop.after(timeoutMs, this::check);
  }

  private void check() {
    Item late;
    synchronized (this) {
      watched = false;
      late = current;
      if (late == null) return;
      long leftMs = startedMs + timeoutMs - loop.nowMs();
      if (leftMs > 0) {
        watched = true;
        loop.after(leftMs, this::check);
        return;
      }
      turn += 1;
    }
    String message = "the handler of \"" + pattern + "\" did not settle within " + timeoutMs + " ms";
    if (settle(late, new KelpieException(Reason.HANDLER_TIMEOUT, message)) && goesOn()) ask();
  }

  /** No further event reaches the handler. The events that wait count as handled. */
  void close() {
    Deque<Item> rest;
    synchronized (this) {
      closed = true;
      rest = new ArrayDeque<>(waiting);
      waiting.clear();
    }
    rest.forEach(item -> item.done.run());
  }
}
