package kelpie.client;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.EventDraft;
import kelpie.v1.Limits;
import kelpie.v1.Publish;
import kelpie.v1.PublishAck;
import kelpie.v1.PublishRejection;
import kelpie.v1.Welcome;

/**
 * Publishes without an acknowledgement. The client numbers each event once, keeps it until the coordinator has settled
 * it, and sends it again on the next stream. By the numbers the coordinator stores each event once. Any thread may use
 * it.
 */
final class Publisher {
  /** The most events and bytes that wait for an acknowledgement. Above one of these {@code publish} fails. */
  private static final int PENDING_EVENTS = 10_000;

  private static final int PENDING_BYTES = 16 * 1024 * 1024;

  /** The most events and bytes of one Publish: below the limits of every coordinator. */
  private static final int BATCH_EVENTS = 256;

  private static final int BATCH_BYTES = 256 * 1024;

  /** Room in a message beside one event: its topic, numbers, an Ack. */
  private static final int BESIDE_BYTES = 1024;

  /** Bytes before each event of a Publish. */
  private static final int LENGTH_BYTES = 6;

  private static final class Pending {
    final EventDraft draft;
    final int bytes;
    final CompletableFuture<Void> future = new CompletableFuture<>();
    /** Whether it has gone out on any stream. */
    boolean out;

    Pending(EventDraft draft) {
      this.draft = draft;
      bytes = draft.getSerializedSize() + LENGTH_BYTES;
    }
  }

  private final Programs programs;
  private final Runnable wake;
  /** In order: the events that went out on the present stream, then the others. */
  private final Deque<Pending> sent = new ArrayDeque<>();

  private final Deque<Pending> waiting = new ArrayDeque<>();
  /** The publish sequence of the first pending event. The others have the next numbers. */
  private long first = 1;
  private long bytes;
  /** The limits of the newest Welcome; null before. */
  private Limits limits;
  private KelpieException ended;
  private final List<Runnable> idle = new ArrayList<>();

  /** {@code wake}: events wait to be sent. */
  Publisher(Programs programs, Runnable wake) {
    this.programs = programs;
    this.wake = wake;
  }

  /** Completes when the event is settled. Fails with PUBLISH_QUEUE_FULL, CLOSED or its refusal. */
  CompletableFuture<Void> publish(EventDraft draft) {
    Pending pending = new Pending(draft);
    synchronized (this) {
      KelpieException refusal = ended;
      if (refusal == null) refusal = refusalOf(draft);
      if (refusal == null) refusal = full(pending.bytes);
      if (refusal != null) return CompletableFuture.failedFuture(refusal);
      waiting.add(pending);
      bytes += pending.bytes;
    }
    wake.run();
    return pending.future;
  }

  private KelpieException full(int more) {
    int count = sent.size() + waiting.size();
    if (count < PENDING_EVENTS && bytes + more <= PENDING_BYTES) return null;
    String message =
        count
            + " events ("
            + bytes
            + " bytes) wait to be acknowledged; publish less, or wait for the acknowledgements";
    return new KelpieException(Reason.PUBLISH_QUEUE_FULL, message);
  }

  /** The refusal that the coordinator would give. Null before the first Welcome, when the limits are unknown. */
  private KelpieException refusalOf(EventDraft draft) {
    if (limits == null) return null;
    int depth = limits.getJsonDepth();
    // 0: the coordinator names no limit.
    if (depth > 0 && Json.isDeeper(draft.getPayload().getContent(), depth)) return Json.tooDeep(depth);
    int most = Math.min(limits.getPayloadBytes(), limits.getPublishBytes());
    int limit = Math.min(most, limits.getMessageBytes() - BESIDE_BYTES);
    int size = draft.getPayload().getSerializedSize();
    if (size <= limit) return null;
    String message = "the event on \"" + draft.getTopic() + "\" has " + size + " bytes; the limit is " + limit;
    Map<String, String> metadata = Map.of("bytes", String.valueOf(size), "limit", String.valueOf(limit));
    return Errors.permanent(Reason.PAYLOAD_TOO_LARGE, message, metadata);
  }

