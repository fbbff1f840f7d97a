package kelpie.client;

import java.util.concurrent.CompletableFuture;

/** Slots that are held. */
public final class Reservation {
  private final String id;
  private final String node;
  private final Transfers transfers;

  Reservation(String id, String node, Transfers transfers) {
    this.id = id;
    this.node = node;
    this.transfers = transfers;
  }

  /** The id, by which every node can release the slots. */
  public String id() {
    return id;
  }

  /** The name of the node. */
  public String node() {
    return node;
  }

  /** Releases all its slots. See {@link Transfers#release}. */
  public CompletableFuture<Void> release() {
    return transfers.release(id, 0);
  }

  /** Releases some of its slots. See {@link Transfers#release}. */
  public CompletableFuture<Void> release(int slots) {
    return transfers.release(id, slots);
  }
}
