package kelpie.client;

/** A handler of a command that is in place. */
public interface Handling extends AutoCloseable {
  /** The name of the command. */
  String name();

  /** Removes the handler. It still answers the requests that it has begun. Safe to call again, from any thread. */
  @Override
  void close();
}
