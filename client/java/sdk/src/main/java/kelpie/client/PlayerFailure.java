package kelpie.client;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import kelpie.v1.CommandOutput;
import kelpie.v1.ErrorDetail;
import kelpie.v1.ErrorReason;
import kelpie.v1.PlayerOutcome;
import kelpie.v1.PlayerOutcomes;
import kelpie.v1.PlayerRef;

/**
 * A player for whom a command failed, and the reason.
 *
 * @param playerId the id of the player
 * @param error the reason
 */
public record PlayerFailure(String playerId, KelpieException error) {
  /** The gRPC code UNKNOWN, for a failure without a better code. */
  private static final int UNKNOWN = 2;

  /** The fields may not be null. */
  public PlayerFailure {
    Objects.requireNonNull(playerId);
    Objects.requireNonNull(error);
  }

  /** The command failed for the player: COMMAND_FAILED with this message. */
  public PlayerFailure(String playerId, String message) {
    this(playerId, new KelpieException(Reason.COMMAND_FAILED, message));
  }

  /** The outcome of each player that a command named. */
  static CommandOutput output(List<PlayerRef> players, List<PlayerFailure> failures) {
    Map<String, PlayerFailure> failed =
        failures.stream().collect(Collectors.toMap(PlayerFailure::playerId, Function.identity(), (one, other) -> one));
    PlayerOutcomes.Builder outcomes = PlayerOutcomes.newBuilder();
    for (PlayerRef player : players) {
      PlayerOutcome.Builder outcome = outcomes.addOutcomesBuilder().setPlayerId(player.getPlayerId());
      PlayerFailure failure = failed.get(player.getPlayerId());
      if (failure != null) outcome.setError(wireErrorOf(failure));
    }
    return CommandOutput.newBuilder().setPlayers(outcomes).build();
  }

  private static ErrorDetail wireErrorOf(PlayerFailure failure) {
    return ErrorDetail.newBuilder()
        .setReason(ErrorReason.ERROR_REASON_COMMAND_FAILED)
        .setCode(UNKNOWN)
        .setMessage(Errors.messageOf(failure.error()))
        .build();
  }

  /** The failures of a reply; the other players of the command have no failure. */
  static List<PlayerFailure> of(CommandOutput output) {
    return output.getPlayers().getOutcomesList().stream()
        .filter(PlayerOutcome::hasError)
        .map(outcome -> new PlayerFailure(outcome.getPlayerId(), Errors.fromWire(outcome.getError())))
        .toList();
  }
}
