package kelpie.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * The subscriptions of a node, and the patterns that the client reads for itself. A slow handler delays the
 * acknowledgement of its events, up to the window, but not the handlers of other subscriptions. Any thread may use it.
 */
final class Subscriptions {
  /** The most topics whose lanes are cached. */
  private static final int TOPICS = 4096;

  private final Dispatcher dispatcher;
  private final Runnable onPatterns;
  private final List<Lane> all = new ArrayList<>();
  /** A cache: the lanes of each topic that has come. */
  private final Map<String, List<Lane>> byTopic = new HashMap<>();
  /** The number of subscriptions of each pattern. */
  private final Map<String, Integer> wanted = new LinkedHashMap<>();

  /** {@code onPatterns}: the patterns have changed. */
  Subscriptions(Dispatcher dispatcher, Runnable onPatterns) {
    this.dispatcher = dispatcher;
    this.onPatterns = onPatterns;
  }

  /** The patterns for the coordinator. It sends a node the events of its own inbox without a pattern. */
  synchronized List<String> patterns() {
    return wanted.keySet().stream().filter(pattern -> !pattern.startsWith("inbox.")).toList();
  }

  Subscription add(String pattern, Function<ReceivedEvent, CompletionStage<?>> handler) {
    Lane lane = new Lane(pattern, handler);
    synchronized (this) {
      all.add(lane);
      byTopic.clear();
    }
    want(pattern);
    return new Subscription() {
      @Override
      public String pattern() {
        return pattern;
      }

      @Override
      public void close() {
        if (remove(lane)) unwant(pattern);
      }
    };
  }

  private boolean remove(Lane lane) {
    boolean removed;
    synchronized (this) {
      removed = all.remove(lane);
      byTopic.clear();
    }
    dispatcher.close(lane);
    return removed;
  }

  /** Adds a pattern without a handler: the client itself needs its events. */
  void want(String pattern) {
    boolean isNew;
    synchronized (this) {
      isNew = wanted.merge(pattern, 1, Integer::sum) == 1;
    }
    if (isNew) onPatterns.run();
  }

  /** Takes back one {@link #want}. */
  void unwant(String pattern) {
    boolean gone;
    synchronized (this) {
      gone = wanted.merge(pattern, -1, Integer::sum) <= 0;
      if (gone) wanted.remove(pattern);
    }
    if (gone) onPatterns.run();
  }

  /** The lanes that get an event of the topic. */
  synchronized List<Lane> lanesOf(String topic) {
    List<Lane> found = byTopic.get(topic);
    if (found != null) return found;
    if (byTopic.size() >= TOPICS) byTopic.clear();
    found = all.stream().filter(lane -> Topics.matches(lane.pattern, topic)).toList();
    byTopic.put(topic, found);
    return found;
  }

  /** No further event reaches a handler. */
  synchronized void close() {
    all.forEach(dispatcher::close);
    all.clear();
    byTopic.clear();
  }
}
