package kelpie.client;

import java.util.Optional;
import kelpie.v1.PlayerRef;
import kelpie.v1.TransferStage;
import kelpie.v1.TransferUpdate;

/**
 * The progress or the end of the transfer of one player.
 *
 * @param player the player. Generation 0: the look-up found nobody
 * @param playerName the name of the player
 * @param target the node that the player is moved to; empty: none was chosen
 * @param stage ARRIVED and FAILED end the transfer
 * @param error set with FAILED
 * @param playersLeft how many players of the request have a transfer that has not ended
 */
public record TransferStep(
    PlayerRef player,
    String playerName,
    String target,
    TransferStage stage,
    Optional<KelpieException> error,
    int playersLeft) {
  static TransferStep of(TransferUpdate update) {
    return new TransferStep(
        update.getPlayer(),
        update.getPlayerName(),
        update.getTarget(),
        update.getStage(),
        update.hasError() ? Optional.of(Errors.fromWire(update.getError())) : Optional.empty(),
        update.getPlayersLeft());
  }

  /** Whether the transfer of the player has ended. */
  public boolean ended() {
    return stage == TransferStage.TRANSFER_STAGE_ARRIVED || stage == TransferStage.TRANSFER_STAGE_FAILED;
  }
}
