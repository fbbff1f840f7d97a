package dev.waterdog.waterdogpe.network.protocol.handler;

import dev.waterdog.waterdogpe.Stub;

/** A stub of a transfer between its first and its last packet. */
public class TransferCallback {
  /** The phases. */
  public enum TransferPhase {
    RESET,
    PHASE_1,
    PHASE_2
  }

  public TransferPhase getPhase() {
    throw new Stub();
  }
}
