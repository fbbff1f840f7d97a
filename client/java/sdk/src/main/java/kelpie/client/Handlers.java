package kelpie.client;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import kelpie.v1.CommandFailure;
import kelpie.v1.CommandOutput;
import kelpie.v1.CommandReply;
import kelpie.v1.CommandRequest;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.NodeFrame;
import kelpie.v1.PlayerRef;

/**
 * The commands that this node handles. If a stream breaks while a handler works, the node replies on the next stream. If
 * nobody waits for a reply any more, the client completes {@code CommandContext.cancelled} and drops the reply. Loop
 * only, except {@link #add} and {@link #names}.
 */
final class Handlers {
  /** The most requests that handlers work on at once. The node answers more with a failure. */
  private static final int RUNNING = 1000;

  /** The most names that a node can have handlers for. */
  private static final int NAMES = 256;

  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");

  /** The most code points of a failure's message: 4 KiB with any characters. */
  private static final int MESSAGE_LENGTH = 1024;

  /** The largest reply, if the coordinator names no limit. */
  private static final int REPLY_BYTES = 256 * 1024;

  private static final class Running {
    final long id;
    final CompletableFuture<Void> cancelled = new CompletableFuture<>();
    Runnable timer = () -> {};
    /** The reply that the coordinator has not confirmed; null while the handler works. */
    CommandReply reply;

    Running(long id) {
      this.id = id;
    }
  }

  /** A handler of any type. Its stage fails instead of throwing. */
  private interface Work {
    CompletionStage<CommandOutput> run(kelpie.v1.Command command, CommandContext context) throws Exception;
  }

  private final Session session;
  private final Programs programs;
  private final Consumer<List<String>> admit;
  private final Runnable onNames;
  private final Predicate<PlayerRef> holds;
  private final Map<String, Work> handlers = new LinkedHashMap<>();
  private final Map<Long, Running> running = new HashMap<>();

  /**
   * @param admit throws if a node cannot handle this many names
   * @param onNames the names that have a handler have changed
   * @param holds whether a player is on this node with this generation
   */
  Handlers(
      Session session,
      Programs programs,
      Consumer<List<String>> admit,
      Runnable onNames,
      Predicate<PlayerRef> holds) {
    this.session = session;
    this.programs = programs;
    this.admit = admit;
    this.onNames = onNames;
    this.holds = holds;
  }

  /** The names that have a handler. */
  List<String> names() {
    synchronized (handlers) {
      return List.copyOf(handlers.keySet());
    }
  }

  /** The number of requests without a confirmed reply. */
  int pending() {
    return running.size();
  }

  /**
   * Throws COMMAND_INVALID if the name is not valid or has a handler, or if the node has too many handlers;
   * HELLO_TOO_LARGE.
   */
  <Q, R> Handling add(CommandType<Q, R> type, CommandHandler<Q, CompletionStage<R>> given) {
    CommandHandler<Q, CompletionStage<R>> handler = HeldPlayers.only(type, given, holds);
    Work work =
        (command, context) -> {
          Q request = type.requestOf(command);
          return handler.handle(request, context).thenApply(reply -> type.outputOf(request, reply));
        };
    String name = type.name();
    synchronized (handlers) {
      if (!NAME.matcher(name).matches())
        throw invalid(
            Texts.shown(name)
                + " cannot be the name of a command: a name has 1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", and begins"
                + " with a letter or digit");
      if (handlers.containsKey(name)) throw invalid('"' + name + "\" has a handler already");
      if (handlers.size() >= NAMES) throw invalid("a node handles at most " + NAMES + " commands");
      List<String> names = new java.util.ArrayList<>(handlers.keySet());
      names.add(name);
      admit.accept(names);
      handlers.put(name, work);
    }
    onNames.run();
    return handlingOf(name, work);
  }

