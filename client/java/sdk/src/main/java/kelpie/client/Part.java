package kelpie.client;

import java.util.List;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.Heartbeat;
import kelpie.v1.Hello;
import kelpie.v1.Snapshot;
import kelpie.v1.Welcome;

/**
 * A part of a client that follows its session: players, roster, state. The session calls it in the loop, in the order of
 * the frames. A method that is not overridden does nothing.
 */
interface Part {
  /** A Hello is about to go out: fill in what belongs to the part. The session has filled in topics and start. */
  default void hello(Hello.Builder hello) {}

  /**
   * A stream begins. {@code loading}: it begins with a Snapshot of these topics. Requests of the older stream have
   * failed already.
   */
  default void restart(List<String> topics, boolean loading) {}

  /** The session is open. {@code Session.send} and {@code request} work from now on. */
  default void welcome(Welcome welcome) {}

  /**
   * A frame that is no answer, and that the session does not handle itself: PLAYER_EVICTED, SYNC_REQUESTED, NODE_LOADS.
   */
  default void frame(CoordinatorFrame frame) {}

  /** An event that is above the position, before the handlers of the program get it. Each event comes once. */
  default void event(Event event) {}

  /** A part of a Snapshot, in order: the first one has the cursor and the topics, the last one is complete. */
  default void snapshot(Snapshot part) {}

  /** Events were lost. */
  default void gap(Gap gap) {}

  /** A heartbeat is about to go out: fill in what belongs to the part. */
  default void heartbeat(Heartbeat.Builder heartbeat) {}

  /** The stream ended, or an attempt failed. */
  default void disconnected() {}

  /** The client has ended: with this error, or CLOSED. What waits fails with it. */
  default void close(KelpieException error) {}

  /** The number of things of the part that wait for an answer. */
  default int pending() {
    return 0;
  }
}
