package kelpie.nukkit;

import cn.nukkit.plugin.Plugin;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** Runs functions on the main thread of the server. Worlds, players and commands belong to that thread. */
final class MainThread implements Executor {
  private final Plugin plugin;

  MainThread(Plugin plugin) {
    this.plugin = plugin;
  }

  /** Throws RejectedExecutionException if the plugin is disabled. */
  @Override
  public void execute(Runnable function) {
    if (!plugin.isEnabled()) throw new RejectedExecutionException("the server stops");
    plugin.getServer().getScheduler().scheduleTask(plugin, function);
  }

  /** Completes with the result of the function. */
  <T> CompletableFuture<T> call(Callable<T> function) {
    CompletableFuture<T> result = new CompletableFuture<>();
    try {
      execute(
          () -> {
            try {
              result.complete(function.call());
            } catch (Throwable thrown) {
              result.completeExceptionally(thrown);
            }
          });
    } catch (RuntimeException stopped) {
      result.completeExceptionally(stopped);
    }
    return result;
  }
}
