package kelpie.client;

import com.google.protobuf.ByteString;
import java.security.SecureRandom;
import java.util.Locale;
import java.util.function.Consumer;
import kelpie.v1.Hello;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeLoad;
import kelpie.v1.NodeState;

/** The facts of the client's own node, for each Hello. Any thread may read them. */
final class OwnNode {
  private static final int INSTANCE_BYTES = 16;

  /**
   * The client keeps its stream where a coordinator that cannot reach its storage asks it to move, and no other one
   * welcomes it.
   */
  private static final String MAY_STAY = "drain-may-stay";

  /** A larger number of ticks a second is not a measurement. */
  private static final double MOST_TPS = 1_000_000;

  /** The name in lower case, as in topics. */
  final String name;

  private volatile Hello hello;

  OwnNode(ConnectOptions options) {
    name = options.name.toLowerCase(Locale.ROOT);
    byte[] instance = new byte[INSTANCE_BYTES];
    new SecureRandom().nextBytes(instance);
    Hello.Builder facts =
        Hello.newBuilder()
            .setName(options.name)
            .setRole(options.role)
            .setState(options.state)
            .setInstanceId(ByteString.copyFrom(instance))
            .putAllLabels(options.labels)
            .setMotd(options.motd)
            .setSoftware(options.software)
            .setVersion(options.version)
            .setExcludeOwn(options.excludeOwn)
            .addFeatures(MAY_STAY)
            .setSdk("kelpie-java/" + Version.TEXT);
    if (options.address != null) facts.setAddress(options.address);
    if (options.publicAddress != null) facts.setPublicAddress(options.publicAddress);
    if (options.maxPlayers != null) facts.setMaxPlayers(options.maxPlayers);
    hello = facts.build();
  }

  /** The facts of the process; topics, commands and start are filled in for each stream. */
  Hello.Builder hello() {
    return hello.toBuilder();
  }

  /** The Hello of later streams has the change: a coordinator that lost the node gets all facts of the node from it. */
  void changed(NodeChange change) {
    Hello.Builder after = hello.toBuilder().putAllLabels(change.getLabelsMap());
    change.getRemovedLabelsList().forEach(after::removeLabels);
    if (change.getState() != NodeState.NODE_STATE_UNSPECIFIED) after.setState(change.getState());
    if (change.hasMaxPlayers()) after.setMaxPlayers(change.getMaxPlayers());
    if (change.hasMotd()) after.setMotd(change.getMotd());
    if (change.hasAddress()) after.setAddress(change.getAddress());
    if (change.hasPublicAddress()) after.setPublicAddress(change.getPublicAddress());
    hello = after.build();
  }

  /** The load that the program measures; null if there is none. A failure must not stop the heartbeats. */
  static NodeLoad load(ConnectOptions options, long roundTripMs, Consumer<Throwable> onFailure) {
    if (options.load == null) return null;
    try {
      NodeLoad load = options.load.get();
      if (load == null) return null;
      if (load.hasTps() && !(load.getTps() >= 0 && load.getTps() <= MOST_TPS))
        throw Errors.outOfRange("load.tps", load.getTps(), "a number from 0 to " + MOST_TPS);
      return roundTripMs < 0 ? load : load.toBuilder().setRoundTripMs((int) roundTripMs).build();
    } catch (Throwable thrown) {
      onFailure.accept(thrown);
      return null;
    }
  }
}
