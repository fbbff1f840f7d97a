package kelpie.client;

import com.google.common.util.concurrent.ListenableFuture;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import io.grpc.ManagedChannel;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import kelpie.v1.AccessServiceGrpc;
import kelpie.v1.GetOwnCredentialRequest;
import kelpie.v1.GetOwnCredentialResponse;

/**
 * How a client reaches its coordinators: it makes one connection for each stream, with the token and the certificates of
 * that moment. So the back-off is the client's own, and not that of gRPC.
 */
final class Transport {
  /** How long a call before the stream may take. */
  static final int CALL_SECONDS = 10;

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  final Loop loop;
  final Protection protection;
  final Tokens tokens;
  final String network;

  /** Throws VALUE_INVALID or FILE_INVALID, or UNKNOWN if parts of gRPC are missing. */
  Transport(ConnectOptions options, Loop loop) {
    Channels.check();
    this.loop = loop;
    protection = new Protection(options);
    tokens = new Tokens(options);
    network = options.network;
  }

  /** A stream to the coordinator at the endpoint, which the link opens. */
  Wire wireTo(String endpoint) {
    return new GrpcWire(this, endpoint);
  }

  /** The metadata that shows a token, or none. */
  static Metadata metadataOf(String token) {
    Metadata metadata = new Metadata();
    if (token != null) metadata.put(AUTHORIZATION, "Bearer " + token);
    return metadata;
  }

  /**
   * A node that joins the wrong network replaces the node of its name there. Fails with NETWORK_MISMATCH. The Welcome of
   * an older coordinator names its network too, later.
   */
  CompletableFuture<Void> checkNetwork(ManagedChannel channel, Metadata headers) {
    if (network == null) return CompletableFuture.completedFuture(null);
    AccessServiceGrpc.AccessServiceFutureStub access =
        AccessServiceGrpc.newFutureStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
            .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
    return completable(access.getOwnCredential(GetOwnCredentialRequest.getDefaultInstance()), loop)
        .handle(this::judge);
  }

  private Void judge(GetOwnCredentialResponse own, Throwable thrown) {
    if (thrown != null) {
      KelpieException error = Errors.fromThrown(thrown);
      if (error.reason() != Reason.NOT_A_COORDINATOR) throw error;
    } else if (!own.getNetwork().equals(network)) throw networkMismatch(network, own.getNetwork());
    return null;
  }

  /** No event, request or report of this node may get into a network that its program does not mean. */
  static KelpieException networkMismatch(String expected, String network) {
    String message =
        "the token or certificate of this node is of the network \""
            + network
            + "\", and the program expects \""
            + expected
            + "\"; give the node a token of \""
            + expected
            + "\", or change the option network";
    Map<String, String> metadata = Map.of("expected", expected, "network", network);
    return Errors.permanent(Reason.NETWORK_MISMATCH, message, metadata);
  }

  /** A future of gRPC as one of Java, which completes in the loop. */
  static <T> CompletableFuture<T> completable(ListenableFuture<T> future, Loop loop) {
    CompletableFuture<T> made = new CompletableFuture<>();
    future.addListener(
        () -> {
          try {
            made.complete(future.get());
          } catch (ExecutionException failed) {
            made.completeExceptionally(failed.getCause());
          } catch (InterruptedException | RuntimeException failed) {
            made.completeExceptionally(failed);
          }
        },
        loop);
    return made;
  }
}
