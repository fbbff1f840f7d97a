package dev.waterdog.waterdogpe.network.protocol.rewrite.types;

import dev.waterdog.waterdogpe.Stub;
import dev.waterdog.waterdogpe.network.protocol.handler.TransferCallback;

/** A stub of the state of a player's packets. */
public class RewriteData {
  /** Null if no transfer is under way. */
  public TransferCallback getTransferCallback() {
    throw new Stub();
  }
}
