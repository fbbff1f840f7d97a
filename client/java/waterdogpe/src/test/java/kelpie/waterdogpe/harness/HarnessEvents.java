package kelpie.waterdogpe.harness;

import dev.waterdog.waterdogpe.event.AsyncEvent;
import dev.waterdog.waterdogpe.event.Event;
import dev.waterdog.waterdogpe.event.EventAccess;
import dev.waterdog.waterdogpe.event.EventManager;
import dev.waterdog.waterdogpe.event.EventPriority;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/**
 * The events of the proxy: asynchronous ones on a pool, in any order; the others on the caller's thread. Handlers are
 * found by the event's own class.
 */
public final class HarnessEvents extends EventManager {
  private record Handler(EventPriority priority, Consumer<Event> consumer) {}

  private final Version version;
  private final Map<Class<?>, List<Handler>> handlers = new ConcurrentHashMap<>();
  private final ExecutorService pool = Executors.newCachedThreadPool();
  /** What handlers threw. */
  public final List<Throwable> thrown = new CopyOnWriteArrayList<>();

  HarnessEvents(Version version) {
    this.version = version;
  }

  @Override
  public <T extends Event> void subscribe(Class<T> event, Consumer<T> handler) {
    subscribe(event, handler, EventPriority.NORMAL);
  }

  @Override
  public <T extends Event> void subscribe(Class<T> event, Consumer<T> handler, EventPriority priority) {
    Consumer<Event> consumer = one -> handler.accept(event.cast(one));
    handlers.computeIfAbsent(event, none -> new CopyOnWriteArrayList<>()).add(new Handler(priority, consumer));
  }

  /** Calls the handlers. Completes when all of them, and the futures that they added, have. */
  public <T extends Event> CompletableFuture<T> call(T event) {
    if (!event.getClass().isAnnotationPresent(AsyncEvent.class)) {
      run(event);
      return CompletableFuture.completedFuture(event);
    }
    return CompletableFuture.runAsync(() -> run(event), pool)
        .thenCompose(done -> CompletableFuture.allOf(EventAccess.futuresOf(event)))
        .thenApply(done -> event);
  }

  private void run(Event event) {
    for (EventPriority priority : EventPriority.values())
      for (Handler handler : handlers.getOrDefault(event.getClass(), List.of()))
        if (handler.priority() == priority) run(handler, event);
  }

  private void run(Handler handler, Event event) {
    try {
      handler.consumer().accept(event);
    } catch (RuntimeException fault) {
      thrown.add(fault);
      // Before that a broken handler broke the handlers after it, and the caller.
      if (version == Version.V2_0_3) throw fault;
    }
  }

  void close() {
    pool.shutdownNow();
  }
}
