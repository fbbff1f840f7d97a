package kelpie.client;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.PlayerRef;
import kelpie.v1.ShowMessageCommand;
import kelpie.v1.TransferPlayerCommand;

/** The handler of a command gets the players who are on this node. For the others the command fails. */
final class HeldPlayers {
  /** The failure for a player whom this node does not hold, or holds under another generation. */
  private static final String GONE = "the player is not here any more";

  private HeldPlayers() {}

  /** The handler, for the players that {@code holds} names. */
  @SuppressWarnings("unchecked")
  static <Q, R> CommandHandler<Q, CompletionStage<R>> only(
      CommandType<Q, R> type, CommandHandler<Q, CompletionStage<R>> handler, Predicate<PlayerRef> holds) {
    CommandHandler<?, ?> given = handler;
    CommandHandler<?, ?> checked = handler;
    if (type == (CommandType<?, ?>) CommandType.KICK_PLAYERS)
      checked =
          ofMany(
              (CommandHandler<KickPlayersCommand, CompletionStage<List<PlayerFailure>>>) given,
              KickPlayersCommand::getPlayersList,
              (request, here) -> request.toBuilder().clearPlayers().addAllPlayers(here).build(),
              holds);
    else if (type == (CommandType<?, ?>) CommandType.SHOW_MESSAGE)
      checked =
          ofMany(
              (CommandHandler<ShowMessageCommand, CompletionStage<List<PlayerFailure>>>) given,
              ShowMessageCommand::getPlayersList,
              (request, here) -> request.toBuilder().clearPlayers().addAllPlayers(here).build(),
              holds);
    else if (type == (CommandType<?, ?>) CommandType.TRANSFER_PLAYER)
      checked = ofOne((CommandHandler<TransferPlayerCommand, CompletionStage<Void>>) given, holds);
    return (CommandHandler<Q, CompletionStage<R>>) checked;
  }

  private static <Q> CommandHandler<Q, CompletionStage<List<PlayerFailure>>> ofMany(
      CommandHandler<Q, CompletionStage<List<PlayerFailure>>> handler,
      Function<Q, List<PlayerRef>> players,
      BiFunction<Q, List<PlayerRef>, Q> with,
      Predicate<PlayerRef> holds) {
    return (request, context) -> {
      List<PlayerRef> here = players.apply(request).stream().filter(holds).toList();
      List<PlayerFailure> gone =
          players.apply(request).stream()
              .filter(player -> !here.contains(player))
              .map(player -> new PlayerFailure(player.getPlayerId(), GONE))
              .toList();
      if (here.isEmpty()) return CompletableFuture.completedFuture(gone);
      return handler
          .handle(with.apply(request, here), context)
          .thenApply(
              failures -> {
                List<PlayerFailure> all = new ArrayList<>(gone);
                if (failures != null) all.addAll(failures);
                return all;
              });
    };
  }

  private static CommandHandler<TransferPlayerCommand, CompletionStage<Void>> ofOne(
      CommandHandler<TransferPlayerCommand, CompletionStage<Void>> handler, Predicate<PlayerRef> holds) {
    return (request, context) -> {
      if (!holds.test(request.getPlayer())) throw new IllegalStateException(GONE);
      return handler.handle(request, context);
    };
  }
}
