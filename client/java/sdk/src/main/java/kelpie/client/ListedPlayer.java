package kelpie.client;

import kelpie.v1.Player;

/** A player who is in: one presence, from join to leave. Only the loop writes it. */
final class ListedPlayer {
  final String id;
  /** When they came in, by the client's clock. */
  final long sinceMs;

  volatile Player player;
  /** 0: the coordinator has not sent it yet. */
  volatile long generation;
  /** The exchange whose answer has the generation; null if there is none. Reports of the player wait for it. */
  Object waitsFor;
  /** The coordinator evicted the player under this generation before it sent their own; 0: it did not. */
  long evicted;
  /** The facts that the proxy changed without an answer; null if there are none. The reports contain them again. */
  UnansweredChange unanswered;

  ListedPlayer(Player player, long generation, long sinceMs) {
    this.id = player.getId();
    this.player = player;
    this.generation = generation;
    this.sinceMs = sinceMs;
  }
}
