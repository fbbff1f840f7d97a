package kelpie.client;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.NodeFrame;
import kelpie.v1.PlayerEvicted;
import kelpie.v1.PlayerLeaveReason;
import kelpie.v1.PlayerReport;
import kelpie.v1.PlayerReportResult;
import kelpie.v1.PresenceDigest;
import kelpie.v1.ReportPlayers;

/**
 * The reports of a proxy about its players. Each new stream begins with the whole list, which settles the reports of the
 * stream before. The proxy reports changes of facts again after the list: other nodes may have changed the same facts,
 * and the list does not replace theirs. Later reports go out together, as soon as the loop has no older task. Loop only.
 */
final class PlayerReporting {
  /** The most reports that wait. If there are more, the proxy sends the whole list instead. */
  private static final int WAITING = 10_000;

  /** The text for a player whom the coordinator refused. */
  private static final String REFUSED_TEXT = "You are not on this network any more.";

  private final Session session;
  private final PlayerList list;
  private final Consumer<Evicted> onEvicted;
  private List<Report> waiting = new ArrayList<>();
  private boolean flushing;
  /** Requests without an answer. Until the answers the list and the coordinator's table may differ. */
  private int exchanges;

  PlayerReporting(Session session, PlayerList list, Consumer<Evicted> onEvicted) {
    this.session = session;
    this.list = list;
    this.onEvicted = onEvicted;
  }

  /** The number of reports and lists without an answer. */
  int pending() {
    return waiting.size() + exchanges;
  }

  /**
   * Reports soon. Completes when the coordinator has answered; or at once if no stream is open, since the next stream
   * begins with the list and with the changes that have no answer. Fails with the reasons of PlayerReportResult.
   */
  CompletableFuture<Void> report(ListedPlayer listed, PlayerReport.Builder what, Consumer<KelpieException> undo) {
    Report report = new Report(listed, what.build(), false, new CompletableFuture<>(), undo);
    if (!session.isOpen()) {
      Report.settle(List.of(report));
      return report.done();
    }
    if (waiting.size() >= WAITING) sync();
    waiting.add(report);
    flushSoon();
    return report.done();
  }

  private void flushSoon() {
    if (flushing) return;
    flushing = true;
    session.loop().execute(this::flush);
  }

  /** Sends the reports that wait, except those of players whose generation is not received yet. */
  void flush() {
    flushing = false;
    if (!session.isOpen()) {
      settleAll();
      return;
    }
    // The players with a report that waits, or that brings the generation: later reports wait too.
    Set<String> held = new HashSet<>();
    List<Report> ready = new ArrayList<>();
    List<Report> later = new ArrayList<>();
    for (Report report : waiting) {
      ListedPlayer listed = report.listed();
      boolean waits = listed.waitsFor != null || held.contains(listed.id);
      (waits ? later : ready).add(report);
      if (waits || report.joinsWithoutGrant()) held.add(listed.id);
    }
    waiting = later;
    for (List<Report> frame : Report.frames(ready)) send(frame);
  }

  private void send(List<Report> frame) {
    Object exchange =
        begin(frame.stream().filter(Report::joinsWithoutGrant).map(Report::listed).toList());
    ReportPlayers.Builder value = ReportPlayers.newBuilder();
    for (Report report : frame) value.addReports(report.wire());
    session
        .request(NodeFrame.newBuilder().setReportPlayers(value))
        .whenComplete(
            (answer, error) -> {
              if (error == null) settle(frame, answer, exchange);
              else fail(frame, Errors.fromThrown(error));
              end(exchange, frame.stream().map(Report::listed).toList());
            });
  }

  /** An exchange begins. These players wait for its answer, which has their generations. */
  private Object begin(List<ListedPlayer> about) {
    Object exchange = new Object();
    exchanges++;
    for (ListedPlayer listed : about) listed.waitsFor = exchange;
    return exchange;
  }

  private void end(Object exchange, List<ListedPlayer> about) {
    exchanges--;
    for (ListedPlayer listed : about) if (listed.waitsFor == exchange) listed.waitsFor = null;
    if (!waiting.isEmpty()) flush();
  }

