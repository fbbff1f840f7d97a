package kelpie.client;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.v1.PlayerReport;

/**
 * A report about one player, until its answer. Loop only.
 *
 * @param what the kind of the report and its facts; the id and the generation are not set
 * @param again the report follows a list: its refusal sends no other list
 * @param undo the coordinator refused the report: reverts its change of the list
 */
record Report(
    ListedPlayer listed,
    PlayerReport what,
    boolean again,
    CompletableFuture<Void> done,
    Consumer<KelpieException> undo) {
  /** The most reports of a frame by the contract, and half the bytes of a message. */
  private static final int REPORTS = 256;

  private static final int REPORT_BYTES = 512 * 1024;

  /** The errors while no coordinator is connected, or its storage is away. */
  private static final Set<Reason> AWAY =
      EnumSet.of(Reason.UNAVAILABLE, Reason.ENGINE_UNAVAILABLE, Reason.EPOCH_ENDED, Reason.OUTCOME_UNKNOWN);

  /** Errors that decide nothing about a player: the coordinator is full or cannot store anything. */
  private static final Set<Reason> UNDECIDED =
      EnumSet.of(Reason.REQUEST_QUEUE_FULL, Reason.JOURNAL_READ_ONLY, Reason.UNKNOWN);

  /** Whether no coordinator, or not its storage, could be reached. */
  static boolean isAway(KelpieException error) {
    return AWAY.contains(error.reason());
  }

  /** Whether a report with this error is still undecided. A later list settles it. */
  static boolean isUndecided(KelpieException error) {
    return isAway(error) || UNDECIDED.contains(error.reason());
  }

  /** The same for the error of a whole request. STALE_GENERATION: another session of the node has taken its place. */
  static boolean isRequestUndecided(KelpieException error) {
    return isUndecided(error) || error.reason() == Reason.STALE_GENERATION;
  }

  /** The reports in order, as many in each frame as fit. */
  static List<List<Report>> frames(List<Report> reports) {
    return Chunks.of(reports, report -> report.wire().getSerializedSize(), REPORTS, REPORT_BYTES);
  }

  /** The report on the wire, with the player's present generation, which may be newer than the report. */
  PlayerReport wire() {
    return what.toBuilder().setPlayerId(listed.id).setGeneration(listed.generation).build();
  }

  /** A player who joined without a grant: the answer has their generation. */
  boolean joinsWithoutGrant() {
    return what.hasJoined() && listed.generation == 0;
  }

  /**
   * Completes reports without an answer. The next list contains their effect, except changes of facts that other nodes
   * changed too: the player keeps these changes, and the proxy reports them again.
   */
  static void settle(List<Report> reports) {
    for (Report report : reports) {
      keep(report.listed, report.what);
      report.done.complete(null);
    }
  }

  /** The player keeps a change without an answer. */
  static void keep(ListedPlayer listed, PlayerReport what) {
    if (what.hasChanged())
      listed.unanswered = UnansweredChange.with(listed.unanswered, what.getChanged(), listed.player);
  }
}
