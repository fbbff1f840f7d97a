package kelpie.client;

import static kelpie.client.Awaited.get;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.okhttp.OkHttpServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import kelpie.v1.ConnectRequest;
import kelpie.v1.ConnectResponse;
import kelpie.v1.CoordinatorFrame;
import kelpie.v1.Cursor;
import kelpie.v1.ErrorDetail;
import kelpie.v1.HeartbeatRequested;
import kelpie.v1.NodeFrame;
import kelpie.v1.NodeRole;
import kelpie.v1.SessionServiceGrpc;
import kelpie.v1.Welcome;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Values that no coordinator should send, and programs whose own parts fail: the client goes on. */
@Timeout(60)
class HostileTest {
  private static final Duration ENDLESS = Duration.newBuilder().setSeconds(Long.MAX_VALUE / 2).build();

  private final AtomicInteger beats = new AtomicInteger();
  private final Awaited<Object> streams = new Awaited<>();

  /** A coordinator that does this with each new stream. */
  private Server coordinator(int port, Consumer<StreamObserver<ConnectResponse>> begin) throws Exception {
    SessionServiceGrpc.SessionServiceImplBase service =
        new SessionServiceGrpc.SessionServiceImplBase() {
          @Override
          public StreamObserver<ConnectRequest> connect(StreamObserver<ConnectResponse> node) {
            streams.accept(node);
            begin.accept(node);
            return new StreamObserver<>() {
              @Override
              public void onNext(ConnectRequest message) {
                beats.addAndGet((int) message.getFramesList().stream().filter(NodeFrame::hasHeartbeat).count());
              }

              @Override
              public void onError(Throwable broken) {}

              @Override
              public void onCompleted() {}
            };
          }
        };
    return OkHttpServerBuilder.forPort(port, InsecureServerCredentials.create()).addService(service).build().start();
  }

  /** A jar that was put together without META-INF/services: each attempt to connect would fail, for ever. */
  @Test
  void aProgramWithoutAllPartsOfGrpcIsRefusedAtConnect() throws Exception {
    for (String service : List.of("io.grpc.NameResolverProvider", "io.grpc.LoadBalancerProvider"))
      for (boolean alone : List.of(true, false)) {
        InvocationTargetException refused =
            assertThrows(InvocationTargetException.class, () -> connectWithout("META-INF/services/" + service, alone));
        String message = refused.getCause().getMessage();
        assertTrue(message.contains("META-INF/services"), message);
      }
  }