  private void settle(List<Report> frame, CoordinatorFrame answer, Object exchange) {
    List<PlayerReportResult> results = answer.getPlayersReported().getResultsList();
    boolean needsList = false;
    for (int at = 0; at < frame.size(); at++) {
      Report report = frame.get(at);
      boolean differs = settle(report, at < results.size() ? results.get(at) : null);
      Object waitsFor = report.listed().waitsFor;
      // A list that is under way settles its players.
      if (differs && (waitsFor == null || waitsFor == exchange)) needsList = true;
    }
    if (needsList) sendList();
  }

  /** Returns whether the proxy must send its list: the coordinator does not have the player as the list does. */
  private boolean settle(Report report, PlayerReportResult result) {
    if (result != null && result.getGeneration() > 0) setGeneration(report.listed(), result.getGeneration());
    if (result == null || !result.hasError()) {
      report.done().complete(null);
      return false;
    }
    KelpieException error = Errors.fromWire(result.getError());
    boolean gone = error.reason() == Reason.PLAYER_NOT_FOUND || error.reason() == Reason.STALE_GENERATION;
    boolean differs = gone && !report.again() && list.has(report.listed());
    if (Report.isUndecided(error) || differs) Report.settle(List.of(report));
    else if (report.what().getWhatCase() == PlayerReport.WhatCase.LEFT && gone) report.done().complete(null);
    else {
      report.undo().accept(error);
      report.done().completeExceptionally(error);
    }
    return differs;
  }

  /** A request failed. If that decides nothing, a later list settles the reports; else they fail. */
  private void fail(List<Report> frame, KelpieException error) {
    if (error.reason() == Reason.OUTCOME_UNKNOWN) sendList();
    if (Report.isRequestUndecided(error)) Report.settle(frame);
    else for (Report report : frame) report.done().completeExceptionally(error);
  }

  private void settleAll() {
    List<Report> all = waiting;
    waiting = new ArrayList<>();
    Report.settle(all);
  }

  /** Sends the whole list. It contains the reports that waited. */
  void sync() {
    settleAll();
    sendList();
  }

  private void sendList() {
    if (!session.isOpen()) return;
    for (PlayerList.Part part : list.parts(session.loop().nowMs())) send(part);
  }

  private void send(PlayerList.Part part) {
    Object exchange = begin(part.listed());
    session
        .request(NodeFrame.newBuilder().setSyncPlayers(part.value()))
        .whenComplete(
            (answer, error) -> {
              if (error == null) takeSynced(part.listed(), answer.getPlayersSynced().getResultsList());
              // The coordinator asks for the list again, or the next stream begins with it.
              else if (!Report.isAway(Errors.fromThrown(error))) refused(Errors.fromThrown(error));
              end(exchange, part.listed());
            });
  }

  private void refused(KelpieException error) {
    if (error.reason() != Reason.UNAVAILABLE && error.reason() != Reason.CLOSED)
      session.post(new Status.Refused(error));
  }

  private void takeSynced(List<ListedPlayer> listed, List<PlayerReportResult> results) {
    Map<String, PlayerReportResult> byId = new HashMap<>();
    for (PlayerReportResult result : results) byId.put(result.getPlayerId(), result);
    for (ListedPlayer one : listed) {
      PlayerReportResult result = byId.get(one.id);
      if (result != null && result.getGeneration() > 0) setGeneration(one, result.getGeneration());
      else evict(one, PlayerLeaveReason.PLAYER_LEAVE_REASON_SYNC, REFUSED_TEXT);
    }
    changeAgain(listed);
  }

