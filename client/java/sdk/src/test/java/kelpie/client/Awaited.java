package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertNotNull;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** Things that come one after the other, each of which a test waits for with a deadline. */
final class Awaited<T> implements Consumer<T> {
  private static final int SECONDS = 15;

  private final BlockingQueue<T> queue = new LinkedBlockingQueue<>();

  @Override
  public void accept(T one) {
    queue.add(one);
  }

  /** The next one. */
  T next() throws InterruptedException {
    T one = queue.poll(SECONDS, TimeUnit.SECONDS);
    assertNotNull(one, "nothing came in time");
    return one;
  }

  /** The next ones. */
  List<T> next(int count) throws InterruptedException {
    List<T> all = new ArrayList<>();
    while (all.size() < count) all.add(next());
    return all;
  }

  /** The next one of a kind; those before it are dropped. */
  <S extends T> S next(Class<S> type) throws InterruptedException {
    return type.cast(next(type::isInstance));
  }

  /** The next one that fits; those before it are dropped. */
  T next(Predicate<T> fits) throws InterruptedException {
    T one = next();
    while (!fits.test(one)) one = next();
    return one;
  }

  int waiting() {
    return queue.size();
  }

  static <V> V get(CompletableFuture<V> future) throws Exception {
    return future.get(SECONDS, TimeUnit.SECONDS);
  }

  /** The error with which a future fails. */
  static KelpieException failure(CompletableFuture<?> future) throws Exception {
    try {
      Object value = get(future);
      throw new AssertionError("no failure, but " + value);
    } catch (ExecutionException failed) {
      return KelpieClient.errorOf(failed);
    }
  }
}
