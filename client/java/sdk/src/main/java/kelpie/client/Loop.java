package kelpie.client;

import java.util.concurrent.Delayed;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The one thread that owns the state of a client: its streams, its position, its requests. Everything that the client
 * does itself runs here, one after the other, and never waits. Functions of the program do not run here.
 */
final class Loop implements Executor {
  private final ScheduledThreadPoolExecutor executor;
  private final Consumer<Throwable> onFault;

  /** {@code onFault} gets what a task throws: a fault of the client itself. */
  Loop(String name, Consumer<Throwable> onFault) {
    this.onFault = onFault;
    executor = new ScheduledThreadPoolExecutor(1, Threads.daemons("kelpie-" + name));
    executor.setRemoveOnCancelPolicy(true);
    // After the end no state changes any more: a late task sees that the client has ended, on the thread of its caller.
    executor.setRejectedExecutionHandler((task, ended) -> task.run());
  }

  @Override
  public void execute(Runnable task) {
    if (executor.isTerminated()) guarded(task).run();
    else executor.execute(guarded(task));
  }

  /** Runs the task once after this time; never after the end. The result stops it, and may be called again. */
  Runnable after(long delayMs, Runnable task) {
    if (executor.isShutdown()) return () -> {};
    ScheduledFuture<?> timer = executor.schedule(guarded(task), delayMs, TimeUnit.MILLISECONDS);
    return () -> timer.cancel(false);
  }

  private Runnable guarded(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Throwable fault) {
        onFault.accept(fault);
      }
    };
  }

  /** Milliseconds since a fixed moment. They never decrease. */
  long nowMs() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
  }

  /** A number from 0 to below 1. */
  double random() {
    return ThreadLocalRandom.current().nextDouble();
  }

  /** Runs the tasks that are due, drops the timers, and ends the thread. */
  void shutdown() {
    executor.shutdown();
    executor.getQueue().removeIf(task -> ((Delayed) task).getDelay(TimeUnit.NANOSECONDS) > 0);
  }
}
