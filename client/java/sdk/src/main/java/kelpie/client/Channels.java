package kelpie.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.LoadBalancerRegistry;
import io.grpc.ManagedChannel;
import io.grpc.okhttp.OkHttpChannelBuilder;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** Opens channels to coordinators. */
final class Channels {
  /** The default window of 64 KiB lets 1.25 MB/s through at 20 ms round trip. */
  private static final int WINDOW_BYTES = 1 << 20;

  private static final int MOST_MESSAGE_BYTES = 16 * 1024 * 1024;

  private Channels() {}

  /**
   * Throws UNKNOWN if gRPC lacks parts that it finds by files in META-INF/services: in a jar that was put together without
   * them no attempt to connect could succeed.
   */
  static void check() {
    try {
      builder("127.0.0.1:1", InsecureChannelCredentials.create()).build().shutdownNow();
      if (LoadBalancerRegistry.getDefaultRegistry().getProvider("pick_first") == null)
        throw new IllegalStateException("there is no LoadBalancerProvider");
    } catch (RuntimeException | LinkageError | ServiceConfigurationError cause) {
      String message =
          "gRPC is not whole in this program ("
              + Errors.messageOf(cause)
              + "); a jar that contains it needs grpc-okhttp, and the files in META-INF/services of all its parts: with"
              + " maven-shade-plugin add the ServicesResourceTransformer";
      throw new KelpieException(Reason.UNKNOWN, message, Map.of(), true, null, cause);
    }
  }

  /** {@code executor}: runs the callbacks; null for that of gRPC. Throws FILE_INVALID for a certificate. */
  static ManagedChannel open(String endpoint, Protection protection, Executor executor) {
    OkHttpChannelBuilder builder = builder(endpoint, protection.credentialsFor(endpoint));
    if (executor != null) builder.executor(executor);
    return builder.build();
  }

  private static OkHttpChannelBuilder builder(String endpoint, ChannelCredentials credentials) {
    return OkHttpChannelBuilder.forAddress(Endpoints.hostOf(endpoint), Endpoints.portOf(endpoint), credentials)
        // Keepalive notices a dead coordinator.
        .keepAliveTime(20, TimeUnit.SECONDS)
        .keepAliveTimeout(5, TimeUnit.SECONDS)
        .keepAliveWithoutCalls(true)
        .flowControlWindow(WINDOW_BYTES)
        .maxInboundMessageSize(MOST_MESSAGE_BYTES)
        // gRPC makes no retries of its own.
        .disableRetry()
        // An HTTP proxy of the environment is for the web. gRPC would use it even for this machine.
        .proxyDetector(address -> null);
  }
}
