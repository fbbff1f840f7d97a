package kelpie.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.v1.CancelCommand;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.IssueCommandRequest;
import kelpie.v1.NodeFrame;

/** An issued command, until its last result. */
final class IssuedCommand<R> implements Issued<R>, Session.Waiter {
  /** The most bytes of results that wait for the last one. */
  private static final int MOST_BYTES = 16 * 1024 * 1024;

  private final SessionCore session;
  private final CommandType<?, R> type;
  private final Consumer<CommandResult<R>> listener;
  private final CompletableFuture<List<CommandResult<R>>> results = new CompletableFuture<>();
  private final List<CommandResult<R>> all = new ArrayList<>();
  private long bytes;
  private int requestId;
  private boolean ended;

  IssuedCommand(SessionCore session, CommandType<?, R> type, Consumer<CommandResult<R>> listener) {
    this.session = session;
    this.type = type;
    this.listener = listener;
  }

  /** The client sends the command once. Any thread. */
  IssuedCommand<R> issue(IssueCommandRequest request) {
    NodeFrame.Builder frame = NodeFrame.newBuilder().setIssueCommand(request);
    int size = request.getSerializedSize();
    session.admit(
        size,
        () -> {
          results.whenComplete((done, failed) -> session.leave(size));
          requestId = session.issue(frame, this);
        },
        this::fail);
    return this;
  }

  @Override
  public boolean answer(CoordinatorFrame frame) {
    if (!frame.hasCommandResult()) return false;
    kelpie.v1.CommandResult wire = frame.getCommandResult();
    if (ended) return wire.getLast();
    CommandResult<R> result = resultOf(wire);
    bytes += wire.getSerializedSize();
    all.add(result);
    session.callback("issue", () -> listener.accept(result));
    if (wire.getLast()) {
      ended = true;
      session.settle(results, List.copyOf(all));
    } else if (bytes > MOST_BYTES) {
      cancelNow();
      String message = "the results take more than " + MOST_BYTES + " bytes; ask fewer nodes";
      fail(new KelpieException(Reason.RESULTS_UNREAD, message));
    }
    return wire.getLast();
  }

  private CommandResult<R> resultOf(kelpie.v1.CommandResult wire) {
    if (wire.hasOutput()) return new CommandResult<>(wire.getNode(), type.replyOf(wire.getOutput()), Optional.empty());
    return new CommandResult<>(wire.getNode(), null, Optional.of(Errors.fromWire(wire.getError())));
  }

  /** If the stream broke, the outcome is unknown. The client does not send the command again. */
  @Override
  public void fail(KelpieException error) {
    if (ended) return;
    ended = true;
    boolean broke = requestId > 0 && error.reason() == Reason.UNAVAILABLE;
    session.fail(results, broke ? outcomeUnknown() : error);
  }

  private static KelpieException outcomeUnknown() {
    String message = "the stream broke before the command ended; nodes may have done it";
    return new KelpieException(Reason.OUTCOME_UNKNOWN, message);
  }

  /** The first reply. Fails with the first error if there is none. */
  static <R> CompletableFuture<R> firstReply(CompletableFuture<List<CommandResult<R>>> results) {
    return results.thenApply(
        all -> {
          for (CommandResult<R> one : all) if (one.error().isEmpty()) return one.reply();
          if (all.isEmpty()) throw new KelpieException(Reason.PROTOCOL, "a command ended without a result");
          throw all.get(0).error().get();
        });
  }

  @Override
  public CompletableFuture<List<CommandResult<R>>> results() {
    return results.copy();
  }

  @Override
  public void cancel() {
    session.loop().execute(this::cancelNow);
  }

  private void cancelNow() {
    if (ended || requestId == 0) return;
    CancelCommand.Builder cancel = CancelCommand.newBuilder().setIssuedRequestId(requestId);
    session.send(NodeFrame.newBuilder().setCancelCommand(cancel));
  }
}
