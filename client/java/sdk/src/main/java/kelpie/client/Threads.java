package kelpie.client;

import java.util.concurrent.ThreadFactory;

/** The threads of a client. */
final class Threads {
  private Threads() {}

  /** Daemons: a server that stops does not wait for a client that its plugin forgot to close. */
  static ThreadFactory daemons(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }
}
