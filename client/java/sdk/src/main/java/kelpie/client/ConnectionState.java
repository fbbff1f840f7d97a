package kelpie.client;

/** The state of a client's connection. */
public enum ConnectionState {
  /** Before the first session. */
  CONNECTING,
  /** A session is open. */
  CONNECTED,
  /** A session was lost, and the next one is not open yet. */
  AWAY,
  /** The client has ended. */
  CLOSED
}
