package dev.waterdog.waterdogpe.network.connection.handler;

/** A stub of the reason why a player loses their server. */
public interface ReconnectReason {
  /** {@code unknown}, {@code timeout}, {@code exception}, {@code server_kick} and so on. */
  String getName();
}
