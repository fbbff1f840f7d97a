package kelpie.client;

/** A subscription that runs. */
public interface Subscription extends AutoCloseable {
  /** The pattern of its topics. */
  String pattern();

  /** No further event reaches the handler. Safe to call again, from any thread. */
  @Override
  void close();
}
