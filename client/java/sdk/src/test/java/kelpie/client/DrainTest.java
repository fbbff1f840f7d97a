package kelpie.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.okhttp.OkHttpServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import kelpie.v1.ConnectRequest;
import kelpie.v1.ConnectResponse;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Drain;
import kelpie.v1.ErrorDetail;
import kelpie.v1.ErrorReason;
import kelpie.v1.GoodbyeReason;
import kelpie.v1.NodeFrame;
import kelpie.v1.NodeRole;
import kelpie.v1.SessionServiceGrpc;
import kelpie.v1.Welcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A client whose coordinator cannot reach its storage. It stays where no other coordinator welcomes it. */
@Timeout(30)
class DrainTest {
  /** A stream of the node, whose frames the test sends. */
  private static final class Stream implements StreamObserver<ConnectRequest> {
    final StreamObserver<ConnectResponse> node;
    final Awaited<NodeFrame> frames = new Awaited<>();

    Stream(StreamObserver<ConnectResponse> node) {
      this.node = node;
    }

    @Override
    public void onNext(ConnectRequest message) {
      message.getFramesList().forEach(frames::accept);
    }

    @Override
    public void onError(Throwable broken) {}

    @Override
    public void onCompleted() {
      node.onCompleted();
    }

    void send(CoordinatorFrame.Builder frame) {
      node.onNext(ConnectResponse.newBuilder().addFrames(frame).build());
    }

    Stream welcome() {
      send(CoordinatorFrame.newBuilder().setWelcome(Welcome.newBuilder().setNodeName("node").setPublishSequence(1)));
      return this;
    }

    void drain(long windowMs) {
      Duration window = Durations.wire(java.time.Duration.ofMillis(windowMs));
      send(CoordinatorFrame.newBuilder().setDrain(Drain.newBuilder().setReconnectWindow(window).setMayStay(true)));
    }

    void refuse() {
      ErrorDetail detail =
          ErrorDetail.newBuilder().setReason(ErrorReason.ERROR_REASON_ENGINE_UNAVAILABLE).setCode(14).build();
      com.google.rpc.Status status =
          com.google.rpc.Status.newBuilder().setCode(14).addDetails(Any.pack(detail)).build();
      node.onError(StatusProto.toStatusRuntimeException(status));
    }
  }

  /** A coordinator whose streams the test welcomes. */
  private static final class Coordinator extends SessionServiceGrpc.SessionServiceImplBase {
    final Awaited<Stream> streams = new Awaited<>();
    final Server server;

    Coordinator() throws IOException {
      server = OkHttpServerBuilder.forPort(0, InsecureServerCredentials.create()).addService(this).build().start();
    }

    @Override
    public StreamObserver<ConnectRequest> connect(StreamObserver<ConnectResponse> node) {
      Stream stream = new Stream(node);
      streams.accept(stream);
      return stream;
    }

    String endpoint() {
      return "127.0.0.1:" + server.getPort();
    }
  }

  private final Coordinator one;
  private final Coordinator other;
  private final Awaited<Status> statuses = new Awaited<>();
  private final KelpieClient client;

  DrainTest() throws IOException {
    one = new Coordinator();
    other = new Coordinator();
    client =
        KelpieClient.connect(
            ConnectOptions.builder("node", NodeRole.NODE_ROLE_SERVICE)
                .endpoints(one.endpoint(), other.endpoint())
                .start(Start.latest())
                .logger(line -> {})
                .build());
    client.onStatus(statuses);
  }

  @AfterEach
  void close() {
    client.closeAsync();
    one.server.shutdownNow();
    other.server.shutdownNow();
  }

  private static void isQuiet(Coordinator coordinator) throws InterruptedException {
    TimeUnit.MILLISECONDS.sleep(150);
    assertEquals(0, coordinator.streams.waiting());
  }

  @Test
  void aClientStaysUntilAnotherCoordinatorWelcomesIt() throws Exception {
    Stream first = one.streams.next();
    assertEquals(List.of("drain-may-stay"), first.frames.next().getHello().getFeaturesList());
    first.welcome().drain(1);
    other.streams.next().refuse();
    isQuiet(one);
    assertEquals(ConnectionState.CONNECTED, client.connectionState());
    first.drain(1);
    other.streams.next().welcome();
    NodeFrame last = first.frames.next(NodeFrame::hasGoodbye);
    assertEquals(GoodbyeReason.GOODBYE_REASON_DRAINED, last.getGoodbye().getReason());
    statuses.next(status -> status instanceof Status.Connected on && on.endpoint().equals(other.endpoint()));
  }

  /** The move of the first stream, which broke, ends in between. */
  @Test
  void aMoveWhoseStreamBrokeLeavesTheNextOneAlone() throws Exception {
    Stream first = one.streams.next().welcome();
    first.drain(1000);
    first.node.onError(io.grpc.Status.UNAVAILABLE.asRuntimeException());
    Stream second = other.streams.next().welcome();
    second.drain(1);
    Stream third = one.streams.next();
    TimeUnit.MILLISECONDS.sleep(1000);
    second.drain(0);
    isQuiet(one);
    third.refuse();
    isQuiet(one);
    assertEquals(ConnectionState.CONNECTED, client.connectionState());
  }
}
