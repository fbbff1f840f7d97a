package kelpie.client;

import kelpie.v1.ConnectRequest;

/** The gRPC stream under a link. It calls {@code flush}, {@code received} and {@code finished} of the link. Loop only. */
interface Wire {
  void open(Link link);

  /** Whether the stream takes another message. If not, it calls {@code flush} when it does. */
  boolean isReady();

  void send(ConnectRequest message);

  /** Ends the client's side. Safe to call again. */
  void halfClose();

  /** Breaks the stream, also one that is not open yet. Safe to call again. */
  void cancel();
}
