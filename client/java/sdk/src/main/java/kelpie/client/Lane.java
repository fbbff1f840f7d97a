package kelpie.client;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/** The events of one subscription, one after the other. The dispatcher guards it by its own lock. */
final class Lane {
  /** An event that waits for the handler of its lane, in the order of all events. */
  static final class Item {
    final Lane lane;
    final ReceivedEvent event;
    final Runnable done;
    final long order;
    long startedMs;

    Item(Lane lane, ReceivedEvent event, Runnable done, long order) {
      this.lane = lane;
      this.event = event;
      this.done = done;
      this.order = order;
    }
  }

  final String pattern;
  final Function<ReceivedEvent, CompletionStage<?>> handler;
  final Deque<Item> waiting = new ArrayDeque<>();
  /** The event that the handler works on. */
  Item current;
  /** Whether a timer looks after the handler. */
  boolean watched;
  boolean closed;

  Lane(String pattern, Function<ReceivedEvent, CompletionStage<?>> handler) {
    this.pattern = pattern;
    this.handler = handler;
  }

  /** Whether the handler can begin with the next event. */
  boolean ready() {
    return current == null && !closed && !waiting.isEmpty();
  }

  /** The place of the next event in the order of all events. */
  long order() {
    return waiting.element().order;
  }
}
