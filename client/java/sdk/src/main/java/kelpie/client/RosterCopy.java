package kelpie.client;

import java.util.List;
import kelpie.v1.NetworkSettings;
import kelpie.v1.Node;
import kelpie.v1.Player;
import kelpie.v1.RoutingTable;
import kelpie.v1.Row;
import kelpie.v1.Snapshot;

/**
 * The rows of a roster at one moment. It makes the bytes of a file without the roster's lock: a hundred thousand players
 * take a while, and no pick waits for them.
 */
record RosterCopy(
    List<String> topics,
    List<Rows.Row<Node>> nodes,
    List<Rows.Row<Player>> players,
    List<Rows.Row<RoutingTable>> routing,
    List<Rows.Row<NetworkSettings>> settings) {
  byte[] bytes() {
    Snapshot.Builder all = Snapshot.newBuilder().addAllTopics(topics).setComplete(true);
    for (Rows.Row<Node> row : nodes) all.addRows(at(row).setNode(row.value()));
    for (Rows.Row<Player> row : players) all.addRows(at(row).setPlayer(row.value()));
    for (Rows.Row<RoutingTable> row : routing) all.addRows(at(row).setRouting(row.value()));
    for (Rows.Row<NetworkSettings> row : settings) all.addRows(at(row).setSettings(row.value()));
    return all.build().toByteArray();
  }

  private static Row.Builder at(Rows.Row<?> row) {
    return Row.newBuilder().setSequence(row.sequence());
  }
}
