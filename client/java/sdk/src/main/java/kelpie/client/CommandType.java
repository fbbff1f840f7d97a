package kelpie.client;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import kelpie.v1.Command;
import kelpie.v1.CommandDone;
import kelpie.v1.CommandOutput;
import kelpie.v1.ConfirmArrivalCommand;
import kelpie.v1.ConsoleOutput;
import kelpie.v1.CustomCommand;
import kelpie.v1.KickPlayersCommand;
import kelpie.v1.PlayerVerified;
import kelpie.v1.PrepareArrivalCommand;
import kelpie.v1.PrepareDepartureCommand;
import kelpie.v1.RunConsoleCommand;
import kelpie.v1.ShowMessageCommand;
import kelpie.v1.TransferEndedCommand;
import kelpie.v1.TransferPlayerCommand;
import kelpie.v1.VerifyPlayerCommand;

/**
 * A kind of command: its name, the request that a handler gets, and the reply that it gives. The constants are the
 * commands of the contract; {@link #custom} names one of your own.
 *
 * @param <Q> the request
 * @param <R> the reply
 */
public final class CommandType<Q, R> {
  /** Disconnects players. The reply lists those for whom it failed. */
  public static final CommandType<KickPlayersCommand, List<PlayerFailure>> KICK_PLAYERS =
      new CommandType<>(
          "kick_players",
          Command::getKickPlayers,
          request -> Command.newBuilder().setKickPlayers(request).build(),
          (request, failures) -> PlayerFailure.output(request.getPlayersList(), failures),
          PlayerFailure::of);

  /** Shows a message to players. The reply lists those for whom it failed. */
  public static final CommandType<ShowMessageCommand, List<PlayerFailure>> SHOW_MESSAGE =
      new CommandType<>(
          "show_message",
          Command::getShowMessage,
          request -> Command.newBuilder().setShowMessage(request).build(),
          (request, failures) -> PlayerFailure.output(request.getPlayersList(), failures),
          PlayerFailure::of);

  /** Runs a line on the console of the node. */
  public static final CommandType<RunConsoleCommand, ConsoleOutput> RUN_CONSOLE_COMMAND =
      new CommandType<>(
          "run_console_command",
          Command::getRunConsoleCommand,
          request -> Command.newBuilder().setRunConsoleCommand(request).build(),
          (request, reply) -> CommandOutput.newBuilder().setConsole(reply).build(),
          CommandOutput::getConsole);

  /** Asks whether a player is really there. The coordinator waits 0.4 s for the reply. */
  public static final CommandType<VerifyPlayerCommand, PlayerVerified> VERIFY_PLAYER =
      new CommandType<>(
          "verify_player",
          Command::getVerifyPlayer,
          request -> Command.newBuilder().setVerifyPlayer(request).build(),
          (request, reply) -> CommandOutput.newBuilder().setVerified(reply).build(),
          CommandOutput::getVerified);

  /** A player is about to come to this server. A handler that throws refuses them. */
  public static final CommandType<PrepareArrivalCommand, Void> PREPARE_ARRIVAL =
      ofTransfers(
          "prepare_arrival",
          Command::getPrepareArrival,
          request -> Command.newBuilder().setPrepareArrival(request).build());

  /** A player is about to leave this server. The handler saves what belongs to them; if it throws, they stay. */
  public static final CommandType<PrepareDepartureCommand, Void> PREPARE_DEPARTURE =
      ofTransfers(
          "prepare_departure",
          Command::getPrepareDeparture,
          request -> Command.newBuilder().setPrepareDeparture(request).build());

  /** The proxy moves a player: to a server, or with an address to another proxy. */
  public static final CommandType<TransferPlayerCommand, Void> TRANSFER_PLAYER =
      ofTransfers(
          "transfer_player",
          Command::getTransferPlayer,
          request -> Command.newBuilder().setTransferPlayer(request).build());

  /** The server replies when the player is in its world. */
  public static final CommandType<ConfirmArrivalCommand, Void> CONFIRM_ARRIVAL =
      ofTransfers(
          "confirm_arrival",
          Command::getConfirmArrival,
          request -> Command.newBuilder().setConfirmArrival(request).build());

  /** A transfer that this server prepared has ended. */
  public static final CommandType<TransferEndedCommand, Void> TRANSFER_ENDED =
      ofTransfers(
          "transfer_ended",
          Command::getTransferEnded,
          request -> Command.newBuilder().setTransferEnded(request).build());

  private static final List<CommandType<?, ?>> OF_THE_CONTRACT =
      List.of(
          KICK_PLAYERS,
          SHOW_MESSAGE,
          RUN_CONSOLE_COMMAND,
          VERIFY_PLAYER,
          PREPARE_ARRIVAL,
          PREPARE_DEPARTURE,
          TRANSFER_PLAYER,
          CONFIRM_ARRIVAL,
          TRANSFER_ENDED);

  private final String name;
  private final Function<Command, Q> request;
  private final Function<Q, Command> command;
  private final BiFunction<Q, R, CommandOutput> output;
  private final Function<CommandOutput, R> reply;

  private CommandType(
      String name,
      Function<Command, Q> request,
      Function<Q, Command> command,
      BiFunction<Q, R, CommandOutput> output,
      Function<CommandOutput, R> reply) {
    this.name = name;
    this.request = request;
    this.command = command;
    this.output = output;
    this.reply = reply;
  }

  /**
   * A command of your own: it takes content and returns content; null is a reply without content. Throws COMMAND_INVALID
   * if the contract has a command of this name.
   */
  public static CommandType<Content, Content> custom(String name) {
    if (OF_THE_CONTRACT.stream().anyMatch(one -> one.name.equals(name))) {
      String message = name + " is a command of the contract; use its constant in CommandType";
      throw Errors.permanent(Reason.COMMAND_INVALID, message, java.util.Map.of());
    }
    return new CommandType<>(
        Texts.wellFormed("the name of a command", name),
        command -> new Content(command.getCustom().getContent()),
        content -> {
          if (content == null) throw Errors.invalid("the content of a command is null; an empty text will do", "content");
          CustomCommand.Builder custom = CustomCommand.newBuilder().setName(name).setContent(content.toWire());
          return Command.newBuilder().setCustom(custom).build();
        },
        (request, content) ->
            CommandOutput.newBuilder()
                .setCustom(content == null ? kelpie.v1.Content.getDefaultInstance() : content.toWire())
                .build(),
        output -> new Content(output.getCustom()));
  }

  private static <Q> CommandType<Q, Void> ofTransfers(
      String name, Function<Command, Q> request, Function<Q, Command> command) {
    return new CommandType<>(
        name,
        request,
        command,
        (asked, nothing) -> CommandOutput.newBuilder().setDone(CommandDone.getDefaultInstance()).build(),
        output -> null);
  }

  /** The name by which nodes list the command. */
  public String name() {
    return name;
  }

  Q requestOf(Command given) {
    return request.apply(given);
  }

  Command commandOf(Q given) {
    return command.apply(given);
  }

  CommandOutput outputOf(Q asked, R given) {
    return output.apply(asked, given);
  }

  R replyOf(CommandOutput given) {
    return reply.apply(given);
  }
}