  /** gRPC looks in the context of the thread too, where a plugin finds the gRPC of its server. */
  private static void connectWithout(String resource, boolean alone) throws Exception {
    List<URL> path = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator))
      path.add(Path.of(entry).toUri().toURL());
    try (URLClassLoader program =
        new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader()) {
          @Override
          public Enumeration<URL> getResources(String name) throws IOException {
            return name.equals(resource) ? Collections.emptyEnumeration() : super.getResources(name);
          }
        }) {
      if (alone) Thread.currentThread().setContextClassLoader(program);
      Method connect = program.loadClass(HostileTest.class.getName()).getDeclaredMethod("connectHere");
      connect.setAccessible(true);
      connect.invoke(null);
    } finally {
      Thread.currentThread().setContextClassLoader(HostileTest.class.getClassLoader());
    }
  }

  /** Called in another class loader. */
  static void connectHere() {
    KelpieClient.connect(node(1).build()).closeAsync();
  }

  private static ConnectResponse welcome(Consumer<Welcome.Builder> with) {
    Cursor cursor = Cursor.newBuilder().setEpoch(ByteString.copyFrom(new byte[16])).setSequence(1).build();
    Welcome.Builder welcome = Welcome.newBuilder().setNodeName("node").setCursor(cursor);
    with.accept(welcome);
    return ConnectResponse.newBuilder().addFrames(CoordinatorFrame.newBuilder().setWelcome(welcome)).build();
  }

  private static ConnectOptions.Builder node(int port) {
    return ConnectOptions.builder("node", NodeRole.NODE_ROLE_SERVICE).endpoints("127.0.0.1:" + port).logger(line -> {});
  }

  private void connectsAgain(Consumer<StreamObserver<ConnectResponse>> begin) throws Exception {
    int port = Kelpied.freePort();
    Server server = coordinator(port, begin);
    try (KelpieClient client = KelpieClient.connect(node(port).build())) {
      streams.next(3);
    } finally {
      server.shutdownNow();
    }
  }

  @Test
  void anEndlessGraceDoesNotEndTheAttempts() throws Exception {
    connectsAgain(
        node -> {
          node.onNext(welcome(welcome -> welcome.setGrace(ENDLESS)));
          node.onCompleted();
        });
  }

  @Test
  void aNegativeWaitDoesNotEndTheAttempts() throws Exception {
    Duration negative = Duration.newBuilder().setSeconds(Long.MIN_VALUE).setNanos(-1).build();
    ErrorDetail busy = ErrorDetail.newBuilder().setCode(14).setMessage("busy").setRetryAfter(negative).build();
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder().setCode(14).addDetails(Any.pack(busy)).build();
    connectsAgain(node -> node.onError(StatusProto.toStatusRuntimeException(status)));
  }

  @Test
  void anEndlessWaitIsCut() {
    ErrorDetail busy = ErrorDetail.newBuilder().setCode(14).setRetryAfter(ENDLESS).build();
    assertTrue(Errors.fromWire(busy).retryAfter().orElseThrow().toMillis() > 0);
  }

  @Test
  void aGraceOfNothingLeavesAPauseBetweenTheAttempts() throws Exception {
    int port = Kelpied.freePort();
    Server server =
        coordinator(
            port,
            node -> {
              node.onNext(welcome(welcome -> welcome.setGrace(Duration.getDefaultInstance())));
              node.onCompleted();
            });
    try (KelpieClient client = KelpieClient.connect(node(port).build())) {
      streams.next();
      TimeUnit.SECONDS.sleep(2);
      assertTrue(streams.waiting() < 100, streams.waiting() + " attempts in 2 s");
    } finally {
      server.shutdownNow();
    }
  }

  @Test
  void oneHeartbeatAnswersManyRequests() throws Exception {
    int port = Kelpied.freePort();
    ConnectResponse.Builder many = ConnectResponse.newBuilder();
    CoordinatorFrame.Builder request =
        CoordinatorFrame.newBuilder().setHeartbeatRequested(HeartbeatRequested.getDefaultInstance());
    for (int count = 0; count < 10_000; count++) many.addFrames(request);
    Server server =
        coordinator(
            port,
            node -> {
              node.onNext(welcome(welcome -> {}));
              node.onNext(many.build());
            });
    try (KelpieClient client = KelpieClient.connect(node(port).build())) {
      streams.next();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
      while (beats.get() < 2 && System.nanoTime() < end) TimeUnit.MILLISECONDS.sleep(10);
      TimeUnit.MILLISECONDS.sleep(500);
      assertTrue(beats.get() >= 2 && beats.get() < 100, beats + " heartbeats");
    } finally {
      server.shutdownNow();
    }
  }

  @Test
  void anIntervalOfNothingMakesNoFloodOfHeartbeats() throws Exception {
    int port = Kelpied.freePort();
    Server server =
        coordinator(
            port, node -> node.onNext(welcome(welcome -> welcome.setHeartbeatInterval(Duration.getDefaultInstance()))));
    try (KelpieClient client = KelpieClient.connect(node(port).build())) {
      streams.next();
      TimeUnit.SECONDS.sleep(1);
      assertTrue(beats.get() >= 1 && beats.get() < 100, beats + " heartbeats in a second");
    } finally {
      server.shutdownNow();
    }
  }

  @Test
  void aLoggerThatThrowsDoesNotEndTheAttempts() throws Exception {
    int port = Kelpied.freePort();
    AtomicInteger lines = new AtomicInteger();
    ConnectOptions options =
        node(port)
            .logger(
                line -> {
                  lines.incrementAndGet();
                  throw new IllegalStateException("the logger is closed");
                })
            .build();
    try (KelpieClient client = KelpieClient.connect(options)) {
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(15);
      while (lines.get() == 0 && System.nanoTime() < end) TimeUnit.MILLISECONDS.sleep(10);
      assertTrue(lines.get() > 0);
      Server server = coordinator(port, node -> node.onNext(welcome(welcome -> {})));
      try {
        streams.next();
      } finally {
        server.shutdownNow();
      }
    }
  }

  /** The names of containers often have underscores, which gRPC for Java does not take. */
  @Test
  void aHostThatNoConnectionCanHaveIsRefusedAtOnce() {
    KelpieException error =
        assertThrows(
            KelpieException.class,
            () -> KelpieClient.connect(node(1).endpoints("kelpie_coordinator:50051").insecure(true).build()));
    assertEquals(Reason.OUT_OF_RANGE, error.reason());
    assertTrue(error.getMessage().contains("kelpie_coordinator"), error.getMessage());
  }

  /** No event is lost: the handlers get those that came meanwhile, in order. */
  @Test
  void anExecutorThatIsFullForAWhileLosesNoEvent() throws Exception {
    AtomicBoolean full = new AtomicBoolean();
    ExecutorService own = Executors.newSingleThreadExecutor();
    Executor bounded =
        task -> {
          if (full.get()) throw new RejectedExecutionException("the queue is full");
          own.execute(task);
        };
    Awaited<String> texts = new Awaited<>();
    try (Kelpied kelpied = Kelpied.dev();
        KelpieClient writer = kelpied.ready("writer");
        KelpieClient reader =
            KelpieClient.connect(
                kelpied.node("reader").executor(bounded).build(),
                client -> client.subscribe("log.*", event -> texts.accept(event.content().orElseThrow().toString())))) {
      get(reader.ready());
      get(writer.publish("log.a", "1"));
      assertEquals("1", texts.next());
      full.set(true);
      get(writer.publish("log.a", "2"));
      get(reader.update(kelpie.v1.NodeChange.getDefaultInstance()));
      full.set(false);
      get(writer.publish("log.a", "3"));
      assertEquals("2", texts.next());
      assertEquals("3", texts.next());
    } finally {
      own.shutdownNow();
    }
  }
}
