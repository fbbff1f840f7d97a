package kelpie.client;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Function;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.DeleteValueRequest;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.GetValueRequest;
import kelpie.v1.NodeFrame;
import kelpie.v1.PutValueRequest;
import kelpie.v1.Snapshot;
import kelpie.v1.StateValue;
import kelpie.v1.Welcome;

/**
 * The small values that the programs of a network share. A value has a bucket, {@code [a-z0-9][a-z0-9_-]{0,62}}, and a
 * key of 1 to 128 bytes.
 *
 * <p>A value that is put with {@code WriteOptions.NONE.expect(0).bound()} is a lock: it is there once, and it ends with
 * this process. Its sequence is the token. Name it as guard in each write that needs the lock.
 */
public final class State implements Part {
  private final Session session;
  private final Watches watches;

  State(Session session) {
    this.session = session;
    watches = new Watches(session);
  }

  /**
   * Gets a value; empty if it is absent. Fails with KEY_INVALID, VALUE_INVALID, or UNAVAILABLE while no coordinator is
   * connected.
   */
  public CompletableFuture<Optional<SharedValue>> get(String bucket, String key) {
    return typed(
        () -> {
          ValuePlace place = ValuePlace.of(bucket, key);
          GetValueRequest request = GetValueRequest.newBuilder().setBucket(place.bucket()).setKey(place.key()).build();
          return session
              .call(NodeFrame.newBuilder().setGetValue(request))
              .handle((answer, error) -> error == null ? Optional.of(valueIn(answer)) : absent(error));
        });
  }

  private static SharedValue valueIn(CoordinatorFrame answer) {
    StateValue value = answer.getValue().getValue();
    return SharedValue.of(value, value.getSequence());
  }

  private static Optional<SharedValue> absent(Throwable thrown) {
    KelpieException error = Errors.fromThrown(thrown);
    if (error.reason() == Reason.VALUE_NOT_FOUND) return Optional.empty();
    throw error;
  }

  /** Stores a value without conditions. See {@link #put(String, String, Content, WriteOptions)}. */
  public CompletableFuture<Long> put(String bucket, String key, Content content) {
    return put(bucket, key, content, WriteOptions.NONE);
  }

  /**
   * Stores a value of at most 64 KiB. Completes with its sequence. Fails with SEQUENCE_CONFLICT if the value or the guard
   * has another sequence than the writer expects; with STATE_LIMIT, PAYLOAD_TOO_LARGE, CONTENT_TOO_DEEP, KEY_INVALID or
   * VALUE_INVALID; with STALE_GENERATION once the node has a newer stream. After UNAVAILABLE or OUTCOME_UNKNOWN the value
   * may be stored: read it again before another put.
   */
  public CompletableFuture<Long> put(String bucket, String key, Content content, WriteOptions options) {
    return typed(
        () -> {
          ValuePlace place = ValuePlace.of(bucket, key);
          if (content == null) throw Errors.invalid("content is null; delete ends a value", "content");
          PutValueRequest.Builder put =
              PutValueRequest.newBuilder()
                  .setBucket(place.bucket())
                  .setKey(place.key())
                  .setContent(content.toWire());
          if (options.bound) put.setOwner(session.name());
          if (options.expected != null) put.setExpectedSequence(options.expected);
          if (options.guard != null) put.setGuard(options.wireGuard());
          if (options.ttl != null) put.setTtl(Durations.wire(options.ttl));
          return session
              .call(NodeFrame.newBuilder().setPutValue(put))
              .thenApply(answer -> answer.getValueStored().getSequence());
        });
  }

  /** Deletes a value without conditions. See {@link #delete(String, String, WriteOptions)}. */
  public CompletableFuture<Void> delete(String bucket, String key) {
    return delete(bucket, key, WriteOptions.NONE);
  }

  /**
   * Deletes a value. Fails with VALUE_NOT_FOUND, SEQUENCE_CONFLICT, KEY_INVALID, VALUE_INVALID, OUT_OF_RANGE or
   * STALE_GENERATION. After UNAVAILABLE or OUTCOME_UNKNOWN the value may be deleted.
   */
  public CompletableFuture<Void> delete(String bucket, String key, WriteOptions options) {
    return typed(
        () -> {
          ValuePlace place = ValuePlace.of(bucket, key);
          if (options.ttl != null || options.bound)
            throw Errors.invalid("a deletion has no ttl and no owner; give conditions alone", "options");
          DeleteValueRequest.Builder delete =
              DeleteValueRequest.newBuilder().setBucket(place.bucket()).setKey(place.key());
          if (options.expected != null) {
            WriteOptions.checkSequence("expect", options.expected, 1);
            delete.setExpectedSequence(options.expected);
          }
          if (options.guard != null) delete.setGuard(options.wireGuard());
          return session.call(NodeFrame.newBuilder().setDeleteValue(delete)).thenApply(answer -> null);
        });
  }

  /**
   * Calls the handler with the values that are there, and then with each change, one at a time: of one value, or of all
   * values of a bucket for the key {@code *}. It works over reconnects: after a gap the handler gets what is different.
   * While it runs, further changes of one value become one. Throws KEY_INVALID, VALUE_INVALID, PATTERN_LIMIT or
   * HELLO_TOO_LARGE.
   */
  public ValueWatch watch(String bucket, String key, Consumer<ValueChange> handler) {
    return watchAsync(
        bucket,
        key,
        change -> {
          handler.accept(change);
          return null;
        });
  }

  /** The same for a handler that goes on by itself: the next change waits until its stage completes. */
  public ValueWatch watchAsync(String bucket, String key, Function<ValueChange, CompletionStage<?>> handler) {
    boolean all = "*".equals(key);
    String pattern =
        all ? ValuePlace.patternOf(ValuePlace.checkedBucket(bucket)) : ValuePlace.of(bucket, key).topic();
    session.checkTopic(pattern);
    return watches.add(new Watch(pattern, session, handler));
  }

  /** A fault of the arguments fails the future too. */
  private static <T> CompletableFuture<T> typed(java.util.function.Supplier<CompletableFuture<T>> call) {
    try {
      return call.get();
    } catch (KelpieException error) {
      return CompletableFuture.failedFuture(error);
    }
  }

  @Override
  public void restart(List<String> topics, boolean loading) {
    watches.restart(topics, loading);
  }

  @Override
  public void welcome(Welcome welcome) {
    watches.begin();
  }

  @Override
  public void event(Event event) {
    watches.applyEvent(event);
  }

  @Override
  public void snapshot(Snapshot part) {
    watches.applySnapshot(part);
  }

  @Override
  public void gap(Gap gap) {
    watches.applyGap(gap);
  }

  @Override
  public void close(KelpieException error) {
    watches.close();
  }
}
