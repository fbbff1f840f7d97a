package kelpie.client;

import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A command that the client has issued, once.
 *
 * @param <R> the reply of a node
 */
public interface Issued<R> {
  /**
   * Completes with the results of all nodes. Fails with NO_TARGET and the other reasons of IssueCommand; UNAVAILABLE if
   * no coordinator is connected; OUTCOME_UNKNOWN if the stream breaks before the last result; RESULTS_UNREAD if the
   * results take more than 16 MiB.
   */
  CompletableFuture<List<CommandResult<R>>> results();

  /** Withdraws the command. The nodes that have not replied still give a result: CANCELLED. */
  void cancel();
}
