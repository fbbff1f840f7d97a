package kelpie.client;

import java.util.Collections;
import java.util.function.LongSupplier;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Event;
import kelpie.v1.Gap;
import kelpie.v1.Snapshot;

/** Follows the session for the roster. */
final class RosterPart implements Part {
  private final Roster roster;
  private final LongSupplier graceMs;
  /** Whether the Snapshot on its way answers topics of the roster: one that a watch asked for has no nodes. */
  private boolean ofRoster;

  RosterPart(Roster roster, LongSupplier graceMs) {
    this.roster = roster;
    this.graceMs = graceMs;
  }

  @Override
  public void frame(CoordinatorFrame frame) {
    if (frame.hasNodeLoads()) roster.applyLoads(frame.getNodeLoads().getLoadsList());
  }

  @Override
  public void event(Event event) {
    roster.applyEvent(event);
  }

  @Override
  public void snapshot(Snapshot part) {
    if (part.hasCursor())
      ofRoster =
          part.getTopicsCount() == 0 || !Collections.disjoint(roster.topics(), part.getTopicsList());
    if (ofRoster) roster.applySnapshot(part, graceMs.getAsLong());
  }

  @Override
  public void gap(Gap gap) {
    roster.applyGap(gap);
  }

  @Override
  public void close(KelpieException error) {
    roster.close();
  }
}
