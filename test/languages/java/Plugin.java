import com.google.protobuf.ByteString;
import io.grpc.ManagedChannelBuilder;
import io.grpc.stub.StreamObserver;
import kelpie.v1.Address;
import kelpie.v1.ConnectRequest;
import kelpie.v1.ConnectResponse;
import kelpie.v1.Content;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Event;
import kelpie.v1.EventDraft;
import kelpie.v1.Hello;
import kelpie.v1.Payload;
import kelpie.v1.NodeChange;
import kelpie.v1.NodeFrame;
import kelpie.v1.NodeState;
import kelpie.v1.PublishAck;
import kelpie.v1.Publish;
import kelpie.v1.ErrorReason;
import kelpie.v1.NodeRole;
import kelpie.v1.SessionServiceGrpc;
import kelpie.v1.Start;
import kelpie.v1.StartAt;
import kelpie.v1.UpdateOwnNode;
import kelpie.v1.UpdateSubscription;

/** What a plugin in Java writes. */
public final class Plugin implements StreamObserver<ConnectResponse> {
  static Hello hello() {
    return Hello.newBuilder()
        .setName("lobby-1")
        .setRole(NodeRole.NODE_ROLE_DOWNSTREAM)
        .setInstanceId(ByteString.copyFrom(new byte[16]))
        .setAddress(Address.newBuilder().setPort(19132))
        .putLabels("mode", "lobby")
        .addTopics("chat.*")
        .setStart(Start.newBuilder().setAt(StartAt.START_AT_SNAPSHOT))
        .build();
  }

  static Publish say(long sequence, String text) {
    return Publish.newBuilder()
        .setFirstPublishSequence(sequence)
        .addEvents(
            EventDraft.newBuilder()
                .setTopic("chat.global")
                .setPayload(
                    Payload.newBuilder().setContent(Content.newBuilder().setText(text))))
        .build();
  }

  static UpdateSubscription otherTopics() {
    return UpdateSubscription.newBuilder()
        .addAddedTopics("party.*")
        .addRemovedTopics("chat.*")
        .setStartAt(StartAt.START_AT_LATEST)
        .build();
  }

  static UpdateOwnNode drain() {
    return UpdateOwnNode.newBuilder()
        .setChange(
            NodeChange.newBuilder()
                .putLabels("mode", "closing")
                .addRemovedLabels("vip")
                .setState(NodeState.NODE_STATE_DRAINING))
        .build();
  }

  static String read(CoordinatorFrame frame) {
    return switch (frame.getFrameCase()) {
      case WELCOME -> "I am " + frame.getWelcome().getNodeName();
      case EVENT_BATCH -> {
        var text = new StringBuilder();
        frame.getEventBatch().getEventsList().forEach(event -> text.append(read(event)));
        yield text.toString();
      }
      case SNAPSHOT ->
          frame.getSnapshot().getRows(0).getNode().getName() + frame.getSnapshot().getComplete();
      case PUBLISH_ACK -> read(frame.getPublishAck());
      case GAP -> "lost after " + frame.getGap().getLostAfter().getSequence();
      default -> "";
    };
  }

  static String read(Event event) {
    return switch (event.getBodyCase()) {
      case MESSAGE_PUBLISHED -> event.getMessagePublished().getContent().getText();
      case NODE_LEFT -> event.getNodeLeft().getNode().getName() + event.getNodeLeft().getReason();
      default -> "";
    };
  }

  static String read(PublishAck ack) {
    for (var rejection : ack.getRejectionsList()) {
      if (rejection.getError().getReason() == ErrorReason.ERROR_REASON_TOPIC_RESERVED) {
        return rejection.getError().getMessage();
      }
    }
    return Long.toString(ack.getPublishSequence());
  }

  @Override
  public void onNext(ConnectResponse response) {
    response.getFramesList().forEach(frame -> System.out.println(read(frame)));
  }

  @Override
  public void onError(Throwable error) {
    error.printStackTrace();
  }

  @Override
  public void onCompleted() {}

  public static void main(String[] args) {
    var channel = ManagedChannelBuilder.forAddress("127.0.0.1", 50051).usePlaintext().build();
    SessionServiceGrpc.newStub(channel)
        .connect(new Plugin())
        .onNext(
            ConnectRequest.newBuilder()
                .addFrames(NodeFrame.newBuilder().setHello(hello()))
                .addFrames(NodeFrame.newBuilder().setRequestId(1).setPublish(say(1, "hi")))
                .addFrames(
                    NodeFrame.newBuilder().setRequestId(2).setUpdateSubscription(otherTopics()))
                .addFrames(NodeFrame.newBuilder().setRequestId(3).setUpdateOwnNode(drain()))
                .build());
  }
}
