package kelpie.client;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import kelpie.v1.CommandTarget;
import kelpie.v1.NodeNames;
import kelpie.v1.NodeSelector;

/** The target of a command. Only nodes that have a handler for it count. */
public final class Target {
  private final CommandTarget wire;

  private Target(CommandTarget.Builder wire) {
    this.wire = wire.build();
  }

  /** One node. */
  public static Target node(String name) {
    return new Target(CommandTarget.newBuilder().setNode(Texts.wellFormed("node", name)));
  }

  /** All of these. A node that is not there gives NODE_NOT_FOUND; one without a handler gives COMMAND_NOT_HANDLED. */
  public static Target nodes(Collection<String> names) {
    return new Target(CommandTarget.newBuilder().setNodes(NodeNames.newBuilder().addAllNames(List.copyOf(names))));
  }

  /** Every node that the selector matches. The default selector matches all nodes. */
  public static Target every(NodeSelector selector) {
    return new Target(CommandTarget.newBuilder().setEvery(selector));
  }

  /** One of the nodes that the selector matches, a different one each time. */
  public static Target any(NodeSelector selector) {
    return new Target(CommandTarget.newBuilder().setAny(selector));
  }

  /** One of the nodes that have these labels, a different one each time. */
  public static Target any(Map<String, String> labels) {
    return any(NodeSelector.newBuilder().putAllLabels(labels).build());
  }

  /** The proxy of the player with this id. */
  public static Target playerProxy(String playerId) {
    return new Target(CommandTarget.newBuilder().setPlayerProxy(Texts.wellFormed("playerProxy", playerId)));
  }

  /** The server of the player with this id. */
  public static Target playerServer(String playerId) {
    return new Target(CommandTarget.newBuilder().setPlayerServer(Texts.wellFormed("playerServer", playerId)));
  }

  CommandTarget toWire() {
    return wire;
  }
}