  private Handling handlingOf(String name, Work work) {
    return new Handling() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public void close() {
        synchronized (handlers) {
          if (!handlers.remove(name, work)) return;
        }
        onNames.run();
      }
    };
  }

  /** Takes a request and runs its handler on the program's executor. */
  void take(CommandRequest request) {
    Work work;
    synchronized (handlers) {
      work = handlers.get(nameOf(request.getCommand()));
    }
    if (work == null) {
      refuse(request.getCommandId(), "this node has no handler for the command");
      return;
    }
    if (running.size() >= RUNNING) {
      refuse(request.getCommandId(), "this node works on " + RUNNING + " commands already; try again later");
      return;
    }
    Running one = new Running(request.getCommandId());
    java.time.Duration timeLeft = Durations.of(request.getTimeLeft());
    one.timer = session.loop().after(timeLeft.toMillis(), () -> cancel(one.id));
    running.put(one.id, one);
    CommandContext context =
        new CommandContext(request.getSource(), timeLeft, request.getAttributesMap(), one.cancelled);
    if (!programs.run(() -> run(one, work, request.getCommand(), context)))
      reply(one, failureOf(one.id, "the program takes no commands any more"));
  }

  private static String nameOf(kelpie.v1.Command command) {
    if (command.hasCustom()) return command.getCustom().getName();
    // The names of the contract are those of the fields, in lower case.
    return command.getFormCase().name().toLowerCase(java.util.Locale.ROOT);
  }

  /** On the program's executor. */
  private void run(Running one, Work work, kelpie.v1.Command command, CommandContext context) {
    CompletionStage<CommandOutput> stage;
    try {
      stage = work.run(command, context);
    } catch (Throwable thrown) {
      stage = CompletableFuture.failedFuture(thrown);
    }
    stage.whenComplete(
        (output, thrown) -> {
          CommandReply reply =
              thrown == null
                  ? CommandReply.newBuilder().setCommandId(one.id).setOutput(output).build()
                  : failureOf(one.id, Errors.fromThrown(thrown).getMessage());
          session.loop().execute(() -> reply(one, reply));
        });
  }

  private void reply(Running one, CommandReply reply) {
    if (running.get(one.id) != one) return;
    one.reply = fitting(reply);
    send(one);
  }

  /** The reply, or a failure if the reply is too large: only this command fails then. */
  private CommandReply fitting(CommandReply reply) {
    int most = session.limits() == null ? REPLY_BYTES : session.limits().getPayloadBytes();
    int bytes = reply.getOutput().getSerializedSize();
    if (bytes <= most) return reply;
    return failureOf(reply.getCommandId(), "the reply has " + bytes + " bytes; the limit is " + most);
  }

  private void refuse(long id, String message) {
    session.send(NodeFrame.newBuilder().setCommandReply(failureOf(id, message)));
  }

  private static CommandReply failureOf(long id, String message) {
    String cut = Texts.cut(message == null ? "" : message, MESSAGE_LENGTH);
    return CommandReply.newBuilder()
        .setCommandId(id)
        .setFailure(CommandFailure.newBuilder().setMessage(cut))
        .build();
  }

  /** Sends a reply. If no stream is open, or the stream breaks before the confirmation, {@code restart} sends it again. */
  private void send(Running one) {
    if (!session.isOpen()) return;
    session
        .request(NodeFrame.newBuilder().setCommandReply(one.reply))
        .whenComplete(
            (CoordinatorFrame confirmed, Throwable thrown) -> {
              if (thrown == null) end(one);
              else unconfirmed(one, Errors.fromThrown(thrown));
            });
  }

  private void unconfirmed(Running one, KelpieException error) {
    if (running.get(one.id) != one) return;
    if (error.reason() == Reason.UNAVAILABLE || error.reason() == Reason.REQUEST_QUEUE_FULL) return;
    end(one);
    // The command is over: a late reply is not a mistake.
    if (error.reason() != Reason.COMMAND_NOT_FOUND) session.post(new Status.Refused(error));
  }

  /** A new stream is open: sends each reply again that the coordinator has not confirmed. */
  void restart() {
    for (Running one : List.copyOf(running.values())) if (one.reply != null) send(one);
  }

  /** Nobody waits for the reply any more. */
  void cancel(long id) {
    Running one = running.get(id);
    if (one == null) return;
    end(one);
    session.settle(one.cancelled, null);
  }

  private void end(Running one) {
    one.timer.run();
    running.remove(one.id, one);
  }

  void close() {
    for (Running one : List.copyOf(running.values())) cancel(one.id);
  }

  private static KelpieException invalid(String message) {
    return Errors.permanent(Reason.COMMAND_INVALID, message, Map.of());
  }
}