  /** Reports the changes of these players that have no answer, one change a player, before the reports that wait. */
  private void changeAgain(List<ListedPlayer> players) {
    List<Report> again = new ArrayList<>();
    for (ListedPlayer listed : players) {
      if (listed.unanswered == null || !list.has(listed)) continue;
      PlayerReport what =
          PlayerReport.newBuilder().setChanged(listed.unanswered.again(listed.player)).build();
      listed.unanswered = null;
      Report report = new Report(listed, what, true, new CompletableFuture<>(), refusal -> {});
      report
          .done()
          .whenComplete(
              (done, error) -> {
                if (error != null && list.has(listed)) refused(Errors.fromThrown(error));
              });
      again.add(report);
    }
    if (again.isEmpty()) return;
    again.addAll(waiting);
    waiting = again;
    flushSoon();
  }

  private void setGeneration(ListedPlayer listed, long generation) {
    listed.generation = generation;
    list.saw(generation);
    if (listed.evicted >= generation) evict(listed, PlayerLeaveReason.PLAYER_LEAVE_REASON_REPLACED, REFUSED_TEXT);
  }

  private void evict(ListedPlayer listed, PlayerLeaveReason reason, String text) {
    if (!list.has(listed)) return;
    list.remove(listed);
    onEvicted.accept(new Evicted(listed.id, listed.generation, reason, text));
  }

  /**
   * The player was let in before a coordinator decided. Their join waits for the decision: a grant that comes after the
   * join would replace the player who is in. The decision is null if there is none. Completes with a grant that nobody
   * needs, or with null.
   */
  CompletableFuture<Acquired> decide(PlayerList.Login login, CompletableFuture<Acquired> decision) {
    Object exchange = begin(List.of());
    login.waitsFor = exchange;
    return decision.thenApply(
        acquired -> {
          boolean joined = login.listed != null && login.listed.waitsFor == exchange;
          boolean held = joined || list.login(login.id) == login;
          if (held && acquired instanceof Acquired.Granted grant) grantLate(login, grant.generation());
          if (held && acquired instanceof Acquired.Denied denied) denyLate(login, denied.text());
          login.waitsFor = null;
          end(exchange, joined ? List.of(login.listed) : List.of());
          return held ? null : acquired;
        });
  }

  private void grantLate(PlayerList.Login login, long generation) {
    login.generation = generation;
    list.saw(generation);
    if (login.listed != null) setGeneration(login.listed, generation);
  }

  private void denyLate(PlayerList.Login login, String text) {
    PlayerLeaveReason reason = PlayerLeaveReason.PLAYER_LEAVE_REASON_REPLACED;
    ListedPlayer listed = login.listed;
    if (listed == null) {
      list.endLogin(login.id);
      onEvicted.accept(new Evicted(login.id, 0, reason, text));
      return;
    }
    List<Report> own = waiting.stream().filter(report -> report.listed() == listed).toList();
    waiting.removeAll(own);
    Report.settle(own);
    evict(listed, reason, text);
  }

  /** The coordinator has ended a presence or a login. A present one with a newer generation stays. */
  void evicted(PlayerEvicted evicted) {
    String id = evicted.getPlayerId();
    long generation = evicted.getGeneration();
    list.saw(generation);
    ListedPlayer listed = list.get(id);
    if (listed != null && listed.generation <= generation) {
      // The generation of this presence is not received yet, so the decision waits for it.
      if (listed.waitsFor != null && listed.generation < generation) listed.evicted = generation;
      else evict(listed, evicted.getReason(), evicted.getText());
    }
    PlayerList.Login login = list.login(id);
    if (login == null || login.generation == 0 || login.generation > generation) return;
    list.endLogin(id);
    onEvicted.accept(new Evicted(id, generation, evicted.getReason(), evicted.getText()));
  }

  /** The player has logged in here again: their older presence ends. */
  void replace(String id) {
    ListedPlayer listed = list.get(id);
    if (listed != null) evict(listed, PlayerLeaveReason.PLAYER_LEAVE_REASON_REPLACED, "You logged in again.");
  }

  /**
   * The digest of the players who are in; null while an exchange has no answer. Changes that the coordinator could not
   * decide on this stream follow it: the digest does not show them.
   */
  PresenceDigest digest() {
    flush();
    if (exchanges > 0) return null;
    changeAgain(list.unanswered());
    return list.digest();
  }

  void close() {
    settleAll();
  }
}