  /** A new stream: the events up to the coordinator's publish sequence are settled, and the others go out again. */
  synchronized void restart(Welcome welcome) {
    limits = welcome.getLimits();
    settle(welcome.getPublishSequence(), Map.of());
    // No coordinator has stored the others, and no older stream can store them any more: their numbers are free.
    if (welcome.getPublishSequence() > 0) first = welcome.getPublishSequence() + 1;
    while (!sent.isEmpty()) waiting.addFirst(sent.removeLast());
    refuseUnfit();
  }

  /** Refuses the events that are above the limits of the new coordinator. */
  private void refuseUnfit() {
    for (Iterator<Pending> all = waiting.iterator(); all.hasNext(); ) {
      Pending pending = all.next();
      KelpieException refusal = refusalOf(pending.draft);
      if (refusal == null) continue;
      all.remove();
      bytes -= pending.bytes;
      programs.fail(pending.future, refusal);
    }
    releaseIfIdle();
  }

  /** The next frame to send, of at most {@code room} bytes; null if nothing waits or fits. */
  synchronized Publish take(int room) {
    int mostEvents = limits == null ? BATCH_EVENTS : Math.min(BATCH_EVENTS, limits.getPublishEvents());
    int mostBytes = limits == null ? BATCH_BYTES : Math.min(BATCH_BYTES, limits.getPublishBytes());
    Publish.Builder publish = Publish.newBuilder().setFirstPublishSequence(first + sent.size());
    int taken = 0;
    while (!waiting.isEmpty() && publish.getEventsCount() < mostEvents) {
      Pending next = waiting.peek();
      int most = publish.getEventsCount() > 0 ? Math.min(mostBytes, room) : room;
      if (taken + next.bytes > most) break;
      taken += next.bytes;
      next.out = true;
      publish.addEvents(next.draft);
      sent.add(waiting.remove());
    }
    return publish.getEventsCount() == 0 ? null : publish.build();
  }

  synchronized void acknowledge(PublishAck ack) {
    Map<Long, KelpieException> refused = new HashMap<>();
    for (PublishRejection one : ack.getRejectionsList())
      refused.put(one.getPublishSequence(), Errors.fromWire(one.getError()));
    settle(ack.getPublishSequence(), refused);
  }

  /** Settles the events up to a number, but only events that went out: the number may be wrong. */
  private void settle(long upTo, Map<Long, KelpieException> refused) {
    List<Runnable> completions = new ArrayList<>();
    for (Pending next = head(); next != null && next.out && first <= upTo; next = head()) {
      (sent.isEmpty() ? waiting : sent).remove();
      bytes -= next.bytes;
      Pending settled = next;
      KelpieException error = refused.get(first++);
      completions.add(
          () -> {
            if (error == null) settled.future.complete(null);
            else settled.future.completeExceptionally(error);
          });
    }
    if (completions.isEmpty()) return;
    programs.complete(() -> completions.forEach(Runnable::run));
    releaseIfIdle();
  }

  private Pending head() {
    return sent.isEmpty() ? waiting.peek() : sent.peek();
  }

  private void releaseIfIdle() {
    if (!sent.isEmpty() || !waiting.isEmpty()) return;
    idle.forEach(Runnable::run);
    idle.clear();
  }

  /** Takes no more events: {@code publish} fails with this error. Calls {@code whenIdle} when no event waits. */
  synchronized void end(KelpieException error, Runnable whenIdle) {
    if (ended == null) ended = error;
    idle.add(whenIdle);
    releaseIfIdle();
  }

  /** Fails all pending events. */
  synchronized void close(KelpieException error) {
    ended = error;
    sent.addAll(waiting);
    waiting.clear();
    for (Pending pending : sent) programs.fail(pending.future, error);
    sent.clear();
    bytes = 0;
    releaseIfIdle();
  }
}
