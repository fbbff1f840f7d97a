package kelpie.client;

import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import kelpie.v1.Hello;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeFrame;
import kelpie.v1.StartAt;
import kelpie.v1.UpdateOwnNode;
import kelpie.v1.UpdateSubscription;

/** The topics and commands that the coordinator has for a stream: those of its Hello, and the changes since. */
final class HelloChanges {
  /** Returns false before Welcome, and sends nothing then. */
  private final Predicate<NodeFrame.Builder> send;

  private List<String> topics = List.of();
  private List<String> commands = List.of();

  HelloChanges(Predicate<NodeFrame.Builder> send) {
    this.send = send;
  }

  void begin(Hello hello) {
    topics = hello.getTopicsList();
    commands = hello.getCommandsList();
  }

  /** Asks for a Snapshot of topics that the stream reads already. Sends nothing before Welcome. */
  void requestSnapshot(Iterable<String> patterns) {
    UpdateSubscription.Builder update =
        UpdateSubscription.newBuilder().addAllAddedTopics(patterns).setStartAt(StartAt.START_AT_SNAPSHOT);
    send.test(NodeFrame.newBuilder().setUpdateSubscription(update));
  }

  /** Makes these the topics of the stream. Added topics start with new events. Sends nothing before Welcome. */
  void setTopics(List<String> wanted) {
    UpdateSubscription.Builder update =
        UpdateSubscription.newBuilder()
            .addAllAddedTopics(missing(wanted, topics))
            .addAllRemovedTopics(missing(topics, wanted))
            .setStartAt(StartAt.START_AT_LATEST);
    if (update.getAddedTopicsCount() + update.getRemovedTopicsCount() == 0) return;
    if (send.test(NodeFrame.newBuilder().setUpdateSubscription(update))) topics = wanted;
  }

  /** Makes these the commands of the node. Sends nothing before Welcome. */
  void setCommands(List<String> names) {
    NodeChange.Builder change =
        NodeChange.newBuilder()
            .addAllAddedCommands(missing(names, commands))
            .addAllRemovedCommands(missing(commands, names));
    if (change.getAddedCommandsCount() + change.getRemovedCommandsCount() == 0) return;
    UpdateOwnNode.Builder update = UpdateOwnNode.newBuilder().setChange(change);
    if (send.test(NodeFrame.newBuilder().setUpdateOwnNode(update))) commands = names;
  }

  /** The items of {@code some} that are not in {@code others}. */
  private static List<String> missing(List<String> some, List<String> others) {
    Set<String> there = Set.copyOf(others);
    return some.stream().filter(one -> !there.contains(one)).toList();
  }
}
