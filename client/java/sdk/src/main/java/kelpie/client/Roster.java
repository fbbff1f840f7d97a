package kelpie.client;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import kelpie.v1.Snapshot;

/**
 * A live copy of the network's nodes, its routing rules and settings, and of its players if the options ask for them. It
 * answers from memory, on any thread, also while no coordinator is connected.
 */
public final class Roster implements Part {
  private final List<String> topics = new ArrayList<>(List.of("nodes.*"));

  /** Completes in the loop when the first Snapshot is complete: {@code KelpieClient.ready} waits for it. */
  final CompletableFuture<Void> loaded = new CompletableFuture<>();

  Roster(Session session) {
    if (session.options().rosterPlayers) topics.add("players.*");
    topics.addAll(List.of("routing", "kelpie.settings"));
  }

  /** The topics that the roster reads. The session wants them from the beginning. */
  List<String> topics() {
    return topics;
  }

  /** Whether a first Snapshot was complete. If not, a session that begins without one asks for it. */
  boolean complete() {
    return loaded.isDone();
  }

  @Override
  public void snapshot(Snapshot part) {
    if (part.getComplete()) loaded.complete(null);
  }
}
