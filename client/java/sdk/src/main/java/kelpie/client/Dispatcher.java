package kelpie.client;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/**
 * Runs the handlers of events on the program's executor. An executor with one thread runs them in the order of the
 * events. With several threads a handler that waits delays no other subscription. Many events that wait share one task,
 * so that an executor that runs one task in a tick of the game handles many events in a tick. Any thread may use it.
 */
final class Dispatcher {
  /** A task gives its thread back after this time, and the next one goes on. */
  private static final long TURN_NS = TimeUnit.MILLISECONDS.toNanos(10);

  /** An executor that refuses a task is asked again after this time. */
  private static final long RETRY_MS = 100;

  private final Programs programs;
  private final Loop loop;
  private final long timeoutMs;
  private final BiConsumer<String, Throwable> onFailure;
  /** The lanes whose handler can begin, by the order of their next events. */
  private final PriorityQueue<Lane> ready = new PriorityQueue<>(Comparator.comparingLong(Lane::order));

  private long order;
  /** The tasks that the executor has not begun. */
  private int queued;
  private boolean retrying;

  /** {@code onFailure} gets the pattern of a handler that failed or took longer than {@code timeoutMs}. */
  Dispatcher(Programs programs, Loop loop, long timeoutMs, BiConsumer<String, Throwable> onFailure) {
    this.programs = programs;
    this.loop = loop;
    this.timeoutMs = timeoutMs;
    this.onFailure = onFailure;
  }

  /** Gives an event to a handler, after those before it. {@code done} runs when it has settled, on any thread. */
  void add(Lane lane, ReceivedEvent event, Runnable done) {
    boolean isClosed;
    synchronized (this) {
      isClosed = lane.closed;
      if (!isClosed) lane.waiting.add(new Lane.Item(lane, event, done, order++));
      if (lane.ready() && lane.waiting.size() == 1) ready.add(lane);
    }
    if (isClosed) done.run();
    else ask();
  }

  /** Asks the executor for another task if lanes are ready for which none is on its way. */
  private void ask() {
    synchronized (this) {
      if (queued >= ready.size()) return;
      queued += 1;
    }
    if (programs.run(this::work)) return;
    synchronized (this) {
      queued -= 1;
      if (retrying) return;
      retrying = true;
    }
    // The queue of the executor may be full. Events that no handler got stay without an acknowledgement.
    loop.after(
        RETRY_MS,
        () -> {
          synchronized (this) {
            retrying = false;
          }
          ask();
        });
  }

  private void work() {
    synchronized (this) {
      queued -= 1;
    }
    long begunNs = System.nanoTime();
    for (Lane.Item item = take(); item != null; item = take()) {
      run(item);
      if (System.nanoTime() - begunNs > TURN_NS) {
        ask();
        return;
      }
    }
  }

  private void run(Lane.Item item) {
    try {
      CompletionStage<?> stage = item.lane.handler.apply(item.event);
      if (stage instanceof CompletableFuture<?> done && done.isDone()) done.join();
      else if (stage != null) {
        stage.whenComplete(
            (nothing, thrown) -> {
              if (settle(item, thrown)) ask();
            });
        return;
      }
      settle(item, null);
    } catch (Throwable thrown) {
      settle(item, thrown);
    }
  }

  /** The first event in the order of all events whose handler can begin; null if there is none. */
  private synchronized Lane.Item take() {
    Lane lane = ready.poll();
    if (lane == null) return null;
    Lane.Item item = lane.waiting.remove();
    lane.current = item;
    item.startedMs = loop.nowMs();
    if (!lane.watched) watch(lane, timeoutMs);
    return item;
  }

  /** The handler has settled. False if it was too late. */
  private boolean settle(Lane.Item item, Throwable thrown) {
    Lane lane = item.lane;
    synchronized (this) {
      if (lane.current != item) return false;
      lane.current = null;
      if (lane.ready()) ready.add(lane);
    }
    if (thrown != null) onFailure.accept(lane.pattern, thrown);
    item.done.run();
    return true;
  }

  /** One timer looks at the event of that moment, so that an event costs no timer. */
  private void watch(Lane lane, long ms) {
    lane.watched = true;
    loop.after(ms, () -> check(lane));
  }

  private void check(Lane lane) {
    Lane.Item late;
    synchronized (this) {
      lane.watched = false;
      late = lane.current;
      if (late == null) return;
      long leftMs = late.startedMs + timeoutMs - loop.nowMs();
      if (leftMs > 0) {
        watch(lane, leftMs);
        return;
      }
    }
    String message = "the handler of \"" + lane.pattern + "\" did not settle within " + timeoutMs + " ms";
    if (settle(late, new KelpieException(Reason.HANDLER_TIMEOUT, message))) ask();
  }

  /** No further event reaches the handler of the lane. The events that wait count as handled. */
  void close(Lane lane) {
    List<Lane.Item> rest;
    synchronized (this) {
      if (lane.ready()) ready.remove(lane);
      lane.closed = true;
      rest = new ArrayList<>(lane.waiting);
      lane.waiting.clear();
    }
    rest.forEach(item -> item.done.run());
  }
}
